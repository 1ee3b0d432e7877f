//! The empty `.venv`, as it was before any package was in it.
//!
//! A package may bring a file of any name, the interpreter's and its settings'
//! too. Both decide what is started here and what of the host is shown to
//! runs, so they are looked at before packages come and must be the same after.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{lock, requires, work::Work};
use crate::{
    environment::{EnvironmentError, pyproject::Project},
    language::{
        python,
        trail::{self, Trail},
    },
    text_file,
};

/// The empty `.venv`.
#[derive(Debug)]
pub(super) struct Made {
    /// The interpreter that it was made of.
    pub(super) base: PathBuf,
    /// Where its own interpreter leads, and how.
    leads: Trail,
    settings: String,
}

/// What is to be installed.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) dependencies: &'a [String],
    /// What a lock must have been made for.
    pub(super) made_for: String,
}

impl Made {
    /// Looks at what an installer made.
    ///
    /// # Errors
    /// It cannot be read, or its interpreter may not be shown to runs.
    pub(super) fn look(work: &Work<'_>, name: &str) -> Result<Self, EnvironmentError> {
        let program = work.python();
        let base = python::named(&program).map_err(|refused| EnvironmentError::NoPython {
            name: name.to_owned(),
            wanted: None,
            refused: Some(refused),
        })?;
        let (leads, settings) = read(&work.staging, &program).map_err(|source| {
            EnvironmentError::Files { action: "reading", path: program, source }
        })?;
        Ok(Self { base: base.program, leads, settings })
    }

    /// Looks again, with the packages there.
    ///
    /// # Errors
    /// A package replaced the interpreter or its settings.
    pub(super) fn check(&self, work: &Work<'_>) -> Result<(), EnvironmentError> {
        let program = work.python();
        match read(&work.staging, &program) {
            Ok((leads, settings)) if leads == self.leads && settings == self.settings => Ok(()),
            _ => Err(EnvironmentError::Malformed {
                path: program,
                reason: "a package replaced the interpreter or its settings".to_owned(),
            }),
        }
    }

    /// What is to be installed for a project.
    ///
    /// # Errors
    /// The project does not let this Python in.
    pub(super) fn made_for<'a>(
        &self,
        work: &Work<'_>,
        name: &str,
        project: &'a Project,
    ) -> Result<Wanted<'a>, EnvironmentError> {
        let version = self.version();
        let wanted = work.requires_python;
        if wanted.is_some_and(|wanted| requires::allows(wanted, &version) != Some(true)) {
            let wanted = wanted.map(str::to_owned);
            return Err(EnvironmentError::NoPython {
                name: name.to_owned(),
                wanted,
                refused: None,
            });
        }
        let minor: Vec<String> = version.iter().take(2).map(u64::to_string).collect();
        let dependencies = &project.dependencies;
        Ok(Wanted { dependencies, made_for: lock::made_for(&minor.join("."), dependencies) })
    }

    /// The Python's version, as the settings have it: `version = 3.12.4`.
    fn version(&self) -> requires::Version {
        let values = self.settings.lines().filter_map(|line| line.split_once('='));
        let mut versions = values.filter(|(key, _)| key.trim().starts_with("version"));
        requires::version(versions.next().map_or("", |(_, value)| value))
    }
}

fn read(directory: &Path, program: &Path) -> io::Result<(Trail, String)> {
    let settings = directory.join("pyvenv.cfg");
    Ok((trail::follow(program)?, text_file::read(&settings, python::SETTINGS_BYTES_MAX)?))
}
