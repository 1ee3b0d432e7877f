//! Makes an environment's directory with its `pyproject.toml`.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{BARE, Environment, EnvironmentError, NewEnvironment, check_name, find, pyproject};

/// More packages than anybody names by hand, and the longest requirement.
const DEPENDENCIES_MAX: usize = 1000;
const REQUIREMENT_BYTES_MAX: usize = 1000;

#[derive(Serialize)]
struct Document<'a> {
    project: Project<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Project<'a> {
    name: &'a str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<String>,
    dependencies: &'a [String],
}

/// Makes an environment's directory and `pyproject.toml`; its packages come
/// with `sync`.
///
/// # Errors
/// The name, the version or a requirement is invalid, or something has the name.
pub fn create(environments: &Path, new: &NewEnvironment) -> Result<Environment, EnvironmentError> {
    check_name(&new.name)?;
    if new.dependencies.len() > DEPENDENCIES_MAX {
        return Err(requirement("…", "there are more than 1000"));
    }
    new.dependencies.iter().try_for_each(|text| check_requirement(text))?;
    let text = document(new)?;
    let path = environments.join(&new.name);
    if path.join(pyproject::FILE).exists() || path.join(super::packages::DIRECTORY).exists() {
        return Err(EnvironmentError::Exists { name: new.name.clone() });
    }
    fs::create_dir_all(&path).map_err(|source| files("creating", &path, source))?;
    write_new(&path.join(pyproject::FILE), &text).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => EnvironmentError::Exists { name: new.name.clone() },
        _ => files("writing", &path.join(pyproject::FILE), error),
    })?;
    let created = find(environments, &new.name)?;
    // A `bare` without packages still is the host's; what was asked for is told.
    if new.name == BARE {
        return Ok(Environment {
            path: Some(path),
            dependencies: new.dependencies.clone(),
            ..created
        });
    }
    Ok(created)
}

fn document(new: &NewEnvironment) -> Result<String, EnvironmentError> {
    let requires_python = new.python.as_deref().map(required_version).transpose()?;
    let document = Document {
        project: Project {
            name: &new.name,
            version: "0.1.0",
            description: new.description.as_deref(),
            requires_python,
            dependencies: &new.dependencies,
        },
    };
    toml::to_string_pretty(&document).map_err(|error| EnvironmentError::Malformed {
        path: PathBuf::from(pyproject::FILE),
        reason: error.to_string(),
    })
}

/// `3.12` as the range that stands for it; a range as it is.
fn required_version(python: &str) -> Result<String, EnvironmentError> {
    let numbers: Vec<&str> = python.split('.').collect();
    let plain = numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    match (plain, numbers.len()) {
        (true, 1 | 2) => Ok(format!("=={python}.*")),
        (true, 3) => Ok(format!("=={python}")),
        _ if python.starts_with(['=', '<', '>', '~', '!']) => Ok(python.to_owned()),
        _ => Err(requirement(python, "a Python is asked for as 3.12, 3.12.4 or >=3.11")),
    }
}

/// Whether a text can be a requirement: the name of a package first, so that no
/// option of the installer and no other file can be smuggled in.
pub(super) fn check_requirement(text: &str) -> Result<(), EnvironmentError> {
    if text.len() > REQUIREMENT_BYTES_MAX {
        return Err(requirement(text, "it is longer than 1000 bytes"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(requirement(text, "it does not begin with the name of a package"));
    }
    if text.chars().any(char::is_control) || text.contains('#') {
        return Err(requirement(text, "it has control characters or a comment in it"));
    }
    let name_end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let rest = name_end.map_or("", |end| text[end..].trim_start());
    if !rest.is_empty() && !rest.starts_with(['[', '=', '<', '>', '~', '!', ';', '(']) {
        return Err(requirement(text, "only a version can follow the name of a package"));
    }
    Ok(())
}

fn requirement(text: &str, reason: &'static str) -> EnvironmentError {
    EnvironmentError::Requirement { text: text.chars().take(200).collect(), reason }
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    File::options().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn files(action: &'static str, path: &Path, source: io::Error) -> EnvironmentError {
    EnvironmentError::Files { action, path: path.to_owned(), source }
}
