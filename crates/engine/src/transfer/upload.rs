//! Files of the host on their way in.
//!
//! What a caller names is opened as they name it; below a named directory no
//! symbolic link is followed and nothing but files and directories is opened.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Path, PathBuf},
};

use api::Upload;
use policy::GuestPath;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use sandbox::{FileBody, FileEntry, Place};

use super::{
    DEPTH_MAX, FILES_MAX,
    place::{base_name, names_directory, shown, within},
};

/// Up to this size a file is read at once, so that it holds no descriptor.
const INLINE_BYTES_MAX: u64 = 64 * 1024;
/// The most files that wait as open descriptors; a process may by default hold 1024.
const DESCRIPTORS_MAX: usize = 256;

/// Why files cannot be copied in.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// A file or directory cannot be opened or read.
    #[error("{path:?} cannot be uploaded", path = path.display())]
    Open {
        /// The host path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It is a symbolic link in a directory, a pipe, a socket or a device.
    #[error("{path:?} cannot be uploaded: it is {kind}", path = path.display())]
    NotAFile {
        /// The host path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// There are too many files and directories.
    #[error("{path:?} is one file too many: the most is {maximum}", path = path.display())]
    TooManyFiles {
        /// The host path of the first that is too many.
        path: PathBuf,
        /// The limit.
        maximum: usize,
    },
    /// The files are larger together than the workspace may be.
    #[error(
        "{path:?} does not fit: the workspace may hold {maximum} bytes in all",
        path = path.display()
    )]
    TooLarge {
        /// The host path of the first that is too much.
        path: PathBuf,
        /// The limit.
        maximum: u64,
    },
    /// Directories are nested too deeply.
    #[error("{path:?} lies too deep: the most is {maximum} levels", path = path.display())]
    TooDeep {
        /// The host path.
        path: PathBuf,
        /// The limit.
        maximum: usize,
    },
    /// The place is not one in the workspace.
    #[error("nothing can be uploaded to {path:?}: {reason}")]
    Target {
        /// The guest path.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// Two files want the same place.
    #[error("two files would be {path:?} in the workspace")]
    Twice {
        /// The guest path.
        path: String,
    },
}

/// Collects what a sandbox is to find at its start: what the runtime brings, and
/// the caller's files; parents before what lies in them, and all within a number of bytes.
///
/// # Errors
/// The first file that cannot be had, by its path.
pub(crate) fn uploads(
    uploads: &[Upload],
    files: Vec<FileEntry>,
    workspace: &GuestPath,
    bytes_max: u64,
) -> Result<Vec<FileEntry>, UploadError> {
    let mut collection = Collection::new(files, bytes_max);
    for upload in uploads {
        collection.add(upload, workspace)?;
    }
    Ok(collection.into_files())
}

/// What is to be in the workspace, by its place there.
#[derive(Debug)]
struct Collection {
    elsewhere: Vec<FileEntry>,
    workspace: BTreeMap<PathBuf, (FileBody, bool)>,
    bytes_max: u64,
    bytes: u64,
    descriptors: usize,
}

/// A directory that is being walked.
struct Level {
    directory: OwnedFd,
    names: Vec<OsString>,
    host: PathBuf,
    guest: PathBuf,
}

impl Collection {
    fn new(files: Vec<FileEntry>, bytes_max: u64) -> Self {
        let mut collection = Self {
            elsewhere: Vec::new(),
            workspace: BTreeMap::new(),
            bytes_max,
            bytes: 0,
            descriptors: 0,
        };
        for file in files {
            match file.place {
                Place::Workspace(place) => {
                    collection.workspace.insert(place, (file.body, file.executable));
                }
                Place::Code(_) => collection.elsewhere.push(file),
            }
        }
        collection
    }

    fn into_files(self) -> Vec<FileEntry> {
        let entry = |(place, (body, executable))| {
            let place = Place::Workspace(place);
            FileEntry { place, body, executable, replace: false }
        };
        self.elsewhere.into_iter().chain(self.workspace.into_iter().map(entry)).collect()
    }

    fn add(&mut self, upload: &Upload, workspace: &GuestPath) -> Result<(), UploadError> {
        let target = target(upload, workspace)?;
        let host = &upload.source;
        // As `cp` does, the link that a caller names is followed, and only that.
        let (opened, stat) = open(CWD, host.as_os_str(), host, AtFlags::empty())?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.add_tree(opened, host, target),
            _ if target.as_os_str().is_empty() => {
                let (path, reason) = (shown(&upload.target), "it names no file");
                Err(UploadError::Target { path, reason })
            }
            _ => self.add_file(opened, &stat, host, target),
        }
    }

    fn add_tree(
        &mut self,
        directory: OwnedFd,
        host: &Path,
        guest: PathBuf,
    ) -> Result<(), UploadError> {
        self.add_directory(host, &guest)?;
        let mut levels = vec![Level::new(directory, host.to_owned(), guest)?];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.pop() else {
                levels.pop();
                continue;
            };
            let (host, guest) = (level.host.join(&name), level.guest.join(&name));
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let (opened, stat) = open(level.directory.as_fd(), &name, &host, flags)?;
            if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
                self.add_file(opened, &stat, &host, guest)?;
                continue;
            }
            if levels.len() >= DEPTH_MAX {
                return Err(UploadError::TooDeep { path: host, maximum: DEPTH_MAX });
            }
            self.add_directory(&host, &guest)?;
            levels.push(Level::new(opened, host, guest)?);
        }
        Ok(())
    }

    /// Adds a directory and those that it lies in.
    fn add_directory(&mut self, host: &Path, guest: &Path) -> Result<(), UploadError> {
        for place in guest.ancestors().filter(|place| !place.as_os_str().is_empty()) {
            match self.workspace.get(place) {
                None => self.insert(host, place.to_owned(), FileBody::Directory, true)?,
                Some((FileBody::Directory, _)) => {}
                Some(_) => return Err(UploadError::Twice { path: shown(place) }),
            }
        }
        Ok(())
    }

    fn add_file(
        &mut self,
        file: OwnedFd,
        stat: &Stat,
        host: &Path,
        guest: PathBuf,
    ) -> Result<(), UploadError> {
        if let Some(parent) = guest.parent() {
            self.add_directory(host, parent)?;
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let maximum = self.bytes_max;
        let too_large = || UploadError::TooLarge { path: host.to_owned(), maximum };
        let left = maximum.checked_sub(self.bytes.saturating_add(size)).ok_or_else(too_large)?;
        let body = if size > INLINE_BYTES_MAX && self.descriptors < DESCRIPTORS_MAX {
            self.descriptors += 1;
            self.bytes += size;
            FileBody::Host(file)
        } else {
            // It may have grown, or be one of those that tell no size.
            let bytes = read(file, size.saturating_add(left), host)?.ok_or_else(too_large)?;
            self.bytes += bytes.len() as u64;
            FileBody::Bytes(bytes)
        };
        self.insert(host, guest, body, stat.st_mode & 0o111 != 0)
    }

    fn insert(
        &mut self,
        host: &Path,
        guest: PathBuf,
        body: FileBody,
        executable: bool,
    ) -> Result<(), UploadError> {
        let count = self.workspace.len();
        match self.workspace.entry(guest) {
            Entry::Vacant(_) if count >= FILES_MAX => {
                Err(UploadError::TooManyFiles { path: host.to_owned(), maximum: FILES_MAX })
            }
            Entry::Vacant(vacant) => {
                vacant.insert((body, executable));
                Ok(())
            }
            // The source file is often in the directory that is uploaded with it.
            Entry::Occupied(taken) if is_same(&taken.get().0, &body) => Ok(()),
            Entry::Occupied(taken) => Err(UploadError::Twice { path: shown(taken.key()) }),
        }
    }
}

fn is_same(one: &FileBody, other: &FileBody) -> bool {
    match (one, other) {
        (FileBody::Bytes(one), FileBody::Bytes(other)) => one == other,
        (FileBody::Bytes(bytes), FileBody::Host(file))
        | (FileBody::Host(file), FileBody::Bytes(bytes)) => holds(file, bytes),
        _ => false,
    }
}

/// Whether a file holds just these bytes; where it stands for reading is not moved.
fn holds(file: &OwnedFd, bytes: &[u8]) -> bool {
    let mut buffer = vec![0; bytes.len() + 1];
    let mut length = 0;
    while length < buffer.len() {
        match rustix::io::pread(file, &mut buffer[length..], length as u64) {
            Ok(read @ 1..) => length += read,
            Ok(0) => break,
            Err(_) => return false,
        }
    }
    &buffer[..length] == bytes
}

impl Level {
    fn new(directory: OwnedFd, host: PathBuf, guest: PathBuf) -> Result<Self, UploadError> {
        let names = names(&directory, &host)?;
        Ok(Self { directory, names, host, guest })
    }
}

/// A directory's names, in an order that is the same every time.
fn names(directory: &OwnedFd, host: &Path) -> Result<Vec<OsString>, UploadError> {
    let failed = |cause: rustix::io::Errno| UploadError::Open {
        path: host.to_owned(),
        source: cause.into(),
    };
    let mut names = Vec::new();
    for entry in Dir::read_from(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        if names.len() >= FILES_MAX {
            let path = host.join(name);
            return Err(UploadError::TooManyFiles { path, maximum: FILES_MAX });
        }
        names.push(name.to_owned());
    }
    names.sort_unstable_by(|left, right| right.cmp(left));
    Ok(names)
}

/// Where an upload goes, as `cp` would have it.
fn target(upload: &Upload, workspace: &GuestPath) -> Result<PathBuf, UploadError> {
    let refused = |reason| UploadError::Target { path: shown(&upload.target), reason };
    let mut place = within(&upload.target, workspace).map_err(refused)?;
    if names_directory(&upload.target) || place.as_os_str().is_empty() {
        place.extend(base_name(&upload.source));
    }
    match place.components().count() {
        0..=DEPTH_MAX => Ok(place),
        _ => Err(refused("it lies too deep")),
    }
}

/// Opens a file or directory. What is neither is not opened at all: to open some
/// devices is to set them going.
fn open(
    parent: BorrowedFd<'_>,
    name: &OsStr,
    host: &Path,
    links: AtFlags,
) -> Result<(OwnedFd, Stat), UploadError> {
    let failed = |cause: rustix::io::Errno| UploadError::Open {
        path: host.to_owned(),
        source: cause.into(),
    };
    check_kind(&statat(parent, name, links).map_err(failed)?, host)?;
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if links.contains(AtFlags::SYMLINK_NOFOLLOW) {
        flags |= OFlags::NOFOLLOW;
    }
    let opened = openat(parent, name, flags, Mode::empty()).map_err(failed)?;
    // It may have become something else between the two.
    let stat = fstat(&opened).map_err(failed)?;
    check_kind(&stat, host)?;
    Ok((opened, stat))
}

fn check_kind(stat: &Stat, host: &Path) -> Result<(), UploadError> {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile | FileType::Directory => return Ok(()),
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        _ => "a device",
    };
    Err(UploadError::NotAFile { path: host.to_owned(), kind })
}

/// Reads a whole file; `None` where it holds more than `maximum`.
fn read(file: OwnedFd, maximum: u64, host: &Path) -> Result<Option<Vec<u8>>, UploadError> {
    let mut bytes = Vec::new();
    let result = File::from(file).take(maximum.saturating_add(1)).read_to_end(&mut bytes);
    result.map_err(|source| UploadError::Open { path: host.to_owned(), source })?;
    Ok((bytes.len() as u64 <= maximum).then_some(bytes))
}

#[cfg(test)]
mod tests;
