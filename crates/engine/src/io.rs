//! What connects a run with whoever asked for it: its events, its input, its end.

use std::os::fd::OwnedFd;

use api::Event;

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
