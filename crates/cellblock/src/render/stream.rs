//! Passes a program's output on as it appears, byte for byte.
//!
//! A reader that is slow holds the program back but never the run's deadline:
//! past that, and when a signal arrives, output is kept for later instead of
//! waited for. A reader that went away ends the run.

use std::{
    io,
    os::fd::BorrowedFd,
    time::{Duration, Instant},
};

use api::{Event, StreamName};
use engine::{Cancel, EventSink};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{FileType, fstat},
    io::Errno,
};

use super::note;
use crate::failure::Failure;

/// What a pipe takes without blocking once it says that it takes anything.
const PIPE_CHUNK_BYTES: usize = 4096;
/// Files never block; larger pieces save calls.
const FILE_CHUNK_BYTES: usize = 1 << 20;
/// Kept for later of each stream once nobody can wait for its reader: more than
/// the pipes between the program and us hold when it is killed.
const BACKLOG_BYTES_MAX: usize = 4 << 20;

/// Passes output on; given to a run as its sink.
pub(crate) struct Streamed {
    stdout: Channel,
    stderr: Channel,
    cancel: Cancel,
    wall_time: Duration,
    deadline: Option<Instant>,
    interrupted: bool,
    quiet: bool,
}

/// One of this process's streams.
pub(super) struct Channel {
    descriptor: BorrowedFd<'static>,
    chunk_bytes: usize,
    backlog: Vec<u8>,
    failed: Option<io::Error>,
}

/// What became of a piece of output.
pub(super) enum Written {
    All,
    /// The reader is slower than the deadline.
    Late,
    Interrupted,
    Failed,
}

impl Streamed {
    /// To this process's own streams. `cancel` is the run's; it is used when the
    /// reader of standard output is gone.
    pub(crate) fn new(cancel: Cancel, wall_time: Duration, quiet: bool) -> Self {
        Self {
            stdout: Channel::new(rustix::stdio::stdout()),
            stderr: Channel::new(rustix::stdio::stderr()),
            cancel,
            wall_time,
            deadline: None,
            interrupted: false,
            quiet,
        }
    }

    /// Writes what was kept for later, however slow the reader is. To be called
    /// when the run is over.
    ///
    /// # Errors
    /// Standard output could not be written.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        if !self.interrupted {
            for channel in [&mut self.stdout, &mut self.stderr] {
                channel.flush();
            }
        }
        self.stdout.outcome()
    }

    fn output(&mut self, stream: StreamName, bytes: &[u8]) {
        if self.interrupted {
            return;
        }
        let channel = match stream {
            StreamName::Stdout => &mut self.stdout,
            StreamName::Stderr => &mut self.stderr,
        };
        let written = channel.pass(bytes, self.deadline);
        match (written, stream) {
            (Written::Interrupted, _) => {
                self.interrupted = true;
                self.cancel.cancel();
            }
            (Written::Failed, StreamName::Stdout) => self.cancel.cancel(),
            _ => {}
        }
    }
}

impl EventSink for Streamed {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started { .. } => self.deadline = Instant::now().checked_add(self.wall_time),
            Event::Output { stream, bytes } => self.output(stream, bytes),
            Event::Omitted { stream, bytes } if !self.quiet => {
                let name = match stream {
                    StreamName::Stdout => "standard output",
                    StreamName::Stderr => "standard error",
                };
                note(&format!("{bytes} bytes of {name} were left out (`--output-limit` sets it)"));
            }
            _ => {}
        }
    }
}

impl Channel {
    pub(super) fn new(descriptor: BorrowedFd<'static>) -> Self {
        let is_file =
            fstat(descriptor).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
        let chunk_bytes = if is_file { FILE_CHUNK_BYTES } else { PIPE_CHUNK_BYTES };
        Self { descriptor, chunk_bytes, backlog: Vec::new(), failed: None }
    }

    /// Passes bytes on, or keeps them where that cannot be waited for.
    pub(super) fn pass(&mut self, bytes: &[u8], deadline: Option<Instant>) -> Written {
        if self.backlog.is_empty() {
            return self.write(bytes, deadline);
        }
        if self.backlog.len() + bytes.len() <= BACKLOG_BYTES_MAX {
            self.backlog.extend_from_slice(bytes);
            return Written::Late;
        }
        let backlog = std::mem::take(&mut self.backlog);
        match self.write(&backlog, None) {
            Written::All => self.write(bytes, None),
            stopped => stopped,
        }
    }

    /// Writes what was kept for later, however slow the reader is.
    pub(super) fn flush(&mut self) {
        let backlog = std::mem::take(&mut self.backlog);
        self.write(&backlog, None);
    }

    /// Whether everything could be written.
    ///
    /// # Errors
    /// It could not.
    pub(super) fn outcome(self) -> Result<(), Failure> {
        self.failed.map_or(Ok(()), |error| Err(Failure::Output(error)))
    }

    fn write(&mut self, mut bytes: &[u8], deadline: Option<Instant>) -> Written {
        while !bytes.is_empty() {
            if self.failed.is_some() {
                return Written::Failed;
            }
            match wait(self.descriptor, deadline) {
                Ok(true) => {}
                Ok(false) => {
                    self.backlog.extend_from_slice(bytes);
                    return Written::Late;
                }
                Err(Errno::INTR) => {
                    self.backlog.extend_from_slice(bytes);
                    return Written::Interrupted;
                }
                Err(error) => self.failed = Some(error.into()),
            }
            let chunk = &bytes[..bytes.len().min(self.chunk_bytes)];
            match rustix::io::write(self.descriptor, chunk) {
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => self.failed = Some(error.into()),
            }
        }
        Written::All
    }
}

/// Waits until a descriptor can be written to; tells whether it can before the deadline.
fn wait(descriptor: BorrowedFd<'_>, deadline: Option<Instant>) -> Result<bool, Errno> {
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let mut waiting = [PollFd::from_borrowed_fd(descriptor, PollFlags::OUT)];
    poll(&mut waiting, timeout.as_ref()).map(|ready| ready > 0)
}
