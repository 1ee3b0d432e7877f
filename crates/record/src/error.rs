//! What can go wrong between us and the database.

use api::{ErrorBody, ErrorCode};

use crate::{InvalidLocation, Location};

/// The primary code of `SQLite` for a full disk.
const SQLITE_FULL: i64 = 13;

/// Those for a file that another process holds.
const SQLITE_BUSY: i64 = 5;
const SQLITE_LOCKED: i64 = 6;

/// Extended codes carry the primary one in their low byte.
const SQLITE_PRIMARY: i64 = 0xff;

/// What the queue is full of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueBound {
    /// Waiting runs of the tenant.
    Tenant,
    /// Waiting runs of all tenants.
    All,
}

/// The store did not do what it was asked to. Nothing of it was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The place cannot be one for records.
    #[error(transparent)]
    Location(#[from] InvalidLocation),
    /// The database cannot be reached or made.
    #[error("cannot open the records at {location}")]
    Open {
        /// Where.
        location: Location,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The file or its directory cannot be made.
    #[error("cannot make the records' file at {location}")]
    Create {
        /// Where.
        location: Location,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its schema is one of a later version of this program.
    #[error("the records were written by a later version: their schema is {found}, ours {known}")]
    Newer {
        /// The schema's version.
        found: i64,
        /// The last that this program knows.
        known: i64,
    },
    /// The database failed at something.
    #[error("cannot {operation}")]
    Database {
        /// What was attempted.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// There is no space left.
    #[error("cannot {operation}: there is no space left for the records")]
    NoSpace {
        /// What was attempted.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// Others held the database for too long.
    #[error("cannot {operation}: the records are in use")]
    Busy {
        /// What was attempted.
        operation: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// A part of what was to be written is larger than may be.
    #[error("the {what} has more than {limit_bytes} bytes")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// The most it may have.
        limit_bytes: usize,
    },
    /// As many runs wait as may.
    #[error("{limit} runs wait already, which is as many as may")]
    QueueFull {
        /// Whose.
        bound: QueueBound,
        /// How many may.
        limit: u32,
    },
    /// There is one of that name already.
    #[error("there is a {what} of that name already")]
    Exists {
        /// What.
        what: &'static str,
    },
    /// What is referred to is not there.
    #[error("there is no such {what}")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// Records refer to it.
    #[error("the {what} is referred to by {used_by}")]
    InUse {
        /// What.
        what: &'static str,
        /// By what.
        used_by: &'static str,
    },
    /// The text cannot be the beginning of a run's id.
    #[error("not the beginning of a run's id: expected 4 to 36 hexadecimal digits and dashes")]
    InvalidPrefix,
    /// The cursor is not one of ours.
    #[error("not a cursor of this list")]
    InvalidCursor,
    /// Something stored is not what this program writes.
    #[error("a stored {what} cannot be read")]
    Corrupt {
        /// Which.
        what: &'static str,
    },
    /// Records of turns cannot be written at the moment.
    #[error("records of turns cannot be written: {reason}")]
    LogStuck {
        /// What the last attempt failed with.
        reason: String,
    },
    /// The log has been finished.
    #[error("records of turns are no longer taken")]
    LogClosed,
}

impl StoreError {
    /// Tells what a database's error means for an operation, in words that follow "cannot".
    pub(crate) fn of(operation: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| match class(&source) {
            Class::NoSpace => Self::NoSpace { operation, source },
            Class::Busy => Self::Busy { operation, source },
            Class::Other => Self::Database { operation, source },
        }
    }

    /// Whether the same may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoSpace { .. } | Self::Busy { .. } | Self::QueueFull { .. } => true,
            Self::LogStuck { .. } | Self::Open { .. } => true,
            // What the database itself says is about the statement; the rest about the way to it.
            Self::Database { source, .. } => {
                source.as_database_error().is_none_or(|error| is_outage(error.code().as_deref()))
            }
            _ => false,
        }
    }

    /// What a caller is told.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let (code, hint) = self.advice();
        ErrorBody {
            code,
            message: self.to_string(),
            hint: hint.map(str::to_owned),
            retryable: self.is_transient(),
        }
    }

    fn advice(&self) -> (ErrorCode, Option<&'static str>) {
        match self {
            Self::QueueFull { .. } => {
                (ErrorCode::QuotaExceeded, Some("wait for some of them to end, or cancel some"))
            }
            Self::TooLarge { .. } => (ErrorCode::TooLarge, None),
            Self::Exists { .. } | Self::InUse { .. } => (ErrorCode::Conflict, None),
            Self::Missing { .. } => (ErrorCode::NotFound, None),
            Self::InvalidPrefix | Self::InvalidCursor | Self::Location(_) => {
                (ErrorCode::InvalidRequest, None)
            }
            Self::NoSpace { .. } => {
                (ErrorCode::Internal, Some("free space where the records are, or keep fewer"))
            }
            Self::Newer { .. } => (ErrorCode::Internal, Some("use the version that wrote them")),
            Self::Busy { .. } => (ErrorCode::Busy, None),
            _ => (ErrorCode::Internal, None),
        }
    }
}

enum Class {
    NoSpace,
    Busy,
    Other,
}

/// Whether others hold what was to be used.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    matches!(class(error), Class::Busy)
}

fn class(error: &sqlx::Error) -> Class {
    if matches!(error, sqlx::Error::PoolTimedOut) {
        return Class::Busy;
    }
    let code = error.as_database_error().and_then(|error| error.code());
    let Some(code) = code else { return Class::Other };
    if let Some(class) = class_in_postgres(&code) {
        return class;
    }
    match code.parse::<i64>().map(|code| code & SQLITE_PRIMARY) {
        Ok(SQLITE_FULL) => Class::NoSpace,
        Ok(SQLITE_BUSY | SQLITE_LOCKED) => Class::Busy,
        _ => Class::Other,
    }
}

/// Codes of `PostgreSQL` have five characters, those of `SQLite` at most four.
fn class_in_postgres(code: &str) -> Option<Class> {
    (code.len() == 5).then_some(match code {
        "53100" => Class::NoSpace,
        // Lock not available, deadlock, serialization failure, too many connections.
        "55P03" | "40P01" | "40001" | "53300" => Class::Busy,
        _ => Class::Other,
    })
}

/// Whether a code tells of a server that goes away or comes up, or of a failing disk.
fn is_outage(code: Option<&str>) -> bool {
    /// A failed read or write of `SQLite`.
    const SQLITE_IOERR: i64 = 10;
    let Some(code) = code else { return false };
    if code.len() == 5 {
        return ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class));
    }
    code.parse::<i64>().is_ok_and(|code| code & SQLITE_PRIMARY == SQLITE_IOERR)
}
