//! Chooses the interpreter that an environment is built on.

use std::path::{Path, PathBuf};

use super::requires;
use crate::{
    environment::{EnvironmentError, SyncOptions},
    language::{Search, discover, python},
};

/// Minor versions of Python 3 that are looked for by name, newest first.
const MINOR_VERSIONS: std::ops::RangeInclusive<u64> = 8..=30;

/// The interpreter to build on: the one that is named, else the first on the
/// search path that the project lets in.
///
/// # Errors
/// There is none.
pub(super) fn choose(
    name: &str,
    options: &SyncOptions,
    requires_python: Option<&str>,
) -> Result<PathBuf, EnvironmentError> {
    let none = |refused| EnvironmentError::NoPython {
        name: name.to_owned(),
        wanted: requires_python.map(str::to_owned),
        refused,
    };
    let search = Search { directories: &options.search_path, python: options.python.as_deref() };
    let (first, refused) = match python::find(&search) {
        Ok(found) => (Some(found.program), None),
        Err(refused) => (None, refused),
    };
    // Where the operator named one, no other will do.
    if options.python.is_some() {
        return first.ok_or_else(|| none(refused));
    }
    let by_version = MINOR_VERSIONS.rev().filter_map(|minor| {
        let name = format!("python3.{minor}");
        discover::locate(&[&name], &search).ok().map(|found| found.program)
    });
    let is_let_in = |program: &PathBuf| {
        let version = minor_version(program);
        requires_python.is_none_or(|wanted| requires::allows(wanted, &version) == Some(true))
    };
    first.into_iter().chain(by_version).find(is_let_in).ok_or_else(|| none(refused))
}

/// The version that an interpreter's real name tells: `python3.12`.
fn minor_version(program: &Path) -> requires::Version {
    let real = std::fs::canonicalize(program).unwrap_or_default();
    let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    requires::version(name.strip_prefix("python").unwrap_or_default())
}
