//! The installer that builds an environment: `uv` where it is, else `pip`.

use std::path::{Path, PathBuf};

use super::{interpreter, lock::Lock, pip::Pip, process::Progress, uv::Uv, work::Work};
use crate::{
    environment::EnvironmentError,
    language::discover::{is_binary, runnable},
};

/// An installer with the empty `.venv` that it made.
#[derive(Debug)]
pub(super) enum Installer {
    Uv(Uv),
    Pip(Pip),
}

impl Installer {
    /// Chooses the installer and makes the empty `.venv`.
    ///
    /// # Errors
    /// There is no interpreter, or the `.venv` cannot be made.
    pub(super) fn begin(
        work: &Work<'_>,
        name: &str,
        progress: Progress<'_>,
    ) -> Result<Self, EnvironmentError> {
        let base = interpreter::choose(name, work.options, work.requires_python);
        if let Some(program) = uv(&work.options.search_path) {
            let uv = Uv { program };
            // uv looks further than we do, unless the operator said where to look.
            let base = if work.options.python.is_some() { Some(base?) } else { base.ok() };
            uv.make(base, work, progress)?;
            return Ok(Self::Uv(uv));
        }
        Pip::make(base?, work, progress).map(Self::Pip)
    }

    /// Chooses the packages for a file of requirements.
    ///
    /// # Errors
    /// They cannot be had together, or not at all.
    pub(super) fn resolve(
        &self,
        work: &Work<'_>,
        requirements: &Path,
        progress: Progress<'_>,
    ) -> Result<Lock, EnvironmentError> {
        match self {
            Self::Uv(uv) => uv.resolve(work, requirements, progress),
            Self::Pip(pip) => pip.resolve(work, requirements, progress),
        }
    }

    /// Installs the packages of a lock's file.
    ///
    /// # Errors
    /// One cannot be had with the hash that it is locked to.
    pub(super) fn install(
        &self,
        work: &Work<'_>,
        lock: &Path,
        progress: Progress<'_>,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Uv(uv) => uv.install(work, lock, progress),
            Self::Pip(pip) => pip.install(work, lock, progress),
        }
    }
}

/// uv itself; a shim that may or may not lead to it does not count.
fn uv(search_path: &[PathBuf]) -> Option<PathBuf> {
    let mut candidates = search_path.iter().map(|directory| directory.join("uv"));
    candidates.find(|path| runnable(path).is_some_and(|real| is_binary(&real)))
}
