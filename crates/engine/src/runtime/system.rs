//! The host's own runtime directories, as every sandbox sees them: `/usr`, what
//! leads into it, and the few things in `/etc` that libraries read.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::parts::Parts;
use crate::language::{Language, prefix, trail};

/// Directories of the root that lead into `/usr`, or stand beside it on older systems.
const BESIDE_USR: [&str; 5] = ["/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// What every program may need of `/etc`: the linker's cache, the choice among
/// programs of one purpose, time zone, certificates, fonts.
const ETC: [&str; 8] = [
    "alternatives",
    "ca-certificates.conf",
    "fonts",
    "ld.so.cache",
    "localtime",
    "papersize",
    "ssl/certs",
    "ssl/openssl.cnf",
];

const ETC_DIRECTORY: &str = "/etc";

/// The most entries of `/etc` that a pattern is held against.
const ETC_ENTRIES_MAX: usize = 10_000;

/// Adds the host's runtime directories, and what the languages read in `/etc`.
pub(super) fn add<'a>(parts: &mut Parts, languages: impl IntoIterator<Item = &'a Language>) {
    parts.mount_same(Path::new("/usr"));
    for path in BESIDE_USR.map(Path::new) {
        match (fs::read_link(path), path.is_dir()) {
            (Ok(target), true) => parts.link(path, target),
            (Err(_), true) => parts.mount_same(path),
            (_, false) => {}
        }
    }
    for name in ETC {
        add_etc(parts, Path::new(name));
    }
    for pattern in languages.into_iter().flat_map(|language| language.etc) {
        for name in matching(pattern) {
            add_etc(parts, &name);
        }
    }
}

/// Shows one thing of `/etc`: as a symlink where it is one into `/usr`, else as a mount.
fn add_etc(parts: &mut Parts, name: &Path) {
    let path = Path::new(ETC_DIRECTORY).join(name);
    let Ok(followed) = trail::follow(&path) else { return };
    if !followed.end.exists() {
        return;
    }
    if prefix::is_system(&followed.end) {
        parts.link(&path, followed.end);
    } else {
        parts.mount(&followed.end, &path);
    }
}

/// The names in `/etc` that a pattern stands for.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let Some(start) = pattern.strip_suffix('*') else { return vec![PathBuf::from(pattern)] };
    let Ok(entries) = fs::read_dir(ETC_DIRECTORY) else { return Vec::new() };
    let names = entries.take(ETC_ENTRIES_MAX).filter_map(|entry| Some(entry.ok()?.file_name()));
    let begins = |name: &OsStr| name.as_encoded_bytes().starts_with(start.as_bytes());
    names.filter(|name| begins(name)).map(PathBuf::from).collect()
}
