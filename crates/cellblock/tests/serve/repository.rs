//! Repositories of tests' own.

use std::{fs, path::Path, process::Command};

/// Makes one of these files, committed.
pub(crate) fn make(path: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let place = path.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }
    for words in [
        &["init", "--quiet", "--initial-branch", "main"][..],
        &["add", "--all"],
        &["-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qm", "a state"],
    ] {
        let mut git = Command::new("git");
        git.args(words).current_dir(path).env("HOME", path);
        assert!(git.status().unwrap().success(), "{words:?}");
    }
}
