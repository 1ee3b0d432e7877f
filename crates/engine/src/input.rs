//! Copies the caller's standard input to the program's.
//!
//! The caller's descriptor is shared with whoever started us, so it never gets
//! `O_NONBLOCK`: the next program on that terminal would trip over it.

use std::{
    io::{self, IoSliceMut},
    os::fd::OwnedFd,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ReadWriteFlags},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::yield_now,
};

use crate::{
    Fed, Input,
    pipe::{Pipe, watched},
};

/// Read at a time: what a pipe holds.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks after which others get their turn, however fast both ends are.
const CHUNKS_IN_A_ROW_MAX: usize = 16;
/// Stands for "where the descriptor is" in `preadv2`.
const CURRENT_OFFSET: u64 = u64::MAX;

/// What the program is to read.
#[derive(Debug)]
pub(crate) enum Source {
    /// Nothing.
    Empty,
    /// A pipe, a socket or a terminal.
    Pollable(AsyncFd<OwnedFd>),
    /// A regular file, or a device that never keeps a reader waiting.
    Ready(OwnedFd),
    /// What a caller writes.
    Fed(Fed),
}

impl Source {
    /// # Errors
    /// The event loop takes no more descriptors.
    pub(crate) fn new(input: Input) -> io::Result<Self> {
        let descriptor = match input {
            Input::Empty => return Ok(Self::Empty),
            Input::Descriptor(descriptor) => descriptor,
            Input::Fed(fed) => return Ok(Self::Fed(fed)),
        };
        match watched(descriptor, Interest::READABLE) {
            Ok(pollable) => Ok(Self::Pollable(pollable)),
            Err(error) => match error.into_parts() {
                // What epoll will not watch is always ready.
                (descriptor, cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                    Ok(Self::Ready(descriptor))
                }
                (_, cause) => Err(cause),
            },
        }
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Empty => Ok(0),
            Self::Fed(fed) => Ok(fed.read(buffer).await),
            Self::Ready(descriptor) => Ok(read(|| rustix::io::read(&*descriptor, &mut *buffer))?),
            Self::Pollable(descriptor) => loop {
                let mut ready = descriptor.readable().await?;
                if let Ok(result) =
                    ready.try_io(|inner| read_what_is_there(inner.get_ref(), buffer))
                {
                    return result;
                }
            },
        }
    }
}

/// Copies until the source ends or the program reads no more. Closing the
/// program's end, by returning, is how it learns that there is no more.
pub(crate) async fn pump(mut source: Source, program: Pipe) {
    let mut buffer = vec![0; CHUNK_BYTES];
    for chunk in 1_usize.. {
        // A source that cannot be read is one that has ended, as it is for a pipe's reader.
        let Ok(length @ 1..) = source.read(&mut buffer).await else { return };
        // A program may end, or close its input, without having read it.
        let Ok(()) = program.write_all(&buffer[..length]).await else { return };
        if chunk.is_multiple_of(CHUNKS_IN_A_ROW_MAX) {
            yield_now().await;
        }
    }
}

fn read(mut attempt: impl FnMut() -> rustix::io::Result<usize>) -> rustix::io::Result<usize> {
    loop {
        match attempt() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// Reads without waiting, although the descriptor is a blocking one.
fn read_what_is_there(descriptor: &OwnedFd, buffer: &mut [u8]) -> io::Result<usize> {
    let flags = ReadWriteFlags::NOWAIT;
    let attempt = read(|| {
        let mut slices = [IoSliceMut::new(buffer)];
        rustix::io::preadv2(descriptor, &mut slices, CURRENT_OFFSET, flags)
    });
    match attempt {
        // Not every terminal driver or kernel knows how; then ask first.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
            if !is_ready(descriptor)? {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(read(|| rustix::io::read(descriptor, &mut *buffer))?)
        }
        result => Ok(result?),
    }
}

fn is_ready(descriptor: &OwnedFd) -> io::Result<bool> {
    let mut polled = [PollFd::new(descriptor, PollFlags::IN)];
    Ok(poll(&mut polled, Some(&Timespec::default()))? > 0)
}
