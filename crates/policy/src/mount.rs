//! What of the host is seen inside, and where.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

use api::Access;
use serde::{Deserialize, Serialize};

/// An absolute path inside, without `.`, `..`, empty or NUL parts; not the root.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "PathBuf", into = "PathBuf")]
pub struct GuestPath(PathBuf);

/// The path cannot be a guest path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not an absolute path without `..`", path = path.display())]
pub struct InvalidGuestPath {
    /// What was given.
    pub path: PathBuf,
}

impl GuestPath {
    /// Checks a path.
    ///
    /// # Errors
    /// It is relative, is the root, or has a part `..` or a NUL.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, InvalidGuestPath> {
        let path = path.into();
        let mut parts = path.components();
        let absolute = parts.next() == Some(Component::RootDir);
        let mut count = 0_usize;
        let named = parts.all(|part| {
            count += 1;
            matches!(part, Component::Normal(_))
        });
        let nul = path.as_os_str().as_encoded_bytes().contains(&0);
        if absolute && named && count > 0 && !nul {
            return Ok(Self(path.components().collect()));
        }
        Err(InvalidGuestPath { path })
    }

    /// The path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl TryFrom<PathBuf> for GuestPath {
    type Error = InvalidGuestPath;

    fn try_from(path: PathBuf) -> Result<Self, InvalidGuestPath> {
        Self::new(path)
    }
}

impl From<GuestPath> for PathBuf {
    fn from(path: GuestPath) -> Self {
        path.0
    }
}

impl fmt::Display for GuestPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(formatter)
    }
}

/// How a mount is tied to the host's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountView {
    /// Through an overlay of the sandbox's own: the same bytes, but locks,
    /// leases and watches on them are nobody else's.
    Private,
    /// The host's very files, as a shared directory wants it.
    Shared,
}

/// One host path, resolved and without symlinks, that is seen inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mount {
    /// The host's path.
    pub source: PathBuf,
    /// Where it is seen.
    pub target: GuestPath,
    /// What may be done with it.
    pub access: Access,
    /// How it is tied to the host's files.
    pub view: MountView,
}
