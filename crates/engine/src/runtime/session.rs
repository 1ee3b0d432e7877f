//! The runtime of a session: a kernel's Python with every language that the host has
//! the programs of, so that any of them can be run beside the kernel.

use std::path::PathBuf;

use api::{Program, Source};
use policy::{GuestPath, guest};
use sandbox::Payload;

use super::{
    Runtime, RuntimeError, add_python, base_of_command, source,
    steps::{self, Meanings},
};
use crate::{
    Config, SessionRun,
    language::{self, LANGUAGES, Language, Toolchain, Word},
    session::Frame,
    transfer::within,
};

/// The runtime of a session's sandbox, and the guest path of its Python.
///
/// # Errors
/// The environment or its Python is not to be had.
pub(crate) fn of_kernel(
    environment: &str,
    config: &Config,
) -> Result<(Runtime, PathBuf), RuntimeError> {
    let mut parts = base_of_command();
    let is_python = |language: &&Language| language.run.contains(&Word::Python);
    let python = LANGUAGES.iter().find(is_python);
    let (program, digest) = add_python(&mut parts, environment, config, python)?;
    for language in LANGUAGES {
        parts.set(language.env_vars);
        // A language that the host has not is missing here, too.
        let toolchain = language::availability(language, &config.search());
        let tools = toolchain.map(|found| found.tools).unwrap_or_default();
        for prefix in tools.iter().filter_map(|tool| tool.prefix.as_deref()) {
            parts.prefix(prefix);
        }
    }
    let program = program.ok_or(RuntimeError::Row)?;
    let workspace = Some(GuestPath::new(guest::WORKSPACE)?);
    Ok((Runtime { digest, workspace, ..parts.finish() }, program))
}

/// What a run in a session's sandbox starts, and its source file: among the user's
/// own, so that it finds what lies beside it, under a name that no other has.
///
/// # Errors
/// The language or its toolchain is not to be had, or a name is malformed.
pub(crate) fn inside(
    run: &SessionRun,
    session: &Frame,
    number: u64,
    config: &Config,
) -> Result<Payload, RuntimeError> {
    let workspace = session.policy.workspace();
    let directory = &directory(run, workspace)?;
    let given = match &run.program {
        Program::Command { name } => {
            let steps = vec![steps::of_command(name, &run.args, directory)];
            return Ok(Payload { steps, ..Payload::default() });
        }
        Program::Source(given) => given,
    };
    let language = language::find(&given.language)
        .ok_or_else(|| RuntimeError::LanguageUnknown { name: given.language.clone() })?;
    let toolchain = match language.run.contains(&Word::Python) {
        true => Toolchain { tools: Vec::new() },
        false => language::availability(language, &config.search())?,
    };
    let file_name = format!("{}{}", prefix_of(number), given.file_name);
    let named = Source { file_name, ..given.clone() };
    let mut file = source::place(&named, language, Some(workspace.as_path()))?;
    if matches!(language.compile, Some(language::Compile::Command { .. })) {
        file.target = Some(GuestPath::new(product_of(number))?);
    }
    let meanings =
        Meanings { toolchain: &toolchain, python: Some(&session.python), file: &file, directory };
    let steps = steps::of_source(language, &meanings, &run.args)?;
    Ok(Payload { files: vec![file.entry], steps, ..Payload::default() })
}

/// The directory in which a run starts. Whether it is one is found out inside, and a
/// link there means what it means inside.
fn directory(run: &SessionRun, workspace: &GuestPath) -> Result<GuestPath, RuntimeError> {
    let Some(path) = &run.directory else { return Ok(workspace.clone()) };
    let refused = |reason| RuntimeError::Directory { path: path.clone(), reason };
    let place = within(path, workspace).map_err(refused)?;
    Ok(GuestPath::new(workspace.as_path().join(place))?)
}

/// How the names of all files begin that are ours and not the user's.
pub(crate) const OWN_PREFIX: &str = ".cellblock-";

/// How the names of a run's files in the workspace begin.
fn prefix_of(number: u64) -> String {
    format!("{OWN_PREFIX}{number}-")
}

/// Where a run's compile step puts what it makes.
fn product_of(number: u64) -> String {
    format!("/tmp/{OWN_PREFIX}{number}")
}

/// What a run's own files are called, for a shell: relative to the workspace, or not.
pub(crate) fn leftovers(number: u64, payload: &Payload) -> Vec<String> {
    let places = payload.files.iter().filter_map(|file| match &file.place {
        sandbox::Place::Workspace(path) => path.to_str().map(str::to_owned),
        sandbox::Place::Code(_) => None,
    });
    places.chain([product_of(number)]).collect()
}
