//! Which files a turn or a run has created, changed or deleted.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
};

use api::{FileChange, FileChangeKind};
use sha2::{Digest, Sha256};

use super::mime;
use crate::{
    account::hexadecimal,
    runtime::OWN_PREFIX,
    transfer::shown,
    workspace::{self, Kind, Look},
};

/// The most changes that are told of one turn; more is a package being unpacked.
const CHANGES_MAX: usize = 1000;
/// The largest file that is read for its digest.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// The most that is read for digests after one turn: a few hundredths of a second.
const BYTES_MAX: u64 = 32 << 20;
/// Read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// The files of a workspace as they were at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    files: BTreeMap<PathBuf, Look>,
}

impl Snapshot {
    /// Looks at every file. One that cannot be seen from outside is not told of.
    pub(super) fn take(root: BorrowedFd<'_>) -> Self {
        let tree = workspace::walk(root, Path::new(".")).unwrap_or_default();
        let files = tree
            .entries
            .into_iter()
            .filter(|(path, look)| look.kind == Kind::File && !is_own(path));
        Self { files: files.collect() }
    }

    /// What became of the files since, but for what is more than `most`: of that, it is
    /// as if nobody had looked yet.
    pub(super) fn advance(&self, root: impl AsFd, most: usize) -> (Self, Vec<Change>) {
        let now = Self::take(root.as_fd());
        let told = |(path, change, look): (&PathBuf, _, Option<&Look>)| {
            (path.clone(), change, look.map(|look| look.size))
        };
        let mut changes: Vec<Change> = differences(self, &now).take(most).map(told).collect();
        changes.sort_by(|left, right| left.0.cmp(&right.0));
        if changes.len() < most {
            return (now, changes);
        }
        let mut seen = self.clone();
        for (path, ..) in &changes {
            match now.files.get(path) {
                Some(look) => seen.files.insert(path.clone(), *look),
                None => seen.files.remove(path),
            };
        }
        (seen, changes)
    }
}

/// What became of a file, and its size if it is there.
pub(super) type Change = (PathBuf, FileChangeKind, Option<u64>);

/// Whether a file is ours and not the user's.
fn is_own(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default();
    name.as_encoded_bytes().starts_with(OWN_PREFIX.as_bytes())
}

/// What became of the files from one moment to another, by path.
pub(super) fn changes(
    before: &Snapshot,
    after: &Snapshot,
    root: Option<BorrowedFd<'_>>,
) -> Vec<FileChange> {
    let mut digester = Digester::default();
    let mut changes = Vec::new();
    for (path, change, look) in differences(before, after).take(CHANGES_MAX) {
        let sha256 = look.zip(root).and_then(|(look, root)| {
            let (file, _) = workspace::open_file(root, path).ok()?;
            digester.digest(file, look.size)
        });
        changes.push(FileChange {
            path: shown(path),
            change,
            size_bytes: look.map(|look| look.size),
            sha256,
            mime: mime::of(path).map(str::to_owned),
        });
    }
    changes.sort_by(|left, right| left.path.cmp(&right.path));
    changes
}

fn differences<'a>(
    before: &'a Snapshot,
    after: &'a Snapshot,
) -> impl Iterator<Item = (&'a PathBuf, FileChangeKind, Option<&'a Look>)> {
    let there = after.files.iter().filter_map(|(path, look)| match before.files.get(path) {
        None => Some((path, FileChangeKind::Created, Some(look))),
        Some(earlier) if earlier != look => Some((path, FileChangeKind::Changed, Some(look))),
        Some(_) => None,
    });
    let gone = before.files.keys().filter(|path| !after.files.contains_key(*path));
    there.chain(gone.map(|path| (path, FileChangeKind::Deleted, None)))
}

/// Takes digests of files, as many as there is time for.
#[derive(Debug)]
pub(crate) struct Digester {
    bytes_left: u64,
}

impl Default for Digester {
    fn default() -> Self {
        Self { bytes_left: BYTES_MAX }
    }
}

impl Digester {
    /// SHA-256 of a file of this size; `None` if it is too large, or another by now.
    pub(crate) fn digest(&mut self, file: File, size: u64) -> Option<String> {
        if size > FILE_BYTES_MAX.min(self.bytes_left) {
            return None;
        }
        // It may grow while it is read.
        let mut file = file.take(size + 1);
        let (mut hash, mut read) = (Sha256::new(), 0_u64);
        let length = usize::try_from(size + 1).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let mut buffer = vec![0; length];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    hash.update(&buffer[..length]);
                    read += length as u64;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        self.bytes_left = self.bytes_left.saturating_sub(read);
        (read == size).then(|| hexadecimal(&hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_became_of_files_is_told_by_path() {
        let scratch = std::env::temp_dir().join(format!("changes-{}", std::process::id()));
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(scratch.join("a/b")).unwrap();
        fs::write(scratch.join("a/b/same.txt"), "same").unwrap();
        fs::write(scratch.join("a/old.csv"), "old").unwrap();
        fs::write(scratch.join("grows.json"), "{}").unwrap();
        let root = File::open(&scratch).unwrap();
        let before = Snapshot::take(root.as_fd());
        fs::write(scratch.join("a/new.png"), "abc").unwrap();
        fs::write(scratch.join("grows.json"), "{\"a\": 1}").unwrap();
        fs::remove_file(scratch.join("a/old.csv")).unwrap();
        fs::write(scratch.join(".cellblock-1-main.sh"), "ours").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", scratch.join("link")).unwrap();
        let after = Snapshot::take(root.as_fd());
        let told = changes(&before, &after, Some(root.as_fd()));
        fs::remove_dir_all(&scratch).unwrap();
        let short: Vec<_> =
            told.iter().map(|c| (c.path.as_str(), c.change, c.size_bytes)).collect();
        assert_eq!(
            short,
            [
                ("a/new.png", FileChangeKind::Created, Some(3)),
                ("a/old.csv", FileChangeKind::Deleted, None),
                ("grows.json", FileChangeKind::Changed, Some(8)),
            ]
        );
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(told[0].sha256.as_deref(), Some(known));
        assert_eq!(told[0].mime.as_deref(), Some("image/png"));
        assert_eq!(told[1].sha256, None);
    }
    #[test]
    fn what_is_too_much_at_once_is_told_later() {
        let scratch = std::env::temp_dir().join(format!("advances-{}", std::process::id()));
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).unwrap();
        let root = File::open(&scratch).unwrap();
        let mut seen = Snapshot::take(root.as_fd());
        for number in 0..7 {
            fs::write(scratch.join(number.to_string()), "x").unwrap();
        }
        let mut told = Vec::new();
        for count in [3, 3, 1, 0] {
            let (next, changes) = seen.advance(&root, 3);
            assert_eq!(changes.len(), count);
            told.extend(changes.into_iter().map(|(path, ..)| path));
            seen = next;
        }
        fs::remove_file(scratch.join("4")).unwrap();
        let (_, changes) = seen.advance(&root, 3);
        fs::remove_dir_all(&scratch).unwrap();
        assert_eq!(changes, [("4".into(), FileChangeKind::Deleted, None)]);
        let all: Vec<_> = (0..7).map(|number| PathBuf::from(number.to_string())).collect();
        assert_eq!(told, all);
    }
}
