//! Whether an environment is still the one that it was. Cheap: every session and
//! every pooled run asks.

use std::{fmt::Write, fs, os::unix::fs::MetadataExt, path::Path};

use super::{
    BARE, check_name,
    packages::{self, DIGEST_FILE, DIRECTORY},
    pyproject,
};

/// What changes when an interpreter or its packages do: the digest where the
/// environment was made by us, and in any case when what tells was last changed.
/// `python` is where the interpreter is seen, which for `bare` is where it is.
pub(crate) fn fingerprint(environments: &Path, name: &str, python: &Path) -> String {
    let mut text = String::new();
    if check_name(name).is_err() {
        return text;
    }
    let directory = environments.join(name);
    let venv = directory.join(DIRECTORY);
    if name == BARE && !venv.is_dir() {
        note(&mut text, python);
        return text;
    }
    if let Some(digest) = packages::digest(&directory) {
        text.push_str(&digest);
    }
    for path in [directory.join(DIGEST_FILE), directory.join(pyproject::FILE)] {
        note(&mut text, &path);
    }
    for path in [venv.join("bin/python"), venv.join("pyvenv.cfg")] {
        note(&mut text, &path);
    }
    // Where packages are: their directory changes when one comes or goes.
    if let Ok(entries) = fs::read_dir(venv.join("lib")) {
        for entry in entries.flatten().take(LIBRARIES_MAX) {
            note(&mut text, &entry.path().join("site-packages"));
        }
    }
    text
}

/// An environment has one; more than these is not one.
const LIBRARIES_MAX: usize = 8;

fn note(text: &mut String, path: &Path) {
    if let Ok(metadata) = fs::metadata(path) {
        let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
        // Writing to a text cannot fail.
        let _ = write!(text, ";{}:{seconds}.{nanoseconds}:{}", metadata.ino(), metadata.size());
    }
}
