//! Why a bucket's objects were not read.

use api::ErrorCode;

/// The most that is told of what an object store said.
const DETAIL_CHARACTERS_MAX: usize = 300;

/// Objects were not read.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// It is no place of objects.
    #[error("that is no bucket such as s3://bucket/prefix: {reason}")]
    Location {
        /// Why not.
        reason: &'static str,
    },
    /// Its object store is not set up.
    #[error("{location} cannot be reached as this host is set up: {detail}")]
    Open {
        /// Which.
        location: String,
        /// Why.
        detail: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket {location}")]
    NotFound {
        /// Which.
        location: String,
    },
    /// The credentials do not do.
    #[error("access to {location} is denied")]
    Denied {
        /// To which.
        location: String,
    },
    /// There are too many.
    #[error("{location} has more than {maximum} objects")]
    TooMany {
        /// Where.
        location: String,
        /// The limit.
        maximum: usize,
    },
    /// One of them is too large, or all are.
    #[error("{what} has {given} bytes; the most is {maximum}")]
    TooLarge {
        /// What.
        what: String,
        /// Its size.
        given: u64,
        /// The limit.
        maximum: u64,
    },
    /// A key cannot be the path of a file.
    #[error("{location} has an object whose key cannot be a file's path: {detail}")]
    Key {
        /// Where.
        location: String,
        /// Which, and why.
        detail: String,
    },
    /// It is not what was listed.
    #[error("{key:?} was changed or removed while it was read")]
    Changed {
        /// Which.
        key: String,
    },
    /// It took too long.
    #[error("{location} did not answer in time")]
    TimedOut {
        /// Which.
        location: String,
    },
    /// The object store failed.
    #[error("{location} cannot be read: {detail}")]
    Failed {
        /// Which.
        location: String,
        /// What it said, without what may be secret.
        detail: String,
    },
}

impl BucketError {
    /// What a failure of an object store means.
    pub(super) fn of(location: &str, error: &object_store::Error) -> Self {
        use object_store::Error;
        let location = location.to_owned();
        match error {
            Error::NotFound { .. } => Self::NotFound { location },
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
                Self::Denied { location }
            }
            Error::InvalidPath { .. } => Self::Key { location, detail: told(error) },
            // A list's failure tells its status in words alone.
            error => match status(error).as_deref() {
                Some("404") => Self::NotFound { location },
                Some("401" | "403") => Self::Denied { location },
                _ => Self::Failed { location, detail: told(error) },
            },
        }
    }

    /// The kind of error that a caller is told, and what to do about it.
    #[must_use]
    pub const fn kind(&self) -> (ErrorCode, Option<&'static str>) {
        match self {
            Self::Location { .. } => (ErrorCode::InvalidRequest, None),
            Self::NotFound { .. } => (ErrorCode::NotFound, Some("check its name and region")),
            Self::Denied { .. } => {
                (ErrorCode::Forbidden, Some("have the operator check the credentials"))
            }
            Self::TooMany { .. } | Self::TooLarge { .. } => {
                (ErrorCode::TooLarge, Some("choose a longer prefix"))
            }
            Self::Key { .. } => {
                (ErrorCode::InvalidRequest, Some("rename it, or choose a longer prefix"))
            }
            Self::Changed { .. } => (ErrorCode::Conflict, Some("take the snapshot again")),
            Self::Open { .. } | Self::TimedOut { .. } | Self::Failed { .. } => {
                (ErrorCode::Internal, Some("have the operator check how the bucket is reached"))
            }
        }
    }

    /// Whether the same may succeed later.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Changed { .. } | Self::TimedOut { .. } | Self::Failed { .. })
    }
}

/// The status with which an object store answered, as far as its client tells.
fn status(error: &object_store::Error) -> Option<String> {
    let text = error.to_string();
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3).map(str::to_owned)
}

/// What an object store said, on one line, without the query of any URL: that may be
/// somebody's signature.
pub(super) fn told(error: &object_store::Error) -> String {
    let text = error.to_string();
    let mut is_query = false;
    let kept = text.chars().filter(|character| {
        is_query = match character {
            '?' => true,
            ' ' | '"' | '\'' | ')' | '\n' => false,
            _ => is_query,
        };
        !is_query && !character.is_control()
    });
    kept.take(DETAIL_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_of_urls_are_not_told() {
        let source = "GET https://h/c?sig=secret&x=1: no".into();
        let error = object_store::Error::Generic { store: "store", source };
        let told = told(&error);
        assert!(told.contains("https://h/c no") && !told.contains("secret"), "{told}");
    }
}
