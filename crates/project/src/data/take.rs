//! Takes the files of a directory into a snapshot. Links are not followed; what is
//! neither file nor directory is left out.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use api::SnapshotFile;
use bytes::Bytes;
use futures_util::stream;
use record::Blobs;

use super::FILES_MAX;
use crate::{ProjectError, checkout::blocking};

/// Read at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// The deepest that is looked.
const DEPTH_MAX: usize = 32;
/// Of `open`: no link is followed, and nothing is waited for.
const NO_FOLLOW_NO_WAIT: i32 = 0o400_000 | 0o4000;

/// Files that were taken.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) files: Vec<SnapshotFile>,
    pub(crate) bytes: u64,
}

/// Takes every file of a directory, below a name.
pub(crate) async fn directory(
    blobs: &Blobs,
    directory: &Path,
    name: &str,
    bytes_max: u64,
    taken: &mut Taken,
) -> Result<(), ProjectError> {
    let top = directory.to_owned();
    let found = blocking(move || find(&top)).await?;
    if found.len() + taken.files.len() > FILES_MAX {
        let reason = format!("there are more than {FILES_MAX} files");
        return Err(ProjectError::Unfit { reason });
    }
    check(directory, &found, bytes_max, taken.bytes)?;
    for (path, _) in found {
        let left = bytes_max.saturating_sub(taken.bytes);
        let shown = path.strip_prefix(directory).unwrap_or(&path);
        let Some(shown) = shown.to_str().filter(|shown| !shown.contains('\\')) else {
            return Err(ProjectError::Unfit { reason: format!("{shown:?} is no plain name") });
        };
        let file = open(&path)?;
        let digest = blobs.put(chunks(file), left).await?;
        taken.bytes += digest.size_bytes;
        taken.files.push(SnapshotFile {
            path: format!("{name}/{shown}"),
            sha256: digest.sha256,
            size_bytes: digest.size_bytes,
        });
    }
    Ok(())
}

/// Refuses files that are too much for a snapshot before any of them is read.
fn check(
    directory: &Path,
    found: &[(PathBuf, u64)],
    maximum: u64,
    before: u64,
) -> Result<(), ProjectError> {
    let mut bytes = before;
    for (path, given) in found {
        bytes = bytes.saturating_add(*given);
        if bytes > maximum {
            let path = path.strip_prefix(directory).unwrap_or(path).to_owned();
            return Err(ProjectError::NoRoom { path, given: *given, maximum });
        }
    }
    Ok(())
}

/// Regular files below a directory with their sizes, in the order of their paths.
fn find(top: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let (mut left, mut files) = (vec![(top.to_owned(), 0)], Vec::new());
    while let Some((directory, depth)) = left.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && depth < DEPTH_MAX {
                left.push((entry.path(), depth + 1));
            } else if kind.is_file() {
                files.push((entry.path(), entry.metadata()?.len()));
            }
            if files.len() > FILES_MAX || left.len() > FILES_MAX {
                return Ok(files);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn open(path: &Path) -> io::Result<File> {
    let file = File::options().read(true).custom_flags(NO_FOLLOW_NO_WAIT).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no regular file any more")),
    }
}

/// A file's bytes as a stream.
fn chunks(file: File) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(file, |mut file| async move {
        let read = blocking(move || {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = file.read(&mut chunk)?;
            chunk.truncate(length);
            Ok((file, chunk))
        });
        let (file, chunk) = read.await?;
        Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), file)))
    })
}
