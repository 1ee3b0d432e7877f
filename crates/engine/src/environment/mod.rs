//! Environments: directories with a `pyproject.toml` and the `.venv` made of it.

mod create;
mod error;
mod fingerprint;
mod installer_vars;
mod list;
mod name;
mod packages;
mod preload;
mod pyproject;
mod remove;
mod sync;

use std::path::PathBuf;

pub use create::create;
pub use error::EnvironmentError;
pub(crate) use fingerprint::fingerprint;
pub use installer_vars::is_for_installer;
use list::names;
pub use list::{find, list};
pub use name::check_name;
pub(crate) use packages::{Packages, packages};
pub(crate) use preload::preload;
pub use remove::remove;
pub use sync::sync;

/// The environment that every host has: its own interpreters, no packages.
pub const BARE: &str = "bare";

/// One environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The name of its directory, by which runs choose it.
    pub name: String,
    /// Its directory; `None` for a `bare` that has none.
    pub path: Option<PathBuf>,
    /// The name in its `pyproject.toml`.
    pub project: String,
    /// What it is for.
    pub description: Option<String>,
    /// The packages it asks for.
    pub dependencies: Vec<String>,
    /// SHA-256 of its content in hexadecimal digits, once it was synced by us.
    pub digest: Option<String>,
    /// Whether it can be used.
    pub state: State,
}

/// Whether an environment can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It can.
    Ready,
    /// It has no `.venv` yet.
    NotSynced,
    /// Its `.venv` has no interpreter, or one that is gone.
    Broken,
}

/// Every environment of a directory.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that can be read, by name; `bare` first.
    pub environments: Vec<Environment>,
    /// Those that cannot, each with the reason.
    pub unreadable: Vec<(String, EnvironmentError)>,
}

/// What `create` is to make.
#[derive(Clone, Debug, Default)]
pub struct NewEnvironment {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Requirements, such as `pandas>=3`.
    pub dependencies: Vec<String>,
    /// The Python it is for, such as `3.12` or `>=3.11`; any if left out.
    pub python: Option<String>,
}

/// How `sync` works.
#[derive(Clone, Debug, Default)]
pub struct SyncOptions {
    /// Where `uv` and interpreters are looked for.
    pub search_path: Vec<PathBuf>,
    /// The interpreter to build on; chosen by the environment's `pyproject.toml` if left out.
    pub python: Option<PathBuf>,
    /// Env vars of the installer, complete.
    pub env_vars: Vec<(String, String)>,
    /// Lets packages that come as source be built, which runs their code on the host.
    pub allow_source_builds: bool,
    /// Resolves anew instead of taking the versions of the lock.
    pub upgrade: bool,
}
