//! What connects a run with whoever asked for it: its events, its input, its end.

use std::os::fd::OwnedFd;

use api::Event;

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

impl Input {
    /// These bytes and no more.
    #[must_use]
    pub fn of_bytes(bytes: Vec<u8>) -> Self {
        match bytes.is_empty() {
            true => Self::Empty,
            false => Self::Fed(Fed::of_bytes(bytes)),
        }
    }
}
