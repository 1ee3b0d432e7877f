//! What can go wrong with bytes.

use std::io;

use api::{ErrorBody, ErrorCode};

use super::BlobLocation;
use crate::StoreError;

/// Bytes were not kept, or not read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The place cannot be one for blobs.
    #[error("`{scheme}` is no place for blobs: give a directory, s3://, gs:// or az://")]
    Location {
        /// The scheme that is not known.
        scheme: String,
    },
    /// The place cannot be used as it is described.
    #[error("cannot use {location} for blobs")]
    Open {
        /// Where.
        location: BlobLocation,
        /// Why.
        #[source]
        source: object_store::Error,
    },
    /// A directory cannot be made.
    #[error("cannot make the directory of the blobs at {}", path.display())]
    Create {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What was to be kept could not be read to its end.
    #[error("cannot read what is to be kept")]
    Source(#[source] io::Error),
    /// What was to be kept could not be put aside until its digest is known.
    #[error("cannot put aside what is to be kept")]
    Spool(#[source] io::Error),
    /// There is no space left.
    #[error("cannot {operation}: there is no space left for blobs")]
    NoSpace {
        /// What was attempted.
        operation: &'static str,
    },
    /// The place failed at something.
    #[error("cannot {operation}")]
    Object {
        /// What was attempted.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: object_store::Error,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It has more bytes than may be.
    #[error("it has more than {limit_bytes} bytes")]
    TooLarge {
        /// How many may be.
        limit_bytes: u64,
    },
    /// There are no bytes with this digest.
    #[error("there is no blob {sha256}")]
    Missing {
        /// The digest.
        sha256: String,
    },
    /// The bytes that are there are others.
    #[error("the blob {sha256} is damaged")]
    Damaged {
        /// The digest.
        sha256: String,
    },
    /// The same bytes are being removed, and have been for too long.
    #[error("the blob {sha256} is being removed")]
    Busy {
        /// The digest.
        sha256: String,
    },
}

impl BlobError {
    /// Tells what a failure of the place means, in words that follow "cannot".
    pub(super) fn of(operation: &'static str) -> impl FnOnce(object_store::Error) -> Self {
        move |source| match is_full(&source) {
            true => Self::NoSpace { operation },
            false => Self::Object { operation, source },
        }
    }

    /// The same of a failure while bytes are put aside.
    pub(super) fn of_spool(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::NoSpace { operation: "put aside what is to be kept" }
            }
            _ => Self::Spool(source),
        }
    }

    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoSpace { .. } | Self::Object { .. } | Self::Busy { .. } => true,
            Self::Store(error) => error.is_transient(),
            _ => false,
        }
    }

    /// What a caller is told.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let (code, hint) = match self {
            Self::Store(error) => return error.body(),
            Self::TooLarge { .. } => (ErrorCode::TooLarge, None),
            Self::Missing { .. } => (ErrorCode::NotFound, None),
            Self::Location { .. } => (ErrorCode::InvalidRequest, None),
            Self::NoSpace { .. } => {
                (ErrorCode::Internal, Some("free space where the blobs are, or keep fewer"))
            }
            Self::Damaged { .. } => {
                (ErrorCode::Internal, Some("restore it from a copy, or put the same bytes again"))
            }
            Self::Open { .. } | Self::Object { .. } => (
                ErrorCode::Internal,
                Some("see whether the place of the blobs can be reached as its env vars say"),
            ),
            _ => (ErrorCode::Internal, None),
        };
        ErrorBody {
            code,
            message: self.to_string(),
            hint: hint.map(str::to_owned),
            retryable: self.is_transient(),
        }
    }
}

/// Whether a full disk is at the bottom of it.
fn is_full(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = cause {
        let kind = current.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return true;
        }
        cause = current.source();
    }
    false
}
