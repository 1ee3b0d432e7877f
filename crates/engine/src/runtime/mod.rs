//! The runtime of a sandbox: what of the host it sees, its env vars, its files and steps.
//!
//! Finding it reads the file system and starts nothing: every run pays for it.
//! Every mount is read-only, and no more of the host is shown than the
//! language or the environment needs.

mod error;
mod interpreter;
mod parts;
mod session;
mod source;
mod steps;
mod system;

use std::{collections::BTreeMap, path::PathBuf};

use api::{Phase, Program, RunRequest, Source, Workspace};
use policy::{GuestPath, Mount, guest};
use sandbox::{Action, FileEntry, Step};

pub use error::RuntimeError;
use parts::Parts;
pub(crate) use session::{OWN_PREFIX, inside, leftovers, of_kernel};

use crate::{
    Config, environment,
    language::{
        self, LANGUAGES, Language, PYTHON_ENV_VARS, Search, Toolchain, ToolchainMissing, Word,
        python,
    },
};

/// What an environment and a language bring to a sandbox.
#[derive(Debug, Default)]
pub struct Runtime {
    /// Host paths seen inside, all read-only; outer ones first.
    pub mounts: Vec<Mount>,
    /// Symbolic links of the root, each with what it points to.
    pub symlinks: Vec<(GuestPath, PathBuf)>,
    /// Env vars of the program.
    pub env_vars: BTreeMap<String, String>,
    /// The source file, if there is one.
    pub files: Vec<FileEntry>,
    /// What to run, in order.
    pub steps: Vec<Step>,
    /// The directory in which programs start; the private workspace if `None`.
    pub workspace: Option<GuestPath>,
    /// SHA-256 of the environment's content; `None` where it was not made by us.
    pub digest: Option<String>,
}

/// What every program inside is told.
const ENV_VARS: [(&str, &str); 5] = [
    ("HOME", guest::HOME),
    ("LANG", "C.UTF-8"),
    ("LOGNAME", "user"),
    ("TMPDIR", "/tmp"),
    ("USER", "user"),
];

/// Languages whose programs start other programs by name, so that they see what
/// a command sees.
const SHELLS: [&str; 3] = ["bash", "sh", "zsh"];

impl Config {
    /// Where interpreters and toolchains are looked for.
    #[must_use]
    pub fn search(&self) -> Search<'_> {
        Search { directories: &self.search_path, python: self.python.as_deref() }
    }
}

/// The runtime of a request.
///
/// # Errors
/// The language, its toolchain or the environment is not to be had, or a name
/// in the request is malformed; see [`RuntimeError`].
pub fn of(request: &RunRequest, config: &Config) -> Result<Runtime, RuntimeError> {
    let workspace = match &request.workspace {
        Workspace::Private => GuestPath::new(guest::WORKSPACE)?,
        Workspace::PrivateAt { target } | Workspace::Host { target, .. } => GuestPath::new(target)?,
    };
    let mut runtime = match &request.program {
        Program::Source(source) => of_source(request, source, &workspace, config)?,
        Program::Command { name } => {
            let mut parts = base_of_command();
            let (_, digest) = add_python(&mut parts, &request.environment, config, None)?;
            let steps = vec![steps::of_command(name, &request.args, &workspace)];
            Runtime { steps, digest, ..parts.finish() }
        }
    };
    runtime.workspace = Some(workspace);
    Ok(runtime)
}

/// The runtime of a probe: the system's directories, and the probe as the only step.
///
/// # Errors
/// None at present.
pub fn of_probe(_config: &Config) -> Result<Runtime, RuntimeError> {
    let steps = vec![Step { phase: Phase::Run, action: Action::Probe }];
    Ok(Runtime { steps, ..base([]).finish() })
}

fn of_source(
    request: &RunRequest,
    source: &Source,
    workspace: &GuestPath,
    config: &Config,
) -> Result<Runtime, RuntimeError> {
    let language = language::find(&source.language)
        .ok_or_else(|| RuntimeError::LanguageUnknown { name: source.language.clone() })?;
    let is_shell = SHELLS.contains(&language.name);
    let needed = language.run.contains(&Word::Python).then_some(language);
    let mut parts = if is_shell { base_of_command() } else { base([language]) };
    let sees_python = is_shell || needed.is_some() || request.environment != environment::BARE;
    let (python, digest) = match sees_python {
        true => add_python(&mut parts, &request.environment, config, needed)?,
        false => (None, None),
    };
    let toolchain = toolchain(&mut parts, language, config)?;
    let is_shared = matches!(request.workspace, Workspace::Host { .. });
    let private_workspace = (!is_shared).then_some(workspace.as_path());
    if let (true, true, Some(path)) = (is_shared, needed.is_some(), workspace.as_path().to_str()) {
        // The source file stands apart from the modules that it imports.
        parts.set(&[("PYTHONPATH", path)]);
    }
    let file = source::place(source, language, private_workspace)?;
    let meanings = steps::Meanings {
        toolchain: &toolchain,
        python: python.as_deref(),
        file: &file,
        directory: workspace,
    };
    let steps = steps::of_source(language, &meanings, &request.args)?;
    Ok(Runtime { steps, digest, files: vec![file.entry], ..parts.finish() })
}

/// The system's directories with what these languages need of `/etc`.
fn base<'a>(languages: impl IntoIterator<Item = &'a Language>) -> Parts {
    let mut parts = Parts::default();
    system::add(&mut parts, languages);
    parts.set(&ENV_VARS);
    parts
}

/// The system's directories as a program sees them that may start any other.
fn base_of_command() -> Parts {
    let mut parts = base(LANGUAGES);
    parts.set(PYTHON_ENV_VARS);
    parts
}

/// Shows a run's Python; gives its guest path and its environment's digest.
/// The host may have none of its own where the run does not hang on it.
fn add_python(
    parts: &mut Parts,
    name: &str,
    config: &Config,
    needed: Option<&'static Language>,
) -> Result<(Option<PathBuf>, Option<String>), RuntimeError> {
    if let Some(packages) = environment::packages(&config.environments, name)? {
        let program = interpreter::add_environment(parts, &packages)?;
        return Ok((Some(program), packages.digest));
    }
    match python::find(&config.search()) {
        Ok(found) => Ok((Some(interpreter::add_bare(parts, found)), None)),
        Err(refused) => match needed {
            Some(language) => {
                Err(ToolchainMissing::of(language, &language.tools[0], refused).into())
            }
            None => Ok((None, None)),
        },
    }
}

/// Shows a language's toolchain. Python's is the environment's, which stands already.
fn toolchain(
    parts: &mut Parts,
    language: &'static Language,
    config: &Config,
) -> Result<Toolchain, RuntimeError> {
    parts.set(language.env_vars);
    if language.run.contains(&Word::Python) {
        return Ok(Toolchain { tools: Vec::new() });
    }
    let toolchain = language::availability(language, &config.search())?;
    for prefix in toolchain.tools.iter().filter_map(|tool| tool.prefix.as_deref()) {
        parts.prefix(prefix);
    }
    Ok(toolchain)
}
