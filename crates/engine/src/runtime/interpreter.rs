//! The Python that a sandbox has: the host's own, or an environment's.

use std::path::{Path, PathBuf};

use policy::guest;

use super::parts::Parts;
use crate::{
    environment::{EnvironmentError, Packages},
    language::{FoundTool, PrefixRefused, prefix, python, trail},
};

/// Shows the interpreter of `bare`; gives its guest path.
pub(super) fn add_bare(parts: &mut Parts, found: FoundTool) -> PathBuf {
    if let Some(prefix) = &found.prefix {
        parts.prefix(prefix);
    }
    found.program
}

/// Shows an environment with the interpreter that it was made of; gives the
/// guest path of its Python.
///
/// # Errors
/// The environment has none, or it leads to where nothing may be shown.
pub(super) fn add_environment(
    parts: &mut Parts,
    packages: &Packages,
) -> Result<PathBuf, EnvironmentError> {
    let broken = |reason: String| EnvironmentError::Broken { name: packages.name.clone(), reason };
    let packages = &packages.directory;
    let inside = Path::new(guest::ENVIRONMENT);
    parts.mount(packages, inside);
    parts.search(inside.join("bin"));
    parts.set(&[("VIRTUAL_ENV", guest::ENVIRONMENT)]);
    let program = packages.join("bin/python");
    let leads = trail::follow(&program).map_err(|error| broken(error.to_string()))?;
    if !leads.end.is_file() {
        return Err(broken(format!("{} is not there", leads.end.display())));
    }
    let refused = |error: PrefixRefused| broken(error.to_string());
    if !leads.end.starts_with(packages) {
        add_trail(parts, packages, &leads).map_err(refused)?;
    }
    // The settings may name the same interpreter by another way.
    if let Some(home) = python::home(packages) {
        let by_home = trail::follow(&home.join("python3"));
        let by_home = by_home.map_err(|error| broken(error.to_string()))?;
        add_trail(parts, packages, &by_home).map_err(refused)?;
    }
    Ok(inside.join("bin/python"))
}

/// Shows what a path leads to, with every symlink on the way that is not the
/// environment's own.
fn add_trail(
    parts: &mut Parts,
    packages: &Path,
    leads: &trail::Trail,
) -> Result<(), PrefixRefused> {
    if let Some(directory) = prefix::of(&leads.end)? {
        parts.mount_same(&directory);
    }
    for (path, target) in &leads.links {
        if !path.starts_with(packages) {
            parts.link(path, target.clone());
        }
    }
    Ok(())
}
