//! What connects a run with whoever asked for it: its events, its input, its end.

use std::os::fd::OwnedFd;

use api::Event;
use rustix::fs::FileType;

use crate::{Asker, Cancel, Fed};

/// What connects a run with whoever asked for it.
pub struct RunIo<'a> {
    /// Where the run's events go.
    pub events: &'a mut dyn EventSink,
    /// What the program reads.
    pub stdin: Input,
    /// Takes the run back.
    pub cancel: Cancel,
    /// On whose account it goes.
    pub asker: Asker,
}

/// Takes a run's events, in order.
pub trait EventSink: Send {
    /// Takes one event. Called on the task that keeps the run's deadlines, which
    /// wait for as long as this does.
    fn event(&mut self, event: Event<'_>);

    /// Whether it takes all output as it comes, however much the policy lets a result
    /// keep of it. Such a sink has a bound of its own.
    fn takes_all_output(&self) -> bool {
        false
    }
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
    /// What is written to a [`Feed`](crate::Feed).
    Fed(Fed),
}

/// Numbers of the device that gives nothing.
const NULL_DEVICE: (u32, u32) = (1, 3);

impl Input {
    /// These bytes and no more.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        match bytes.is_empty() {
            true => Self::Empty,
            false => Self::Fed(Fed::of_bytes(bytes)),
        }
    }

    /// Whether the program would find its end at once, for all that can be told
    /// without reading.
    pub(crate) fn has_nothing(&self) -> bool {
        let descriptor = match self {
            Self::Empty => return true,
            Self::Descriptor(descriptor) => descriptor,
            Self::Fed(_) => return false,
        };
        rustix::fs::fstat(descriptor).is_ok_and(|found| {
            let number = (rustix::fs::major(found.st_rdev), rustix::fs::minor(found.st_rdev));
            FileType::from_raw_mode(found.st_mode).is_char_device() && number == NULL_DEVICE
        })
    }
}
