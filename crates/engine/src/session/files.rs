//! The files of a session's workspace.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use sandbox::{FileBody, FileEntry, LaunchError, Payload, Place};

use super::{FileInfo, FilePage, Inner, PageRequest, Session, SessionError, run::has_succeeded};
use crate::{
    RunError,
    blocking::off_thread,
    transfer::{DEPTH_MAX, shown, within},
    workspace::{self, Kind},
};

/// The largest file that is read at once: it is held in memory.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The most files and directories that one listing looks at: a second's work.
const VISITS_MAX: usize = 1_000_000;

impl Session {
    /// Every file and directory below a directory of the workspace, by path; or the one
    /// file that the path names.
    ///
    /// # Errors
    /// There is no such directory, or there are too many files.
    pub async fn list(&self, path: &Path) -> Result<Vec<FileInfo>, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.within(path)?;
        let listed = self.inner.on_workspace(move |root| {
            let look = workspace::look(root, &place)?;
            if look.kind != Kind::Directory {
                return Ok(vec![FileInfo::new(place, &look)]);
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

    /// A part of what a directory of the workspace has, by path.
    ///
    /// # Errors
    /// There is no such directory.
    pub async fn page(&self, path: &Path, request: PageRequest) -> Result<FilePage, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.within(path)?;
        let page = self.inner.on_workspace(move |root| page(root, &place, &request));
        page.await.map_err(|source| SessionError::file(path, source))
    }

    /// What is at a path of the workspace; a link is told of and not followed.
    ///
    /// # Errors
    /// Nothing is there, or a link is on the way.
    pub async fn stat(&self, path: &Path) -> Result<FileInfo, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.within(path)?;
        self.inner.info(&place).await.map_err(|source| SessionError::file(path, source))
    }

    /// What a file of the workspace holds, if it is no larger than 64 MiB;
    /// [`Session::open`] gives any.
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
        self.inner.put_bytes(path, place, bytes).await
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
    pub(super) fn within(&self, path: &Path) -> Result<PathBuf, SessionError> {
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

    /// The workspace's directory.
    pub(super) async fn workspace(&self) -> io::Result<OwnedFd> {
        let present = self.sandboxed.present().await;
        let root = present.as_ref().and_then(|forked| forked.workspace());
        root.ok_or(ErrorKind::Unsupported)?.try_clone_to_owned()
    }

    /// Looks at the workspace, away from the threads that everybody shares.
    pub(super) async fn on_workspace<T: Send + 'static>(
        &self,
        look: impl FnOnce(BorrowedFd<'_>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let root = self.workspace().await?;
        off_thread(move || look(root.as_fd())).await
    }

    pub(super) async fn info(&self, place: &Path) -> io::Result<FileInfo> {
        let place = place.to_owned();
        self.on_workspace(move |root| {
            let look = workspace::look(root, &place)?;
            Ok(FileInfo::new(place, &look))
        })
        .await
    }

    /// What a file holds.
    pub(super) async fn bytes(&self, place: &Path) -> io::Result<Vec<u8>> {
        let place = place.to_owned();
        self.on_workspace(move |root| {
            let (file, look) = workspace::open_file(root, &place)?;
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

    /// Writes a file that is held in memory.
    pub(super) async fn put_bytes(
        &self,
        path: &Path,
        place: PathBuf,
        bytes: Vec<u8>,
    ) -> Result<(), SessionError> {
        if bytes.len() as u64 > self.file_bytes_max().min(FILE_BYTES_MAX) {
            return Err(SessionError::file(path, ErrorKind::FileTooLarge.into()));
        }
        let _turn = self.desk.writes.lock().await;
        self.put(path, vec![entry(place, FileBody::Bytes(bytes))]).await
    }

    /// The size of the largest file that the workspace may hold.
    pub(super) fn file_bytes_max(&self) -> u64 {
        let limits = self.sandboxed.frame.policy.limits();
        limits.workspace_bytes.min(limits.file_size_bytes)
    }

    /// Puts files into the workspace, by a process inside: what is there is its own
    /// affair. Whoever does so has the writers' turn.
    pub(super) async fn put(&self, path: &Path, files: Vec<FileEntry>) -> Result<(), SessionError> {
        self.revive().await?;
        let policy = &self.sandboxed.frame.policy;
        let payload = Payload { files, ..Payload::default() };
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
        let seen = self.info(place).await;
        seen.map_err(|source| SessionError::file(path, source))?;
        let exit = self.remove(vec![as_text(path, place)?]).await?;
        if has_succeeded(&exit) {
            return Ok(());
        }
        Err(SessionError::file(path, ErrorKind::PermissionDenied.into()))
    }
}

/// A file or directory that takes the place of what is there.
pub(super) fn entry(place: PathBuf, body: FileBody) -> FileEntry {
    FileEntry { place: Place::Workspace(place), body, executable: false, replace: true }
}

/// A place as an argument of a program.
pub(super) fn as_text(path: &Path, place: &Path) -> Result<String, SessionError> {
    let text = place.to_str().map(str::to_owned);
    text.ok_or_else(|| SessionError::Place { path: shown(path), reason: "it is not text" })
}

/// Keeps the first files after a path, however many there are.
fn page(root: BorrowedFd<'_>, place: &Path, request: &PageRequest) -> io::Result<FilePage> {
    let limit = request.limit.clamp(1, FilePage::FILES_MAX);
    let look = workspace::look(root, place)?;
    if look.kind != Kind::Directory {
        return Err(ErrorKind::NotADirectory.into());
    }
    let (mut first, mut visits) = (BTreeMap::new(), 0);
    let mut see = |path: PathBuf, look| {
        visits += 1;
        if request.after.as_ref().is_none_or(|after| path > *after) {
            first.insert(path, look);
        }
        if first.len() > limit + 1 {
            first.pop_last();
        }
        visits < VISITS_MAX
    };
    let is_whole = workspace::visit(root, place, request.is_recursive, &mut see)?;
    let has_more = first.len() > limit;
    if has_more {
        first.pop_last();
    }
    let next = first.keys().next_back().filter(|_| has_more).cloned();
    let files = first.into_iter().map(|(path, look)| FileInfo::new(path, &look)).collect();
    Ok(FilePage { files, next, is_cut: !is_whole })
}
