//! Archives of a session's files.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use sandbox::{FileBody, FileEntry};
use tokio::sync::OwnedSemaphorePermit;

use super::{Inner, Session, SessionError, activity::Held, files::entry};
use crate::{
    ArchiveError, ArchiveFormat, Spool,
    archive::{self, Body, Packer, Room, Staged},
};

/// Up to this size a file goes with others.
const INLINE_BYTES_MAX: u64 = 1024 * 1024;
/// The most bytes that go at once: they are held in memory.
const BATCH_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The most files and directories that go at once.
const BATCH_ENTRIES_MAX: usize = 1000;

/// An archive that is being made. The session is in use for as long as it lives.
pub struct Pack {
    packer: Arc<Mutex<Packer>>,
    held: Held,
    _place: OwnedSemaphorePermit,
}

/// What came out of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Regular files.
    pub files: usize,
    /// Directories that were named.
    pub directories: usize,
    /// Of all files together.
    pub bytes: u64,
}

impl Session {
    /// Makes an archive of what a directory of the workspace holds, or of one file. It
    /// has regular files and directories, and links as such where the format has them
    /// and they do not lead out.
    ///
    /// # Errors
    /// It is not there, or is too much.
    pub async fn pack(&self, path: &Path, format: ArchiveFormat) -> Result<Pack, SessionError> {
        let held = self.inner.hold()?;
        let place = self.inner.within(path)?;
        let permit = self.inner.desk.transfer()?;
        let failed = |source| SessionError::file(path, source);
        let root = self.inner.workspace().await.map_err(failed)?;
        let most = self.policy().limits().workspace_bytes;
        let packer = decide(move || Packer::new(root, &place, format, most)).await;
        let packer = packer.map_err(|error| match error {
            ArchiveError::Host(source) => failed(source),
            error => error.into(),
        })?;
        Ok(Pack { packer: Arc::new(Mutex::new(packer)), held, _place: permit })
    }

    /// Unpacks an archive into a directory of the workspace, which is made if it is not
    /// there. Files take the place of those that are there. Nothing is written unless all
    /// of the archive is fit to be.
    ///
    /// # Errors
    /// The archive is refused, or does not fit; only then, some of it may be there.
    pub async fn unpack(
        &self,
        path: &Path,
        format: ArchiveFormat,
        spool: Spool,
    ) -> Result<Unpacked, SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let place = inner.within(path)?;
        let room = Room {
            bytes: self.policy().limits().workspace_bytes,
            file_bytes: inner.file_bytes_max(),
            entries: archive::ENTRIES_MAX,
            links: false,
            depth: place.components().count(),
        };
        let archive = spool.reader().map_err(ArchiveError::from)?;
        let staged = Arc::new(decide(move || archive::stage(archive, format, room)).await?);
        // Whoever sent it may not send another until this one is in.
        let unpacked = inner.unload(path, &place, &staged).await;
        drop(spool);
        unpacked
    }
}

impl Pack {
    /// The next bytes; `None` after the last. Nothing is lost where the wait is given up.
    ///
    /// # Errors
    /// The archive cannot be made, or the session is closed.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(reason) = self.held.closed() {
            return Err(io::Error::new(ErrorKind::NotConnected, reason.to_string()));
        }
        let packer = Arc::clone(&self.packer);
        let fill = move || packer.lock().unwrap_or_else(PoisonError::into_inner).fill();
        crate::blocking::off_thread(fill).await?;
        let bytes = self.packer.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }
}

impl Inner {
    /// Writes all of an archive, some of it at a time.
    async fn unload(
        &self,
        path: &Path,
        place: &Path,
        staged: &Arc<Staged>,
    ) -> Result<Unpacked, SessionError> {
        let _turn = self.desk.writes.lock().await;
        let mut unpacked = Unpacked::default();
        if !place.as_os_str().is_empty() {
            self.put(path, vec![entry(place.to_owned(), FileBody::Directory)]).await?;
        }
        let mut at = 0;
        while at < staged.entries.len() {
            let (staged, base) = (Arc::clone(staged), place.to_owned());
            let batch = decide(move || Ok(batch(&staged, &base, at)?));
            let (files, next, count) = batch.await?;
            self.put(path, files).await?;
            at = next;
            unpacked.files += count.files;
            unpacked.directories += count.directories;
            unpacked.bytes += count.bytes;
        }
        Ok(unpacked)
    }
}

/// Entries that go at once, from one on, and the first that goes no more.
fn batch(
    staged: &Staged,
    base: &Path,
    first: usize,
) -> io::Result<(Vec<FileEntry>, usize, Unpacked)> {
    let (mut files, mut count) = (Vec::new(), Unpacked::default());
    for (name, body) in staged.entries.iter().skip(first).take(BATCH_ENTRIES_MAX) {
        let place: PathBuf = base.join(name);
        let Body::File { start, size, executable } = *body else {
            files.push(entry(place, FileBody::Directory));
            count.directories += 1;
            continue;
        };
        let is_large = size > INLINE_BYTES_MAX;
        if count.bytes > 0 && (is_large || count.bytes + size > BATCH_BYTES_MAX) {
            break;
        }
        let body = if is_large {
            FileBody::Host(staged.extract(start, size)?.into())
        } else {
            FileBody::Bytes(staged.bytes(start, size)?)
        };
        files.push(FileEntry { executable, ..entry(place, body) });
        count.files += 1;
        count.bytes += size;
        if is_large {
            break;
        }
    }
    let next = first + files.len();
    Ok((files, next, count))
}

/// Does work on an archive on a thread of its own.
async fn decide<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ArchiveError> + Send + 'static,
) -> Result<T, ArchiveError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
