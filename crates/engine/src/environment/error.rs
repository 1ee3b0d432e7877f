//! What can be wrong with an environment.

use std::{io, path::PathBuf};

use crate::language::PrefixRefused;

/// What can be wrong with an environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// The text cannot be an environment's name.
    #[error("{name:?} cannot be an environment's name: {reason}")]
    InvalidName {
        /// What was given.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// Nothing has the name.
    #[error("there is no environment {name:?}; there are: {known}", known = known.join(", "))]
    NotFound {
        /// What was given.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Something has the name already.
    #[error("there is an environment {name:?} already")]
    Exists {
        /// The name.
        name: String,
    },
    /// It was never synced.
    #[error("the environment {name:?} has no packages yet: run `cellblock env sync {name}`")]
    NotSynced {
        /// Its name.
        name: String,
    },
    /// Its interpreter is gone.
    #[error("the environment {name:?} is broken: {reason}; run `cellblock env sync {name}`")]
    Broken {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Its `pyproject.toml` is malformed.
    #[error("{path:?} is malformed: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column where that is known.
        reason: String,
    },
    /// A requirement is not one.
    #[error("{text:?} is not a requirement: {reason}")]
    Requirement {
        /// What was given.
        text: String,
        /// Why.
        reason: &'static str,
    },
    /// A file or directory cannot be read or written.
    #[error("{action} {path:?} failed", path = path.display())]
    Files {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// No interpreter to build on.
    #[error(
        "no Python{of} was found to build the environment {name:?} on",
        of = wanted.as_ref().map(|wanted| format!(" {wanted}")).unwrap_or_default()
    )]
    NoPython {
        /// The environment.
        name: String,
        /// The versions that its project lets in.
        wanted: Option<String>,
        /// Why the one that was found or named cannot be taken.
        #[source]
        refused: Option<PrefixRefused>,
    },
    /// The installer failed.
    #[error("{step} failed with status {status}: {last_lines}")]
    Installer {
        /// What was being done.
        step: String,
        /// How it ended.
        status: String,
        /// The end of what it said.
        last_lines: String,
    },
}
