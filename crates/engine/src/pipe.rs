//! Our ends of a program's standard streams, without ever blocking on them.
//!
//! These descriptors are ours alone, so their flags may be changed.

use std::{io, os::fd::OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::{
    Interest,
    unix::{AsyncFd, AsyncFdRegisterError},
};

/// One of our ends.
#[derive(Debug)]
pub(crate) struct Pipe {
    descriptor: AsyncFd<OwnedFd>,
}

impl Pipe {
    /// The end that a program's output comes out of.
    pub(crate) fn reader(descriptor: OwnedFd) -> io::Result<Self> {
        Self::new(descriptor, Interest::READABLE)
    }

    /// The end that a program's input goes into.
    pub(crate) fn writer(descriptor: OwnedFd) -> io::Result<Self> {
        Self::new(descriptor, Interest::WRITABLE)
    }

    fn new(descriptor: OwnedFd, interest: Interest) -> io::Result<Self> {
        let flags = fcntl_getfl(&descriptor)?;
        fcntl_setfl(&descriptor, flags | OFlags::NONBLOCK)?;
        Ok(Self { descriptor: watched(descriptor, interest)? })
    }

    /// Reads what is there, or waits for it; 0 at the end. May be dropped while it waits.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.descriptor.readable().await?;
            let read = ready.try_io(|inner| Ok(rustix::io::read(inner, &mut *buffer)?));
            match read {
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(result) => return result,
                Err(_would_block) => {}
            }
        }
    }

    /// Reads what is there, without waiting; 0 at the end.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be read.
    pub(crate) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(self.descriptor.get_ref(), &mut *buffer) {
                Err(rustix::io::Errno::INTR) => {}
                read => return Ok(read?),
            }
        }
    }

    /// Writes all of it.
    pub(crate) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut ready = self.descriptor.writable().await?;
            match ready.try_io(|inner| Ok(rustix::io::write(inner, bytes)?)) {
                Ok(Ok(written)) => bytes = &bytes[written..],
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
        Ok(())
    }
}

/// Has the event loop watch a descriptor.
///
/// # Errors
/// It cannot be watched, as regular files cannot; it comes back with the cause.
#[expect(
    deprecated,
    reason = "the successor is unsafe for types that may lie about what they own, which OwnedFd \
              does not"
)]
pub(crate) fn watched(
    descriptor: OwnedFd,
    interest: Interest,
) -> Result<AsyncFd<OwnedFd>, AsyncFdRegisterError<OwnedFd>> {
    AsyncFd::try_with_interest(descriptor, interest)
}
