//! What a killed sandbox left in its workspace.
//!
//! Init copies files out as long as it lives. Where everything was killed at once, by us
//! or for want of memory, it is gone, and the host side looks at the tree itself, by a
//! descriptor from before anything ran. Nothing inside is alive by then, so nothing
//! changes under the walk; no link is followed and no mount crossed.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, ErrorKind::PermissionDenied},
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    io::Errno,
};

use crate::wire::FILES_MAX;

/// The deepest that is looked: each path is walked from the workspace on.
const LEVELS_MAX: usize = 64;

/// Opens one file, or every file of a directory, with their paths. What is neither is left
/// out, and so is what an ordinary user may not read of a user subordinate to it.
///
/// # Errors
/// The path does not exist or leads elsewhere, or there are too many files.
pub(crate) fn files(workspace: &OwnedFd, wanted: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let mut left = vec![wanted.to_owned()];
    let mut files = Vec::new();
    while let Some(path) = left.pop() {
        if files.len() + left.len() >= FILES_MAX {
            return Err(Errno::TOOBIG.into());
        }
        let found = match open(workspace, &path) {
            // Its own user's alone, and the host side is another one.
            Err(error) if error.kind() == PermissionDenied && path != wanted => continue,
            found => found?,
        };
        match found {
            Some(Found::Directory(directory)) if path.components().count() < LEVELS_MAX => {
                list(&directory, &path, &mut left)?;
            }
            Some(Found::File(file)) => files.push((path, file)),
            None if path == wanted => return Err(Errno::OPNOTSUPP.into()),
            Some(Found::Directory(_)) | None => {}
        }
    }
    Ok(files)
}

enum Found {
    Directory(OwnedFd),
    File(File),
}

/// Opens a file or directory; `None` for anything else, which is not opened.
fn open(workspace: &OwnedFd, path: &Path) -> io::Result<Option<Found>> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    let open = |flags| openat2(workspace, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve);
    let look = match open(OFlags::PATH | OFlags::NOFOLLOW) {
        Err(Errno::LOOP) => return Ok(None),
        look => look?,
    };
    let kind = FileType::from_raw_mode(fstat(&look)?.st_mode);
    let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    Ok(match kind {
        FileType::Directory => Some(Found::Directory(open(read | OFlags::DIRECTORY)?)),
        FileType::RegularFile => Some(Found::File(open(read)?.into())),
        _ => None,
    })
}

fn list(directory: &OwnedFd, path: &Path, left: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            left.push(path.join(OsStr::from_bytes(name)));
        }
        if left.len() > FILES_MAX {
            return Err(Errno::TOOBIG.into());
        }
    }
    Ok(())
}
