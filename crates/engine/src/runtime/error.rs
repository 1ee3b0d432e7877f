//! Why a request has no runtime.

use std::path::PathBuf;

use policy::InvalidGuestPath;

use crate::{environment::EnvironmentError, language::ToolchainMissing};

/// Why a request has no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The language is not one of ours.
    #[error("no language is called {name:?}")]
    LanguageUnknown {
        /// What was given.
        name: String,
    },
    /// The host lacks the language's programs.
    #[error(transparent)]
    ToolchainMissing(#[from] ToolchainMissing),
    /// The environment cannot be used.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The name cannot be a source file's.
    #[error("{name:?} cannot be the name of a source file: {reason}")]
    FileName {
        /// What was given.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// The directory is not one of the workspace.
    #[error("{path:?} is no directory to start in: {reason}", path = path.display())]
    Directory {
        /// What was given.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// The workspace cannot be seen at the place that was asked for.
    #[error("the workspace cannot be placed")]
    Workspace(#[from] InvalidGuestPath),
    /// A toolchain's path cannot stand in a command line.
    #[error("{path:?} cannot be started: its path is not UTF-8", path = path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// A row of the table of languages asks for something that it does not say
    /// how to get.
    #[error("the table of languages has a defect")]
    Row,
}
