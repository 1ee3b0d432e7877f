//! Reads what an environment's `pyproject.toml` says of it. Tells a malformed
//! one by line and column; takes no more of it than is asked for here.

use std::{io::ErrorKind, path::Path};

use serde::Deserialize;

use super::EnvironmentError;
use crate::text_file;

/// The file's name.
pub(super) const FILE: &str = "pyproject.toml";

/// A file of an environment's few lines; a whole project's is smaller still.
const BYTES_MAX: u64 = 1 << 20;

#[derive(Deserialize)]
struct Document {
    project: Option<Project>,
}

/// What it says of the environment.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) dependencies: Vec<String>,
    pub(super) requires_python: Option<String>,
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    tool: Tool,
}

#[derive(Default, Deserialize)]
struct Tool {
    #[serde(default)]
    cellblock: Cellblock,
}

#[derive(Default, Deserialize)]
struct Cellblock {
    #[serde(default)]
    preload: Vec<String>,
}

/// What the file of a directory says is to be loaded ahead; nothing where it does not
/// say, or cannot be read.
pub(super) fn preload(directory: &Path) -> Vec<String> {
    let text = text_file::read(&directory.join(FILE), BYTES_MAX).unwrap_or_default();
    toml::from_str::<Tools>(&text).unwrap_or_default().tool.cellblock.preload
}

/// Reads the file of a directory; `None` if there is none.
///
/// # Errors
/// It cannot be read or is malformed.
pub(super) fn read(directory: &Path) -> Result<Option<Project>, EnvironmentError> {
    let path = directory.join(FILE);
    let text = match text_file::read(&path, BYTES_MAX) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(EnvironmentError::Files { action: "reading", path, source }),
    };
    let malformed = |reason: String| EnvironmentError::Malformed { path: path.clone(), reason };
    let document: Document =
        toml::from_str(&text).map_err(|error| malformed(reason(&text, &error)))?;
    let project = document.project.ok_or_else(|| malformed("it has no [project]".to_owned()))?;
    if project.name.trim().is_empty() {
        return Err(malformed("its project has no name".to_owned()));
    }
    Ok(Some(project))
}

/// What is wrong, and in which line.
fn reason(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(", ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}
