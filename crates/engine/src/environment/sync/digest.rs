//! The digest of an environment's content: what it asks for, its lock, and
//! every installed file by path, mode and bytes.
//!
//! Compiled files (`__pycache__`) are left out: they follow from the others.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// More files than the largest environments have.
const FILES_MAX: usize = 4_000_000;

/// What separates this from other digests of the same bytes.
const DOMAIN: &[u8] = b"cellblock environment 1\n";

/// SHA-256 of texts and a directory's files, in hexadecimal digits.
///
/// # Errors
/// A file cannot be read.
pub(super) fn of(texts: &[&str], directory: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    hasher.update(DOMAIN);
    for text in texts {
        sized(&mut hasher, text.as_bytes());
    }
    for path in files(directory)? {
        let relative = path.strip_prefix(directory).unwrap_or(&path);
        sized(&mut hasher, relative.as_os_str().as_bytes());
        add(&mut hasher, &path)?;
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The files and symlinks of a directory and those in it, in order of their paths.
pub(super) fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true if entry.file_name() != "__pycache__" => directories.push(entry.path()),
                true => {}
                false => files.push(entry.path()),
            }
        }
        if files.len() > FILES_MAX {
            return Err(io::Error::other("there are more than 4000000 files"));
        }
    }
    files.sort_unstable();
    Ok(files)
}

fn add(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    let metadata = path.symlink_metadata()?;
    if metadata.is_symlink() {
        hasher.update(b"l");
        sized(hasher, fs::read_link(path)?.as_os_str().as_bytes());
        return Ok(());
    }
    hasher.update(b"f");
    hasher.update((metadata.permissions().mode() & 0o7777).to_le_bytes());
    hasher.update(metadata.len().to_le_bytes());
    let mut file = File::open(path)?;
    let mut buffer = [0_u8; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            length => hasher.update(&buffer[..length]),
        }
    }
}

/// Adds bytes with their length before them, so that no two lists run together.
fn sized(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A directory of the test's own with one file, one symlink and one compiled file.
    fn tree(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("digest-{}-{name}", std::process::id()));
        fs::create_dir_all(path.join("a/__pycache__")).unwrap();
        fs::write(path.join("a/file.py"), "1").unwrap();
        fs::write(path.join("a/__pycache__/file.pyc"), "1").unwrap();
        symlink("file.py", path.join("a/link")).unwrap();
        path
    }

    #[test]
    fn every_change_but_that_of_compiled_files_is_seen() {
        let path = tree("changes");
        let mut seen = vec![of(&["t"], &path).unwrap()];
        fs::write(path.join("a/__pycache__/file.pyc"), "2").unwrap();
        assert_eq!(of(&["t"], &path).unwrap(), seen[0]);
        let changes: [&dyn Fn(&Path); 5] = [
            &|path| fs::write(path.join("a/file.py"), "2").unwrap(),
            &|path| fs::rename(path.join("a/file.py"), path.join("a/other.py")).unwrap(),
            &|path| {
                let mode = fs::Permissions::from_mode(0o755);
                fs::set_permissions(path.join("a/other.py"), mode).unwrap();
            },
            &|path| fs::remove_file(path.join("a/link")).unwrap(),
            &|path| symlink("elsewhere", path.join("a/link")).unwrap(),
        ];
        for change in changes {
            change(&path);
            seen.push(of(&["t"], &path).unwrap());
        }
        seen.push(of(&["u"], &path).unwrap());
        seen.push(of(&["", "t"], &path).unwrap());
        let mut different = seen.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), seen.len());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn equal_trees_have_equal_digests() {
        let (left, right) = (tree("left"), tree("right"));
        assert_eq!(of(&[], &left).unwrap(), of(&[], &right).unwrap());
        for path in [left, right] {
            fs::remove_dir_all(path).unwrap();
        }
    }
}
