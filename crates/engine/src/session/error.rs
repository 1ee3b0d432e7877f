//! Why a session could not do what it was asked.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use ::kernel::KernelError;
use api::{ErrorBody, ErrorCode, with_causes};

use super::{CloseReason, ToolsError, edit::EditError};
use crate::{ArchiveError, FeedError, RunError};

/// Why a session could not do what it was asked. Whatever the user's code did is never
/// here: that is an outcome.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The session is closed.
    #[error("the session is closed: {reason}")]
    Closed {
        /// Why.
        reason: CloseReason,
    },
    /// There is no room for another session.
    #[error("there are {maximum} sessions, which is all that there is room for")]
    TooMany {
        /// The limit.
        maximum: usize,
    },
    /// Too many turns wait for the one under way.
    #[error("{maximum} turns wait for the one under way, which is the most that may")]
    TurnsWaiting {
        /// The limit.
        maximum: usize,
    },
    /// Too many programs run in the session.
    #[error("{maximum} programs run in the session, which is the most that may")]
    TooManyRuns {
        /// The limit.
        maximum: usize,
    },
    /// The command has ended.
    #[error("the command has ended")]
    CommandEnded,
    /// The command takes no such input.
    #[error(transparent)]
    Input(#[from] FeedError),
    /// Too many files and archives are on their way in or out.
    #[error("{maximum} files and archives are on their way, which is the most that may be")]
    TooManyTransfers {
        /// The limit.
        maximum: usize,
    },
    /// Too many watch the session's files.
    #[error("{maximum} watch the files of the session, which is the most that may")]
    TooManyWatches {
        /// The limit.
        maximum: usize,
    },
    /// A sandbox, or a run in it, cannot be had.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The kernel could not be asked.
    #[error("the kernel could not be asked")]
    Kernel(#[from] KernelError),
    /// There cannot be such tools.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// The path is not one of the workspace.
    #[error("{path:?} is no place in the workspace: {reason}")]
    Place {
        /// The path.
        path: String,
        /// Why.
        reason: &'static str,
    },
    /// A file of the workspace cannot be read, written or removed.
    #[error("{path:?} cannot be had", path = path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file is not what it had to be for that.
    #[error("{path:?} is not what it had to be: {reason}", path = path.display())]
    Precondition {
        /// The path.
        path: PathBuf,
        /// What is otherwise.
        reason: &'static str,
    },
    /// An archive cannot be made or unpacked.
    #[error("the archive is refused: {0}")]
    Archive(#[from] ArchiveError),
    /// A text cannot be changed or shown so.
    #[error("{path:?} cannot be edited: {error}", path = path.display())]
    Edit {
        /// The path.
        path: PathBuf,
        /// Why.
        error: EditError,
    },
    /// No change of the text is known.
    #[error("no change of {path:?} is known that could be taken back", path = path.display())]
    NothingToUndo {
        /// The path.
        path: PathBuf,
    },
}

impl SessionError {
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    pub(super) fn edit(path: &Path, error: EditError) -> Self {
        Self::Edit { path: path.to_owned(), error }
    }

    /// The error as callers get it: one sentence, and what to do.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        if let Self::Run(error) = self {
            return error.body();
        }
        let (code, hint) = self.kind();
        let is_full = matches!(
            self,
            Self::TooMany { .. }
                | Self::TurnsWaiting { .. }
                | Self::TooManyRuns { .. }
                | Self::Input(FeedError::TooManyWaiting)
                | Self::TooManyTransfers { .. }
                | Self::TooManyWatches { .. }
        );
        let hint = hint.map(str::to_owned);
        let retryable = is_full || self.is_of_code();
        ErrorBody { code, message: with_causes(self), hint, retryable }
    }

    /// Whether code of the session has kept its kernel from answering; there will be
    /// one that answers.
    const fn is_of_code(&self) -> bool {
        matches!(
            self,
            Self::Kernel(KernelError::Late | KernelError::Closed | KernelError::Violation(_))
        )
    }

    fn kind(&self) -> (ErrorCode, Option<&'static str>) {
        match self {
            Self::Closed { .. } => (ErrorCode::SessionClosed, Some("make another session")),
            Self::TooMany { .. } => (ErrorCode::Busy, Some("close one that is not needed")),
            Self::TurnsWaiting { .. } | Self::TooManyRuns { .. } => {
                (ErrorCode::Busy, Some("try again when one of them has ended"))
            }
            Self::Input(FeedError::TooLong) => {
                (ErrorCode::InvalidRequest, Some("write it in several pieces, or into a file"))
            }
            Self::Input(FeedError::TooManyWaiting) => {
                (ErrorCode::Busy, Some("try again when the program has read what there is"))
            }
            Self::CommandEnded | Self::Input(FeedError::Closed) => {
                (ErrorCode::InvalidRequest, None)
            }
            Self::TooManyTransfers { .. } | Self::TooManyWatches { .. } => {
                (ErrorCode::Busy, Some("try again when one of them is over"))
            }
            Self::Precondition { .. } => {
                (ErrorCode::InvalidRequest, Some("look at the file again"))
            }
            Self::Archive(error) => (ErrorCode::InvalidRequest, Some(error.hint())),
            Self::Kernel(KernelError::TooLong { .. }) => {
                (ErrorCode::InvalidRequest, Some("write it into a file and run that"))
            }
            Self::Kernel(_) if self.is_of_code() => {
                (ErrorCode::Busy, Some("ask again; the session may have another kernel then"))
            }
            Self::Kernel(_) | Self::Run(_) => (ErrorCode::Internal, None),
            Self::Place { .. } => {
                (ErrorCode::InvalidRequest, Some("give a path relative to the workspace"))
            }
            Self::File { source, .. } => file_kind(source),
            Self::Edit { error, .. } => (ErrorCode::InvalidRequest, edit_hint(*error)),
            Self::Tools(_) | Self::NothingToUndo { .. } => (ErrorCode::InvalidRequest, None),
        }
    }
}

fn file_kind(source: &io::Error) -> (ErrorCode, Option<&'static str>) {
    match source.kind() {
        ErrorKind::NotFound => (ErrorCode::FileNotFound, Some("list the files that there are")),
        ErrorKind::StorageFull | ErrorKind::FileTooLarge => {
            (ErrorCode::InvalidRequest, Some("make room in the workspace, or use smaller files"))
        }
        _ => (ErrorCode::InvalidRequest, None),
    }
}

const fn edit_hint(error: EditError) -> Option<&'static str> {
    match error {
        EditError::Missing => Some("view the text, and give the passage exactly as it stands"),
        EditError::Ambiguous { .. } => Some("give more of the lines around it"),
        EditError::Exists => Some("replace a passage of it, or write the file as a whole"),
        _ => None,
    }
}
