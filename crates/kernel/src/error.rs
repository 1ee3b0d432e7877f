//! What can fail on our side of a kernel.

use std::io;

use crate::{Violation, machine::Misuse};

/// Why something could not be had of a kernel.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// It broke the protocol, and is to be killed.
    #[error("the kernel broke the protocol: {0}")]
    Violation(#[from] Violation),
    /// Its end of the socket is closed: it has ended, or will never answer.
    #[error("the kernel has ended")]
    Closed,
    /// It did not answer in the time that it had.
    #[error("the kernel did not answer in time")]
    Late,
    /// The socket failed.
    #[error("cannot {operation} the kernel's socket")]
    Socket {
        /// What was tried.
        operation: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// It cannot be asked this now.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The request is longer than a kernel takes. Nothing was sent.
    #[error("a request of {bytes} bytes is longer than a kernel takes")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The host has no randomness to make a token of. Nothing was sent.
    #[error("cannot draw a token for the turn")]
    Random(#[source] io::Error),
}

impl KernelError {
    /// Whether the kernel is as good as it was before: the request alone has failed.
    #[must_use]
    pub const fn leaves_kernel_usable(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::Random(_) | Self::Misuse(_))
    }
}
