//! What one sync works with: its directories and what was asked for.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::environment::{EnvironmentError, SyncOptions, packages, remove::clear};

/// Where the new `.venv` is built before it takes the old one's place.
const STAGING: &str = ".venv.new";

/// Where installers keep what they need while they work.
const SCRATCH: &str = ".sync";

/// One sync. Its end clears what it leaves behind.
#[derive(Debug)]
pub(super) struct Work<'a> {
    pub(super) options: &'a SyncOptions,
    pub(super) requires_python: Option<&'a str>,
    /// The environment's directory, without symlinks.
    pub(super) directory: PathBuf,
    pub(super) staging: PathBuf,
    pub(super) scratch: PathBuf,
    /// Held while the sync lasts, so that there is one at a time.
    _lock: File,
}

impl<'a> Work<'a> {
    /// Begins a sync of an environment's directory.
    ///
    /// # Errors
    /// Another one is under way, or the directory cannot be written.
    pub(super) fn begin(
        path: &Path,
        options: &'a SyncOptions,
        requires_python: Option<&'a str>,
    ) -> Result<Self, EnvironmentError> {
        let failed = |action| {
            move |source| EnvironmentError::Files { action, path: path.to_owned(), source }
        };
        let directory = fs::canonicalize(path).map_err(failed("finding"))?;
        let lock = File::open(&directory).map_err(failed("opening"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| io::Error::other("another sync of it is under way"))
            .map_err(failed("locking"))?;
        let (staging, scratch) = (directory.join(STAGING), directory.join(SCRATCH));
        clear(&staging)
            .and_then(|()| clear(&scratch))
            .and_then(|()| fs::create_dir(&scratch))
            .map_err(failed("preparing"))?;
        Ok(Self { options, requires_python, directory, staging, scratch, _lock: lock })
    }

    /// The new `.venv`'s interpreter.
    pub(super) fn python(&self) -> PathBuf {
        self.staging.join("bin/python")
    }

    /// Writes a file for an installer to read.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn note(&self, name: &str, text: &str) -> Result<PathBuf, EnvironmentError> {
        let path = self.scratch.join(name);
        fs::write(&path, text).map_err(|source| EnvironmentError::Files {
            action: "writing",
            path: path.clone(),
            source,
        })?;
        Ok(path)
    }

    /// Puts the new `.venv` in the old one's place, at once.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub(super) fn swap(&self) -> io::Result<()> {
        let place = self.directory.join(packages::DIRECTORY);
        if place.symlink_metadata().is_err() {
            return fs::rename(&self.staging, &place);
        }
        renameat_with(CWD, &self.staging, CWD, &place, RenameFlags::EXCHANGE).or_else(|_| {
            // A file system that cannot exchange: the old one goes aside first.
            fs::rename(&place, self.scratch.join("old"))?;
            fs::rename(&self.staging, &place)
        })
    }

    /// Replaces a file of the environment's directory, at once.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.scratch.join(name);
        fs::write(&new, text)?;
        fs::rename(new, self.directory.join(name))
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        // What cannot be cleared now is cleared by the next sync.
        let _ = clear(&self.staging);
        let _ = clear(&self.scratch);
    }
}
