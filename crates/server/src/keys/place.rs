//! The directory that the keys lie in: made private, and refused where others could
//! put keys of their own in place.

use std::{
    fmt,
    fs::DirBuilder,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Mode, OFlags, Stat};

use super::failure::KeyError;

/// Write access of group and others. An access list shows in the group's bits, too.
const OTHERS_WRITE: u32 = 0o022;

/// Why a directory or file cannot be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsafe {
    /// It belongs to somebody else.
    Owner {
        /// Their uid.
        uid: u32,
    },
    /// Somebody else may write to it.
    WritableByOthers {
        /// Its mode.
        mode: u32,
    },
    /// It is something else than it should be.
    Kind,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner { uid } => write!(formatter, "it belongs to somebody else, uid {uid}"),
            Self::WritableByOthers { mode } => {
                write!(formatter, "others may write to it, mode {mode:04o}")
            }
            Self::Kind => formatter.write_str("it is neither a plain file nor a directory"),
        }
    }
}

/// The directory, open. What is done in it is done by descriptor.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    descriptor: OwnedFd,
}

impl Place {
    /// Opens the directory, and makes it where it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, KeyError> {
        let failed = |source: io::Error| KeyError::Directory { path: path.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty());
        let descriptor = descriptor.map_err(|error| failed(error.into()))?;
        let stat = rustix::fs::fstat(&descriptor).map_err(|error| failed(error.into()))?;
        check(&stat).map_err(|reason| KeyError::Unsafe { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), descriptor })
    }

    /// The path of a file in the directory, for messages.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Whether a directory or file is ours, or the administrator's, and nobody else may write to it.
pub(super) fn check(stat: &Stat) -> Result<(), Unsafe> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if !matches!(kind, FileType::Directory | FileType::RegularFile) {
        return Err(Unsafe::Kind);
    }
    let ours = rustix::process::geteuid().as_raw();
    if stat.st_uid != ours && stat.st_uid != 0 {
        return Err(Unsafe::Owner { uid: stat.st_uid });
    }
    if stat.st_mode & OTHERS_WRITE != 0 {
        return Err(Unsafe::WritableByOthers { mode: stat.st_mode & 0o7777 });
    }
    Ok(())
}
