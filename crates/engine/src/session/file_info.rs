//! What is told of a file of a workspace.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::workspace::{Kind, Look};

/// A file or directory of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// The guest path, relative to the workspace.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Its size.
    pub size_bytes: u64,
    /// When its content was last changed, as the sandbox has it.
    pub modified: SystemTime,
    /// Its permissions, as the sandbox has them.
    pub mode: u32,
    /// A short visible text that is another as soon as the content is; it means no more.
    pub version: String,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, which is never followed.
    Symlink,
    /// A pipe, a socket or a device.
    Other,
}

/// Which part of a listing is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// With what lies below the directories.
    pub is_recursive: bool,
    /// Only what comes after this path.
    pub after: Option<PathBuf>,
    /// The most files; [`FilePage::FILES_MAX`] if it is more.
    pub limit: usize,
}

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePage {
    /// Files and directories, by path.
    pub files: Vec<FileInfo>,
    /// What to ask for what comes after.
    pub next: Option<PathBuf>,
    /// Whether there is more that is in no part: it lies too deep, or is too much.
    pub is_cut: bool,
}

impl FilePage {
    /// The most files of one part: a few megabytes.
    pub const FILES_MAX: usize = 10_000;
}

impl FileInfo {
    pub(super) fn new(path: PathBuf, look: &Look) -> Self {
        let kind = match look.kind {
            Kind::File => FileKind::File,
            Kind::Directory => FileKind::Directory,
            Kind::Symlink => FileKind::Symlink,
            Kind::Other => FileKind::Other,
        };
        let since = u64::try_from(look.modified_ns).map_or(Duration::ZERO, Duration::from_nanos);
        let modified = SystemTime::UNIX_EPOCH + since;
        let version = look.version();
        Self { path, kind, size_bytes: look.size, modified, mode: look.mode, version }
    }
}
