//! Finds a Python interpreter on the host. Reads the file system and starts nothing.

use std::path::{Path, PathBuf};

use super::{
    FoundTool, PrefixRefused, Search,
    discover::{is_binary, locate, runnable, show},
};
use crate::text_file;

/// What an interpreter is called. `python` alone may be a Python 2.
const NAME: &str = "python3";

/// Where the system's own interpreter is.
const SYSTEM: &str = "/usr/bin/python3";

/// A virtual environment's settings are a few lines; more than this is not them.
pub(crate) const SETTINGS_BYTES_MAX: u64 = 64 * 1024;

/// Finds the interpreter of `bare`: the one the operator names, else the first
/// on the search path, else the system's. What stands in a virtual environment
/// stands for the interpreter that the environment was made of.
///
/// # Errors
/// There is none; with the reason why one that was there cannot be taken.
pub fn find(search: &Search<'_>) -> Result<FoundTool, Option<PrefixRefused>> {
    if let Some(path) = search.python {
        return named(path).map_err(Some);
    }
    let refused = match locate(&[NAME], search) {
        Ok(found) => match base(&found.program) {
            Some(program) => return named(&program).map_err(Some),
            None => return Ok(found),
        },
        Err(refused) => refused,
    };
    named(Path::new(SYSTEM)).map_err(|_| refused)
}

/// The interpreter of a path that somebody chose.
///
/// # Errors
/// It is not a program, or lies where it cannot be shown.
pub fn named(path: &Path) -> Result<FoundTool, PrefixRefused> {
    let program = |reason| PrefixRefused { path: path.to_owned(), reason };
    let real = runnable(path).ok_or_else(|| program("it is not an absolute path of a program"))?;
    if !is_binary(&real) {
        return Err(program("it is a script that stands for an interpreter, not one itself"));
    }
    match base(&real).and_then(|base| runnable(&base)) {
        Some(base) => show(&base.clone(), base),
        None => show(path, real),
    }
}

/// The interpreter that the virtual environment of a program was made of, if
/// it stands in one.
fn base(program: &Path) -> Option<PathBuf> {
    let environment = program.parent()?.parent()?;
    let home = home(environment)?;
    let same_name = program.file_name().map(|name| home.join(name));
    let candidates = same_name.into_iter().chain([home.join(NAME)]);
    candidates.into_iter().find(|candidate| runnable(candidate).is_some())
}

/// The directory of the interpreter that a virtual environment was made of, as
/// its settings have it.
pub(crate) fn home(environment: &Path) -> Option<PathBuf> {
    let text = text_file::read(&environment.join("pyvenv.cfg"), SETTINGS_BYTES_MAX).ok()?;
    let values = text.lines().filter_map(|line| line.split_once('='));
    let mut homes = values.filter(|(key, _)| key.trim() == "home");
    let home = PathBuf::from(homes.next()?.1.trim());
    home.is_absolute().then_some(home)
}
