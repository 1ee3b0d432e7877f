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
    let none = || EnvironmentError::NoPython {
        name: name.to_owned(),
        wanted: requires_python.map(str::to_owned),
    };
    let search = Search { directories: &options.search_path, python: options.python.as_deref() };
    let first = python::find(&search).ok().map(|found| found.program);
    let is_let_in = |program: &PathBuf| {
        requires_python
            .is_none_or(|wanted| requires::allows(wanted, &minor_version(program)) == Some(true))
    };
    if options.python.is_some() {
        return first.ok_or_else(none);
    }
    let by_version = MINOR_VERSIONS.rev().filter_map(|minor| {
        let name = format!("python3.{minor}");
        discover::locate(&[&name], &search).ok().map(|found| found.program)
    });
    first.into_iter().chain(by_version).find(is_let_in).ok_or_else(none)
}

/// The version that an interpreter's real name tells: `python3.12`.
fn minor_version(program: &Path) -> requires::Version {
    let real = std::fs::canonicalize(program).unwrap_or_default();
    let name = real.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    requires::version(name.strip_prefix("python").unwrap_or_default())
}
