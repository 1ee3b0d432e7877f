//! The state directory as one server's own, and rid of what a killed one left there.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, Mode, OFlags},
    io::Errno,
};

use crate::v1::scratch;

/// The file that says so.
const NAME: &str = "serve.lock";

/// Why the state directory cannot be this server's own.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another server has it.
    #[error("another server uses the state directory {:?}", directory.display())]
    Taken {
        /// The directory.
        directory: PathBuf,
    },
    /// It cannot be claimed.
    #[error("cannot lock {path:?}", path = path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// The state directory as this server's own, up to the end of the process or of this.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: OwnedFd,
}

impl Claim {
    /// Claims it, and removes what a predecessor left.
    ///
    /// # Errors
    /// Another server has it, or it cannot be written to.
    pub(crate) fn take(directory: &Path) -> Result<Self, ClaimError> {
        let path = directory.join(NAME);
        let failed = |error: Errno| match error {
            Errno::AGAIN | Errno::ACCESS => ClaimError::Taken { directory: directory.to_owned() },
            error => ClaimError::Lock { path: path.clone(), source: error.into() },
        };
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let opened = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
        let lock = opened
            .map_err(|error| ClaimError::Lock { path: path.clone(), source: error.into() })?;
        // The process's and not the open file's: a copy of the descriptor in what was
        // launched must not hold it any longer than the process lives.
        rustix::fs::fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(failed)?;
        sweep(directory);
        Ok(Self { _lock: lock })
    }
}

fn sweep(directory: &Path) {
    let path = directory.join(scratch::PLACE);
    match fs::remove_dir_all(&path) {
        Ok(()) => tracing::info!("removed what a predecessor left of its runs' files"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // It takes space and harms nobody.
        Err(error) => tracing::warn!(%error, "cannot remove what a predecessor left"),
    }
}
