//! Finds environments and tells what they are.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{BARE, Environment, EnvironmentError, Listing, State, check_name, packages, pyproject};

/// The most environments of one directory; more is not a directory of environments.
const ENVIRONMENTS_MAX: usize = 10_000;

/// Lists the environments of a directory, which need not exist. What is in it
/// without a `pyproject.toml` or a `.venv` is not an environment.
///
/// # Errors
/// The directory cannot be read.
pub fn list(environments: &Path) -> Result<Listing, EnvironmentError> {
    let mut listing = Listing::default();
    for name in entries(environments)? {
        match describe(environments, &name) {
            Ok(Some(environment)) => listing.environments.push(environment),
            Ok(None) => {}
            Err(error) => listing.unreadable.push((name, error)),
        }
    }
    let has_bare = listing.environments.iter().any(|environment| environment.name == BARE);
    if !has_bare {
        listing.environments.push(host());
    }
    listing.environments.sort_by(|left, right| {
        (left.name != BARE, &left.name).cmp(&(right.name != BARE, &right.name))
    });
    Ok(listing)
}

/// The environment of a name, whether it can be used or not.
///
/// # Errors
/// The name is invalid, nothing has it, or its files are malformed.
pub fn find(environments: &Path, name: &str) -> Result<Environment, EnvironmentError> {
    check_name(name)?;
    match describe(environments, name)? {
        Some(environment) => Ok(environment),
        None if name == BARE => Ok(host()),
        None => {
            Err(EnvironmentError::NotFound { name: name.to_owned(), known: names(environments) })
        }
    }
}

/// The names that runs may choose.
pub(super) fn names(environments: &Path) -> Vec<String> {
    let mut names = entries(environments).unwrap_or_default();
    names.retain(|name| name != BARE && is_environment(&environments.join(name)));
    names.insert(0, BARE.to_owned());
    names
}

/// The `bare` of a host that has no directory for it.
fn host() -> Environment {
    Environment {
        name: BARE.to_owned(),
        path: None,
        project: BARE.to_owned(),
        description: Some("the machine's own interpreters, without packages".to_owned()),
        dependencies: Vec::new(),
        digest: None,
        state: State::Ready,
    }
}

/// Whether a directory is one of an environment.
pub(super) fn is_environment(path: &Path) -> bool {
    path.join(pyproject::FILE).exists() || path.join(packages::DIRECTORY).is_dir()
}

/// What the directory of a name is; `None` if it is no environment.
fn describe(environments: &Path, name: &str) -> Result<Option<Environment>, EnvironmentError> {
    let path = environments.join(name);
    if !is_environment(&path) {
        return Ok(None);
    }
    let state = packages::state(&path);
    // A `bare` that was not built is the host's.
    if name == BARE && state == State::NotSynced {
        return Ok(None);
    }
    let project = pyproject::read(&path)?;
    let project = project.unwrap_or_else(|| pyproject::Project {
        name: name.to_owned(),
        ..pyproject::Project::default()
    });
    Ok(Some(Environment {
        name: name.to_owned(),
        project: project.name,
        description: project.description,
        dependencies: project.dependencies,
        digest: packages::digest(&path),
        state,
        path: Some(path),
    }))
}

/// The names of what may be environments, in order.
fn entries(environments: &Path) -> Result<Vec<String>, EnvironmentError> {
    let failed = |source| EnvironmentError::Files {
        action: "listing",
        path: PathBuf::from(environments),
        source,
    };
    let entries = match fs::read_dir(environments) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound) => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries.take(ENVIRONMENTS_MAX) {
        let name = entry.map_err(failed)?.file_name();
        // A name that runs cannot choose is not an environment's.
        names.extend(name.into_string().ok().filter(|name| check_name(name).is_ok()));
    }
    names.sort();
    Ok(names)
}
