//! How a sandbox's payload ended: facts from the trusted side.

use api::Phase;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessStatus {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
}

/// How a payload ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The part of the run that it ended in.
    pub phase: Phase,
    /// How that part's process ended.
    pub status: ProcessStatus,
    /// Whether the host kernel killed a process of it for want of memory.
    pub out_of_memory: bool,
}
