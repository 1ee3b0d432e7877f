//! Why an archive is refused.

use std::io;

/// Why an archive cannot be made or unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// One of its entries is refused.
    #[error("{name:?} {fault}")]
    Entry {
        /// The entry's name; what cannot be seen is escaped.
        name: String,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// There are too many entries.
    #[error("it has more than {maximum} entries")]
    TooMany {
        /// The limit.
        maximum: usize,
    },
    /// The files are larger together than the workspace may be.
    #[error("{name:?} does not fit: the files may have {maximum} bytes in all")]
    TooLarge {
        /// The first entry that is too much.
        name: String,
        /// The limit.
        maximum: u64,
    },
    /// It is no archive of that format, or is cut short.
    #[error("it is damaged: {detail}")]
    Damaged {
        /// What was noticed.
        detail: String,
    },
    /// Something of the host failed.
    #[error("the host failed")]
    Host(#[from] io::Error),
}

/// What is wrong with an entry of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// It has no name.
    #[error("names no file")]
    Nameless,
    /// Its name begins with a slash.
    #[error("is an absolute path")]
    Absolute,
    /// Its name leads out of the directory.
    #[error("has `..` in it")]
    LeadsOut,
    /// Its name has a NUL, or a backslash, which means other things elsewhere.
    #[error("has a NUL or a backslash in it")]
    Character,
    /// Its name is not text.
    #[error("is not UTF-8 text")]
    NotText,
    /// Its name, or a part of it, is longer than the host kernel takes.
    #[error("is too long")]
    TooLong,
    /// It lies too deep.
    #[error("lies too deep")]
    TooDeep,
    /// Another entry has the same name.
    #[error("is there twice")]
    Twice,
    /// Another entry has the same name but for its case.
    #[error("differs from another entry by case alone")]
    Case,
    /// Another entry is a file where this one needs a directory, or the reverse.
    #[error("is both a file and a directory")]
    FileAndDirectory,
    /// It is a symbolic or a hard link.
    #[error("is a link")]
    Link,
    /// It is a device, a pipe, or something else that is neither file nor directory.
    #[error("is neither a file nor a directory")]
    Special,
    /// It has holes.
    #[error("is a sparse file")]
    Sparse,
    /// It is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// It is compressed in another way than by deflate.
    #[error("is compressed in a way that is not known here")]
    Compression,
    /// It is larger than a file may be.
    #[error("is larger than a file may be")]
    TooLarge,
    /// What the archive says of it in two places is not the same.
    #[error("is described in two ways that do not agree")]
    Disagrees,
    /// Its content is not what the archive says it is.
    #[error("has another content than the archive says")]
    Content,
}

impl ArchiveError {
    /// What to do about it.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Entry { .. } => "leave that entry out of the archive",
            Self::TooMany { .. } | Self::TooLarge { .. } => "make several smaller archives",
            Self::Damaged { .. } => "make the archive again, and name its format",
            Self::Host(_) => "try again",
        }
    }

    pub(super) fn damaged(detail: &str) -> Self {
        Self::Damaged { detail: detail.to_owned() }
    }

    pub(super) fn entry(name: &[u8], fault: EntryFault) -> Self {
        Self::Entry { name: shown(name), fault }
    }
}

/// The most of a name that is told.
const NAME_BYTES_MAX: usize = 200;

/// The beginning of a name for people to read.
pub(super) fn shown(name: &[u8]) -> String {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::Path};
    let start = name.get(..NAME_BYTES_MAX).unwrap_or(name);
    crate::transfer::shown(Path::new(OsStr::from_bytes(start)))
}
