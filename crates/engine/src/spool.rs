//! Files without a name on the host: what a caller sends, until it is whole.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::fd::{AsRawFd, OwnedFd},
    sync::Arc,
};

use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};
use tokio::sync::OwnedSemaphorePermit;

use crate::blocking::off_thread;

/// What a caller sends for a session, on its way there.
#[derive(Debug)]
pub struct Spool {
    file: Arc<File>,
    size_bytes: u64,
    bytes_max: u64,
    _place: Option<OwnedSemaphorePermit>,
}

impl Spool {
    pub(crate) async fn new(
        bytes_max: u64,
        place: Option<OwnedSemaphorePermit>,
    ) -> io::Result<Self> {
        let file = off_thread(nameless).await?;
        Ok(Self { file: Arc::new(file), size_bytes: 0, bytes_max, _place: place })
    }

    /// Adds bytes at the end.
    ///
    /// # Errors
    /// It would be larger than it may be, or the host has no room for it.
    pub async fn push(&mut self, bytes: impl AsRef<[u8]> + Send + 'static) -> io::Result<()> {
        let length = bytes.as_ref().len() as u64;
        if length > self.bytes_max.saturating_sub(self.size_bytes) {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let file = Arc::clone(&self.file);
        off_thread(move || (&*file).write_all(bytes.as_ref())).await?;
        self.size_bytes += length;
        Ok(())
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The most that there may be.
    #[must_use]
    pub const fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// The file, for reading from its start.
    pub(crate) fn reader(&self) -> io::Result<File> {
        reopen(&self.file)
    }
}

/// A file without a name: on a disk, or in memory where there is none that has such.
pub(crate) fn nameless() -> io::Result<File> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let on_disk = open(std::env::temp_dir(), flags, Mode::RUSR | Mode::WUSR);
    let file: OwnedFd = match on_disk {
        Ok(file) => file,
        Err(_) => memfd_create("spool", MemfdFlags::CLOEXEC)?,
    };
    Ok(file.into())
}

/// The same file, from its start and for reading only.
pub(crate) fn reopen(file: &File) -> io::Result<File> {
    File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}
