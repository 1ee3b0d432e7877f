//! The files of the workspace that the checks read: what git tracks or would track.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

/// Programs that attack a sandbox or put it to work, what came of them, and what
/// runs in a virtual machine: data, in whatever form it needs, with paths of a
/// machine that it makes or asks for.
const CASES: [&str; 3] = ["crates/testkit/cases/", "docs/battery.", "scripts/vm/guest/"];

/// One text file.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// Relative to the workspace, with `/`.
    pub(crate) path: String,
    /// Its contents.
    pub(crate) text: String,
}

impl SourceFile {
    /// The part of the name after the last dot.
    pub(crate) fn extension(&self) -> &str {
        extension(&self.path)
    }

    /// Whether it is one of the battery's programs, or the like.
    pub(crate) fn is_case(&self) -> bool {
        CASES.iter().any(|place| self.path.starts_with(place))
    }

    /// Whether all of it is test code, by where it lies.
    pub(crate) fn is_test(&self) -> bool {
        self.is_case()
            || self.path.split('/').any(|part| part == "tests")
            || self.path.ends_with("/tests.rs")
            || self.path.ends_with("_tests.rs")
    }
}

/// The part of a path's last component after its last dot.
pub(crate) fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Every text file of the workspace, in the order of their paths.
pub(crate) fn read(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for path in tracked(root)? {
        // A file that git still lists may be gone, and one that is not text has no lines.
        let Ok(bytes) = fs::read(root.join(&path)) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        files.push(SourceFile { path, text });
    }
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others"])
        .arg("--exclude-standard")
        .current_dir(root)
        .output()
        .context("cannot run git to list the files of the workspace")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(list.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_tests_and_extensions_by_path() {
        let file = |path: &str| SourceFile { path: path.to_owned(), text: String::new() };
        assert!(file("crates/a/tests/it/main.rs").is_test());
        assert!(file("crates/a/src/b/tests.rs").is_test());
        assert!(!file("crates/testkit/src/lib.rs").is_test());
        assert!(file("crates/testkit/cases/files/a.rs").is_case());
        assert!(!file("crates/testkit/src/case.rs").is_case());
        assert_eq!(file(".ci/run").extension(), "");
        assert_eq!(file("a.b/c.tar.gz").extension(), "gz");
    }

    #[test]
    fn lists_this_very_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let files = read(&root).unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/tidy/tree.rs"));
        assert!(files.iter().all(|file| !file.path.starts_with("target/")));
    }
}
