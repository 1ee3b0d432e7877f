//! What connects a run with whoever asked for it: its events, its input, its end.

use std::os::fd::OwnedFd;

use api::Event;
use rustix::fs::FileType;

use crate::Cancel;

/// What connects a run with whoever asked for it.
pub struct RunIo<'a> {
    /// Where the run's events go.
    pub events: &'a mut dyn EventSink,
    /// What the program reads.
    pub stdin: Input,
    /// Takes the run back.
    pub cancel: Cancel,
}

/// Takes a run's events, in order.
pub trait EventSink: Send {
    /// Takes one event. Called on the task that keeps the run's deadlines, which
    /// wait for as long as this does.
    fn event(&mut self, event: Event<'_>);
}

/// What a program reads from its standard input.
#[derive(Debug)]
pub enum Input {
    /// Nothing: end of file at once.
    Empty,
    /// What this descriptor gives: a file, a pipe, a socket or a terminal. It is
    /// read here and copied; the sandbox never gets the descriptor itself, and
    /// its flags, which others may share, stay as they are.
    Descriptor(OwnedFd),
}

/// Numbers of the device that gives nothing.
const NULL_DEVICE: (u32, u32) = (1, 3);

impl Input {
    /// Whether the program would find its end at once, for all that can be told
    /// without reading.
    pub(crate) fn has_nothing(&self) -> bool {
        let Self::Descriptor(descriptor) = self else { return true };
        rustix::fs::fstat(descriptor).is_ok_and(|found| {
            let number = (rustix::fs::major(found.st_rdev), rustix::fs::minor(found.st_rdev));
            FileType::from_raw_mode(found.st_mode).is_char_device() && number == NULL_DEVICE
        })
    }
}
