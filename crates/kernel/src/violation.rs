//! What a kernel may not say. After it the kernel is good for nothing.

use crate::GuestKind;

/// How a kernel broke the protocol. It is to be killed: what else is in its socket
/// cannot be told apart.
///
/// Holds nothing that user code wrote, so it may be shown and logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame's length is no frame's.
    #[error("a frame of {bytes} bytes")]
    Length {
        /// The length that it claims.
        bytes: u32,
    },
    /// A frame's kind is not one of a kernel's.
    #[error("a frame of the unknown kind {kind}")]
    Kind {
        /// The kind.
        kind: u8,
    },
    /// A frame came that has no place in this state.
    #[error("a frame `{kind}` {state}")]
    Unexpected {
        /// The frame's kind.
        kind: GuestKind,
        /// The state, as in "while no turn is in flight".
        state: &'static str,
    },
    /// A frame belongs to another turn than the one in flight.
    #[error("a frame `{kind}` of another turn")]
    Token {
        /// The frame's kind.
        kind: GuestKind,
    },
    /// A frame's body is not the JSON object that its kind has.
    #[error("a frame `{kind}` that cannot be read: {problem} at column {column}")]
    Body {
        /// The frame's kind.
        kind: GuestKind,
        /// What is wrong with it.
        problem: &'static str,
        /// Where that was noticed.
        column: usize,
    },
    /// A frame contradicts itself or what came before it.
    #[error("a frame `{kind}` that contradicts what came before it: {problem}")]
    Contradiction {
        /// The frame's kind.
        kind: GuestKind,
        /// In what way.
        problem: &'static str,
    },
    /// The kernel speaks another protocol.
    #[error("version {version} of the protocol")]
    Protocol {
        /// The version that it speaks.
        version: u64,
    },
    /// One turn shows more things than it may.
    #[error("more frames than one turn may have")]
    Frames,
    /// One turn shows more bytes than it may.
    #[error("more bytes than one turn may have")]
    Bytes,
    /// One turn shows JSON of more values than it may.
    #[error("JSON of more values than one turn may have")]
    Values,
    /// One turn calls more tools than it may, in all or at the same time.
    #[error("more calls of tools than one turn may have")]
    Calls,
    /// Bytes came while nothing was asked.
    #[error("bytes while no turn is in flight")]
    Idle,
    /// An answer came to what was not read yet, or another question.
    #[error("an answer to what it has not read")]
    Unread,
}

impl Violation {
    /// Whether a turn's code merely showed more than it may.
    #[must_use]
    pub const fn is_output_limit(&self) -> bool {
        matches!(self, Self::Frames | Self::Bytes | Self::Values)
    }
}
