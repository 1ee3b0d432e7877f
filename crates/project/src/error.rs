//! What can go wrong with projects.

use std::{io, path::PathBuf, time::Duration};

use api::{ErrorBody, ErrorCode, with_causes};
use engine::{ArchiveError, RunError};
use record::{BlobError, BucketError, KeepError, StoreError};

use crate::{GitError, SourceError, TreeError};

/// What could not be done with a project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// Records failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Kept bytes failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A bucket cannot be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The repository cannot be registered.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The commit's files are not fit to be run.
    #[error("the files of the commit cannot be taken")]
    Archive(#[from] ArchiveError),
    /// The commit's files have one that would be git's own.
    #[error("the files of the commit have {path:?}, which is git's own")]
    GitsOwn {
        /// It.
        path: String,
    },
    /// A file of the project cannot be had.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The run could not be carried out.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The name cannot be one.
    #[error("{name:?} cannot be the name of a {what}: it must be {rule}")]
    Name {
        /// Of what.
        what: &'static str,
        /// The name.
        name: String,
        /// What names have to be.
        rule: &'static str,
    },
    /// There is nothing of that name or id.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// What.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// There is one of that name.
    #[error("there is a {what} {name:?} already")]
    Exists {
        /// What.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Several runs begin so.
    #[error("several runs begin with {prefix:?}")]
    Ambiguous {
        /// What was asked for.
        prefix: String,
    },
    /// The request contradicts itself.
    #[error("{reason}")]
    Request {
        /// How.
        reason: &'static str,
    },
    /// What was sent is not data that is taken.
    #[error("the data cannot be taken: {reason}")]
    Data {
        /// Why.
        reason: String,
    },
    /// A directory, a bucket or a snapshot is not one that is taken.
    #[error("the data cannot be taken: {reason}")]
    Unfit {
        /// Why.
        reason: String,
    },
    /// With a file of a directory, a snapshot would be too large.
    #[error(
        "with {path:?} of {given} bytes, the snapshot has more than {maximum}, which is the most"
    )]
    NoRoom {
        /// It, from the directory.
        path: PathBuf,
        /// Its size.
        given: u64,
        /// The limit of all together.
        maximum: u64,
    },
    /// The time that a run is to have is none, or more than the operator gives.
    #[error("a run may take more than 0 and at most {} seconds", maximum.as_secs_f64())]
    Time {
        /// The limit.
        maximum: Duration,
    },
    /// The operator does not give that.
    #[error("{what} is not allowed here")]
    Refused {
        /// What.
        what: &'static str,
    },
    /// It is larger than what is handed out at once.
    #[error("{what} has {given} bytes; the most is {maximum}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size.
        given: u64,
        /// The limit.
        maximum: u64,
    },
    /// The host failed.
    #[error("the host failed")]
    Host(#[from] io::Error),
}

impl ProjectError {
    /// The error as callers get it: one sentence, and what to do.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        match self {
            Self::Store(error) => error.body(),
            Self::Blob(error) => error.body(),
            Self::Run(error) | Self::Git(GitError::Run(error)) => error.body(),
            _ => {
                let (code, hint) = self.kind();
                let message = with_causes(self);
                let retryable = match self {
                    Self::Bucket(error) => error.is_transient(),
                    error => matches!(error, Self::Git(GitError::Busy { .. })),
                };
                ErrorBody { code, message, hint: hint.map(str::to_owned), retryable }
            }
        }
    }

    const fn kind(&self) -> (ErrorCode, Option<&'static str>) {
        match self {
            Self::Bucket(error) => error.kind(),
            Self::Source(error) => (source_code(error), Some(error.hint())),
            Self::Git(error) => git_kind(error),
            Self::Archive(_) | Self::GitsOwn { .. } => {
                (ErrorCode::InvalidRequest, Some("take it out of the repository"))
            }
            Self::Tree(TreeError::NotFound { .. }) | Self::NotFound { .. } => {
                (ErrorCode::NotFound, None)
            }
            Self::Tree(TreeError::TooLarge { .. })
            | Self::TooLarge { .. }
            | Self::NoRoom { .. } => (ErrorCode::TooLarge, None),
            Self::Tree(_) | Self::Request { .. } | Self::Unfit { .. } | Self::Time { .. } => {
                (ErrorCode::InvalidRequest, None)
            }
            Self::Name { .. } => (ErrorCode::InvalidRequest, Some("choose another name")),
            Self::Exists { .. } => (ErrorCode::Conflict, Some("choose another name")),
            Self::Ambiguous { .. } => {
                (ErrorCode::Conflict, Some("give more characters of the run's id"))
            }
            Self::Data { .. } => (
                ErrorCode::UnsupportedMediaType,
                Some("send CSV, XLSX, Parquet or JSON, with the suffix that it has"),
            ),
            Self::Refused { .. } => {
                (ErrorCode::PolicyRefused, Some("ask the operator to allow it"))
            }
            _ => (ErrorCode::Internal, None),
        }
    }
}

impl From<KeepError> for ProjectError {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Bucket(error) => Self::Bucket(error),
            KeepError::Blob(error) => Self::Blob(error),
        }
    }
}

const fn source_code(error: &SourceError) -> ErrorCode {
    match error {
        SourceError::Refused { .. } => ErrorCode::PolicyRefused,
        SourceError::NoRepository { .. } => ErrorCode::FileNotFound,
        _ => ErrorCode::InvalidRequest,
    }
}

const fn git_kind(error: &GitError) -> (ErrorCode, Option<&'static str>) {
    match error {
        GitError::NoNetwork => (
            ErrorCode::PolicyRefused,
            Some("register a clone on this host, or ask the operator to allow full network"),
        ),
        GitError::Busy { .. } => (ErrorCode::Busy, Some("try again in a moment")),
        GitError::UnknownCommit { .. } => (ErrorCode::NotFound, Some("give more of its digits")),
        GitError::TooLarge { .. } => (ErrorCode::TooLarge, None),
        GitError::Failed { .. } | GitError::Stopped { .. } | GitError::Nonsense { .. } => {
            (ErrorCode::InvalidRequest, Some("check the repository"))
        }
        _ => (ErrorCode::Internal, None),
    }
}
