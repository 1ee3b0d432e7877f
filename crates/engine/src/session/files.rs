//! The files of a session's workspace.

use std::{
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sandbox::{FileBody, FileEntry, LaunchError, Payload, Place};

use super::{Inner, Session, SessionError, run::has_succeeded};
use crate::{
    RunError,
    transfer::{DEPTH_MAX, shown, within},
    workspace::{self, Kind, Look},
};

/// The largest file that is read at once: it is held in memory.
const FILE_BYTES_MAX: u64 = 64 << 20;

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
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a pipe, a socket or a device.
    Other,
}

impl FileInfo {
    fn new(path: PathBuf, look: &Look) -> Self {
        let kind = match look.kind {
            Kind::File => FileKind::File,
            Kind::Directory => FileKind::Directory,
            Kind::Other => FileKind::Other,
        };
        let since = u64::try_from(look.modified_ns).map_or(Duration::ZERO, Duration::from_nanos);
        let modified = SystemTime::UNIX_EPOCH + since;
        Self { path, kind, size_bytes: look.size, modified }
    }
}

impl Session {
    /// Every file and directory below a directory of the workspace, by path; or the one
    /// file that the path names.
    ///
    /// # Errors
    /// There is no such directory, or there are too many files.
    pub async fn list(&self, path: &Path) -> Result<Vec<FileInfo>, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.within(path)?;
        let listed = self.inner.on_workspace(|root| {
            let look = workspace::look(root, &place)?;
            if look.kind != Kind::Directory {
                return Ok(vec![FileInfo::new(place.clone(), &look)]);
            }
            let tree = workspace::walk(root, &place)?;
            if tree.is_cut {
                return Err(ErrorKind::FileTooLarge.into());
            }
            Ok(tree.entries.into_iter().map(|(path, look)| FileInfo::new(path, &look)).collect())
        });
        let mut files = listed.await.map_err(|source| SessionError::file(path, source))?;
        files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
        Ok(files)
    }

    /// What a file of the workspace holds.
    ///
    /// # Errors
    /// It is not there, is no regular file, or is too large.
    pub async fn read(&self, path: &Path) -> Result<Vec<u8>, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.within(path)?;
        self.inner.bytes(&place).await.map_err(|source| SessionError::file(path, source))
    }

    /// Writes a file of the workspace, in place of what is there, with the directories
    /// that it lies in. Nobody sees it half written.
    ///
    /// # Errors
    /// It does not fit, or a directory has its name.
    pub async fn write(&self, path: &Path, bytes: Vec<u8>) -> Result<(), SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.file_place(path)?;
        self.inner.put(path, place, bytes).await
    }

    /// Removes a file of the workspace, or a directory with all that is in it.
    ///
    /// # Errors
    /// It is not there, or cannot be removed.
    pub async fn delete(&self, path: &Path) -> Result<(), SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.file_place(path)?;
        self.inner.erase(path, &place).await
    }
}

impl Inner {
    /// The place of a path, relative to the workspace.
    fn within(&self, path: &Path) -> Result<PathBuf, SessionError> {
        let refused = |reason| SessionError::Place { path: shown(path), reason };
        let place = within(path, self.sandboxed.frame.policy.workspace()).map_err(refused)?;
        match place.components().count() {
            0..=DEPTH_MAX => Ok(place),
            _ => Err(refused("it lies too deep")),
        }
    }

    /// The place of what can be written or removed.
    pub(super) fn file_place(&self, path: &Path) -> Result<PathBuf, SessionError> {
        let place = self.within(path)?;
        if place.as_os_str().is_empty() {
            let reason = "it is the workspace itself";
            return Err(SessionError::Place { path: shown(path), reason });
        }
        Ok(place)
    }

    async fn on_workspace<T>(
        &self,
        look: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> io::Result<T>,
    ) -> io::Result<T> {
        let present = self.sandboxed.present().await;
        let root = present.as_ref().and_then(|forked| forked.workspace());
        look(root.ok_or(ErrorKind::Unsupported)?)
    }

    /// What a file holds.
    pub(super) async fn bytes(&self, place: &Path) -> io::Result<Vec<u8>> {
        self.on_workspace(|root| {
            let (file, look) = workspace::open_file(root, place)?;
            let mut bytes = Vec::new();
            if look.size <= FILE_BYTES_MAX {
                file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            }
            // It may have grown since.
            if look.size.max(bytes.len() as u64) > FILE_BYTES_MAX {
                return Err(ErrorKind::FileTooLarge.into());
            }
            Ok(bytes)
        })
        .await
    }

    /// Writes a file, by a process inside: what is there is its own affair.
    pub(super) async fn put(
        &self,
        path: &Path,
        place: PathBuf,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        let policy = &self.sandboxed.frame.policy;
        let limit = policy.limits().workspace_bytes;
        if bytes.len() as u64 > limit.min(FILE_BYTES_MAX) {
            return Err(SessionError::file(path, ErrorKind::FileTooLarge.into()));
        }
        let (place, body) = (Place::Workspace(place), FileBody::Bytes(bytes));
        let file = FileEntry { place, body, executable: false, replace: true };
        let payload = Payload { files: vec![file], steps: Vec::new() };
        match self.sandboxed.enter(policy, payload).await {
            Ok(_) => Ok(()),
            Err(RunError::Launch(LaunchError::File { source, .. })) => {
                Err(SessionError::file(path, source))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what is at a place, by a process inside.
    pub(super) async fn erase(&self, path: &Path, place: &Path) -> Result<(), SessionError> {
        let seen = self.on_workspace(|root| workspace::look(root, place)).await;
        seen.map_err(|source| SessionError::file(path, source))?;
        let text = place
            .to_str()
            .ok_or_else(|| SessionError::Place { path: shown(path), reason: "it is not text" })?;
        let exit = self.remove(vec![text.to_owned()]).await?;
        if has_succeeded(&exit) {
            return Ok(());
        }
        Err(SessionError::file(path, ErrorKind::PermissionDenied.into()))
    }
}
