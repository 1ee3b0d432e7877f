//! The source file of a run: its name, where it is put, what is made of it.

use std::path::{Path, PathBuf};

use api::Source;
use policy::{GuestPath, InvalidGuestPath, guest};
use sandbox::{FileBody, FileEntry, Place};

use super::RuntimeError;
use crate::language::{Compile, Language, java, module_kind};

/// The longest name that file systems take.
const NAME_BYTES_MAX: usize = 255;

/// The longest ending that is put after a given name.
const ENDING_BYTES_MAX: usize = 8;

/// The names of a run's files inside.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// The source file.
    pub(super) source: GuestPath,
    /// What the compile step makes of it, if there is one.
    pub(super) target: Option<GuestPath>,
    /// The class to start; of use in Java only.
    pub(super) main_class: String,
    /// The source file, as it is to be put there.
    pub(super) entry: FileEntry,
}

/// Names and places a run's source file: into the workspace if that is private,
/// else apart from it.
///
/// # Errors
/// The name cannot be a file's.
pub(super) fn place(
    source: &Source,
    language: &Language,
    private_workspace: Option<&Path>,
) -> Result<SourceFile, RuntimeError> {
    check_name(&source.file_name)?;
    let name = wanted_name(source, language);
    let (directory, place): (_, fn(PathBuf) -> Place) = match private_workspace {
        None => (Path::new(guest::CODE), Place::Code),
        Some(workspace) => (workspace, Place::Workspace),
    };
    Ok(SourceFile {
        source: GuestPath::new(directory.join(&name))?,
        target: target(&name, source, language, private_workspace)?,
        main_class: java::main_class(&name, &source.text),
        entry: FileEntry {
            place: place(PathBuf::from(name)),
            body: FileBody::Bytes(source.text.clone().into_bytes()),
            executable: false,
            replace: false,
        },
    })
}

fn check_name(name: &str) -> Result<(), RuntimeError> {
    let refused = |reason| RuntimeError::FileName { name: name.to_owned(), reason };
    if name.is_empty() || name == "." || name == ".." {
        return Err(refused("it names no file"));
    }
    if name.contains('/') {
        return Err(refused("it has a directory in it"));
    }
    if name.chars().any(char::is_control) {
        return Err(refused("it has control characters"));
    }
    if name.len() > NAME_BYTES_MAX - ENDING_BYTES_MAX {
        return Err(refused("it is longer than file systems take"));
    }
    Ok(())
}

/// The name that the language's own programs want the file to have: compilers
/// go by its ending, Java by its class, node by its kind of module.
fn wanted_name(source: &Source, language: &Language) -> String {
    let given = &source.file_name;
    let ending = Path::new(given).extension().and_then(|ending| ending.to_str());
    if language.name == "javascript" {
        return match given.strip_suffix(".js") {
            Some(stem) if module_kind::is_es_module(&source.text) => format!("{stem}.mjs"),
            _ => given.clone(),
        };
    }
    let fits = ending.is_some_and(|ending| language.suffixes.contains(&ending));
    let name = match language.suffixes.first() {
        Some(usual) if language.compile.is_some() && !fits => format!("{given}.{usual}"),
        _ => given.clone(),
    };
    if language.name == "java" { java::file_name(&name, &source.text) } else { name }
}

fn target(
    name: &str,
    source: &Source,
    language: &Language,
    private_workspace: Option<&Path>,
) -> Result<Option<GuestPath>, InvalidGuestPath> {
    match &language.compile {
        None => Ok(None),
        Some(Compile::Command { target, .. }) => GuestPath::new(*target).map(Some),
        Some(Compile::StripTypes) => {
            // Beside its source where we may write there, so that it finds what it imports.
            let directory = private_workspace.unwrap_or(Path::new("/tmp"));
            let kind = match Path::new(name).extension().and_then(|ending| ending.to_str()) {
                Some("mts") => "mjs",
                Some("cts") => "cjs",
                _ if module_kind::is_es_module(&source.text) => "mjs",
                _ => "cjs",
            };
            GuestPath::new(directory.join(format!("{name}.{kind}"))).map(Some)
        }
    }
}
