//! What the verbs of bubble-sandbox need beyond ours: its settings, its volumes,
//! its way to shorten output. Facts of version 0.13; its leaks are left out.

mod environment;
mod report;
mod settings;
mod volume;
mod window;

use std::{io, path::PathBuf};

pub(crate) use environment::check as check_environment;
pub(crate) use report::{Ending, Report};
pub(crate) use settings::Settings;
pub(crate) use volume::volume;
pub(crate) use window::Window;

use crate::exit;

/// Why a verb of bubble-sandbox cannot be carried out. The texts that its users
/// may look for are its own.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BubbleError {
    #[error("cannot read the settings file {path:?}", path = path.display())]
    SettingsFile {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the settings file {path:?} is not YAML: {message}", path = path.display())]
    SettingsSyntax { path: PathBuf, message: String },
    #[error("{key}: Extra inputs are not permitted")]
    UnknownSetting { key: String },
    #[error("{key}: {reason}")]
    BadSetting { key: String, reason: &'static str },
    #[error("{given:?} is not a volume: {reason}")]
    Volume { given: String, reason: &'static str },
    #[error("Invalid environment name: '{name}'")]
    EnvironmentName { name: String },
    #[error("Environment not found: PosixPath('{path}')", path = path.display())]
    EnvironmentNotFound { path: PathBuf },
    #[error("No venv found for environment '{name}': (expected {path})", path = path.display())]
    NoVenv { name: String, path: PathBuf },
    #[error("Sandbox unavailable: {reason}")]
    Unavailable { reason: String },
}

impl BubbleError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::UnknownSetting { .. } => {
                "the settings are config_file_path, environments_pathname, \
                 execution_timeout_seconds and max_output_chars"
            }
            Self::Volume { .. } => "give NAME,HOST_PATH or NAME,HOST_PATH,rw",
            Self::EnvironmentNotFound { .. } => "`list-environments` lists those that exist",
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// The exit status: of wrong usage, or the one that bubble-sandbox gives for
    /// whatever else goes wrong.
    pub(crate) const fn status(&self) -> u8 {
        match self {
            Self::Volume { .. } => exit::USAGE,
            _ => exit::NO,
        }
    }
}
