//! Reads a file of a workspace piece by piece.

use std::{
    fs::File,
    io::{self, ErrorKind},
    ops::Range,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use super::{FileInfo, Session, SessionError, activity::Held};
use crate::{blocking::off_thread, workspace};

/// Read at a time: few enough switches between threads, and little that is held.
const CHUNK_BYTES: u64 = 128 * 1024;

/// A file that was opened for reading. The session is in use for as long as it lives.
#[derive(Debug)]
pub struct OpenedFile {
    /// What it was when it was opened.
    pub info: FileInfo,
    file: Arc<File>,
    held: Held,
}

/// A part of a file, piece by piece.
#[derive(Debug)]
pub struct FileChunks {
    file: Arc<File>,
    left: Range<u64>,
    held: Held,
}

impl Session {
    /// Opens a regular file of the workspace, of any size.
    ///
    /// # Errors
    /// It is not there, or is no regular file.
    pub async fn open(&self, path: &Path) -> Result<OpenedFile, SessionError> {
        let held = self.inner.hold()?;
        let place = self.inner.within(path)?;
        let opened = self.inner.on_workspace(move |root| {
            let (file, look) = workspace::open_file(root, &place)?;
            Ok((file, FileInfo::new(place, &look)))
        });
        let (file, info) = opened.await.map_err(|source| SessionError::file(path, source))?;
        Ok(OpenedFile { info, file: Arc::new(file), held })
    }
}

impl OpenedFile {
    /// All of it, as large as it was when it was opened.
    #[must_use]
    pub fn chunks(self) -> FileChunks {
        let size = self.info.size_bytes;
        self.range(0..size)
    }

    /// Some of its bytes; what lies beyond its end is left out.
    #[must_use]
    pub fn range(self, range: Range<u64>) -> FileChunks {
        let end = range.end.min(self.info.size_bytes);
        FileChunks { left: range.start.min(end)..end, file: self.file, held: self.held }
    }
}

impl FileChunks {
    /// How many bytes are still to come.
    #[must_use]
    pub const fn bytes_left(&self) -> u64 {
        self.left.end.saturating_sub(self.left.start)
    }

    /// The next bytes; `None` after the last.
    ///
    /// # Errors
    /// The file has become shorter, it cannot be read, or the session is closed.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if self.left.is_empty() {
            return Ok(None);
        }
        // An open file keeps the whole workspace in memory.
        if let Some(reason) = self.held.closed() {
            return Err(io::Error::new(ErrorKind::NotConnected, reason.to_string()));
        }
        let (file, start) = (Arc::clone(&self.file), self.left.start);
        let length = usize::try_from(self.bytes_left().min(CHUNK_BYTES)).unwrap_or(0);
        let bytes = off_thread(move || {
            let mut bytes = vec![0; length];
            let length = file.read_at(&mut bytes, start)?;
            bytes.truncate(length);
            Ok(bytes)
        });
        let bytes = bytes.await?;
        if bytes.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left.start += bytes.len() as u64;
        Ok(Some(bytes))
    }
}
