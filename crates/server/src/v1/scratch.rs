//! A directory for the files of one run, on the host's side.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use uuid::Uuid;

/// The directory below the state directory that they lie in.
pub(crate) const PLACE: &str = "scratch";

/// A directory that is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes it.
    ///
    /// # Errors
    /// The state directory cannot be written to.
    pub(super) fn make(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(PLACE).join(Uuid::now_v7().to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next start.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
