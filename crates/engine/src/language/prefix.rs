//! The directory that a toolchain outside `/usr` is shown by.
//!
//! The whole directory becomes readable inside, so one that holds anything but
//! a toolchain is refused: the root, a home directory, a top directory.

use std::path::{Path, PathBuf};

use super::PrefixRefused;

/// Host directories that every sandbox sees anyway.
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64"];

/// Files of which any tells a home directory.
const ENTRIES_OF_HOMES: [&str; 9] = [
    ".aws",
    ".bash_history",
    ".bashrc",
    ".config",
    ".git-credentials",
    ".gnupg",
    ".profile",
    ".ssh",
    ".zshrc",
];

/// Names of directories in a home that hold what many programs put there.
const GATHERING_PLACES: [&str; 3] = [".local", ".cache", ".config"];

/// Whether every sandbox sees a path anyway.
pub(crate) fn is_system(path: &Path) -> bool {
    SYSTEM.iter().any(|directory| path.starts_with(directory))
}

/// The directory to show for a program, whose path has no symlinks in it;
/// `None` if the system's directories suffice.
///
/// # Errors
/// Its directory is not plainly a toolchain's.
pub(crate) fn of(program: &Path) -> Result<Option<PathBuf>, PrefixRefused> {
    if is_system(program) {
        return Ok(None);
    }
    if let Some(prefix) = of_cellar(program) {
        check(prefix)?;
        return Ok(Some(prefix.to_owned()));
    }
    let bin = program.parent().filter(|parent| parent.ends_with("bin"));
    let Some(prefix) = bin.and_then(Path::parent) else {
        return Err(refused(program, "it is not in a directory called bin"));
    };
    check(prefix)?;
    Ok(Some(prefix.to_owned()))
}

/// The directory that holds a `Cellar`, if the program lies in one: programs
/// there use each other's libraries.
fn of_cellar(program: &Path) -> Option<&Path> {
    program.ancestors().find(|ancestor| ancestor.ends_with("Cellar"))?.parent()
}

/// Whether a directory may be shown as a toolchain.
pub(crate) fn check(prefix: &Path) -> Result<(), PrefixRefused> {
    let depth = prefix.components().count() - 1;
    if depth == 0 {
        return Err(refused(prefix, "it is the whole host"));
    }
    if prefix == Path::new("/root") || (depth < 3 && prefix.starts_with("/home")) {
        return Err(refused(prefix, "it is a home directory"));
    }
    if depth == 1 {
        return Err(refused(prefix, "it is a top directory of the host"));
    }
    if GATHERING_PLACES.iter().any(|name| prefix.ends_with(name)) {
        return Err(refused(prefix, "it holds files of many programs"));
    }
    if !prefix.join("bin").is_dir() || !prefix.join("lib").is_dir() {
        return Err(refused(prefix, "it does not hold bin and lib"));
    }
    if ENTRIES_OF_HOMES.iter().any(|entry| prefix.join(entry).symlink_metadata().is_ok()) {
        return Err(refused(prefix, "it looks like a home directory"));
    }
    Ok(())
}

fn refused(path: &Path, reason: &'static str) -> PrefixRefused {
    PrefixRefused { path: path.to_owned(), reason }
}
