//! Why a language cannot be run on this host.

use std::path::PathBuf;

use super::{Language, Tool};

/// Why a directory cannot be shown to a sandbox as a toolchain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} cannot be shown to a sandbox as a toolchain: {reason}", path = path.display())]
pub struct PrefixRefused {
    /// The directory, or the program in it.
    pub path: PathBuf,
    /// Why.
    pub reason: &'static str,
}

/// The host lacks a program that a language needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{language} cannot be run: this machine has no {names}", names = names.join(" or "))]
pub struct ToolchainMissing {
    /// The language.
    pub language: &'static str,
    /// The names that were looked for.
    pub names: &'static [&'static str],
    /// What the operator can do about it.
    pub hint: String,
    /// Why one that was found cannot be taken.
    #[source]
    pub refused: Option<PrefixRefused>,
}

impl ToolchainMissing {
    pub(crate) fn of(
        language: &'static Language,
        tool: &'static Tool,
        refused: Option<PrefixRefused>,
    ) -> Self {
        let hint = language.install.hint();
        Self { language: language.name, names: tool.names, hint, refused }
    }
}
