//! What can go wrong with the file of keys.

use std::{io, path::PathBuf};

use super::{place::Unsafe, text::KeyId};

/// The keys could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The state directory cannot be made or opened.
    #[error("cannot open the state directory {path:?}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others could put keys of their own in place.
    #[error("{path:?} cannot be trusted with keys: {reason}", path = path.display())]
    Unsafe {
        /// The directory or the file.
        path: PathBuf,
        /// What is wrong with it.
        reason: Unsafe,
    },
    /// Another command changes the keys, and has for long.
    #[error("another command is changing the keys in {path:?}", path = path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the keys in {path:?}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file does not hold keys, or not all of them.
    #[error("the keys in {path:?} are damaged: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is of another version of this program.
    #[error("the keys in {path:?} have format {found}, not {expected}", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The format's number.
        found: u64,
        /// The number that this program reads.
        expected: u64,
    },
    /// The file cannot be written. It is as it was.
    #[error("cannot write the keys to {path:?}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// There are as many keys as there may be.
    #[error("there are {limit} keys already, and no more are kept")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// A key would expire after the last year that can be written.
    #[error("a key cannot expire that late")]
    ExpiryTooLate,
    /// No key has the id.
    #[error("no key has the id {id}")]
    NotFound {
        /// The id.
        id: KeyId,
    },
    /// The system gave no randomness.
    #[error("the system gave no random bytes")]
    Random(#[source] io::Error),
}

impl KeyError {
    /// What to do about it.
    #[must_use]
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unsafe { reason: Unsafe::Owner { .. }, .. } => {
                Some("run the command as the owner, or name a directory of your own")
            }
            Self::Unsafe { reason: Unsafe::WritableByOthers { .. }, .. } => {
                Some("take write access from group and others: chmod go-w")
            }
            Self::Damaged { .. } => Some("put back a copy, or remove it and create new keys"),
            Self::TooMany { .. } => Some("revoke some with `cellblock key revoke`"),
            Self::NotFound { .. } => Some("`cellblock key list` lists them"),
            _ => None,
        }
    }

    /// Whether the caller asked for what cannot be; otherwise the machine failed.
    #[must_use]
    pub const fn is_callers(&self) -> bool {
        matches!(
            self,
            Self::Unsafe { .. }
                | Self::TooMany { .. }
                | Self::ExpiryTooLate
                | Self::NotFound { .. }
        )
    }
}
