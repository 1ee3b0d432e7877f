//! Which files a one-shot run has left in its workspace.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Component, Path, PathBuf},
};

use api::{FileChange, FileChangeKind, Upload};
use sandbox::Sandbox;

use super::shown;
use crate::session::{Digester, mime_of};

/// The most files that are told of.
const CHANGES_MAX: usize = 1000;

/// The files that a run has made, or left otherwise than they were put there. What
/// cannot be looked at is left out.
pub(crate) async fn created(sandbox: &mut dyn Sandbox, uploads: &[Upload]) -> Vec<FileChange> {
    let Ok(files) = sandbox.open_files(Path::new(".")).await else { return Vec::new() };
    let before = put_there(uploads);
    let mut digester = Digester::default();
    let mut changes = Vec::new();
    for (path, file) in files {
        let path = clean(&path);
        if changes.len() >= CHANGES_MAX {
            break;
        }
        let Some(found) = file.metadata().ok().filter(std::fs::Metadata::is_file) else { continue };
        let sha256 = digester.digest(file, found.len());
        let change = match before.get(&path) {
            None => FileChangeKind::Created,
            // It is as it was put there.
            Some((size, digest)) if *size == found.len() && *digest == sha256 => continue,
            Some(_) => FileChangeKind::Changed,
        };
        changes.push(FileChange {
            mime: mime_of(&path).map(str::to_owned),
            path: shown(&path),
            change,
            size_bytes: Some(found.len()),
            sha256,
        });
    }
    changes.sort_by(|left, right| left.path.cmp(&right.path));
    changes
}

/// Size and digest of what was put there, by path; a directory's content is not known.
fn put_there(uploads: &[Upload]) -> BTreeMap<PathBuf, (u64, Option<String>)> {
    let mut digester = Digester::default();
    let mut known = |upload: &Upload| {
        let file = File::open(&upload.source).ok()?;
        let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let digest = digester.digest(file, found.len());
        Some((clean(&upload.target), (found.len(), digest)))
    };
    uploads.iter().filter_map(&mut known).collect()
}

fn clean(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}
