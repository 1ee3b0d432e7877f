//! Finds a language's programs on the host. Reads the file system and starts nothing.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::{Language, PrefixRefused, Tool, ToolchainMissing, Word, prefix, python, rust, trail};

/// Where to look.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Host directories, in order.
    pub directories: &'a [PathBuf],
    /// The Python to take, if the operator names one.
    pub python: Option<&'a Path>,
}

/// The programs of one language, as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toolchain {
    /// One for each of [`Language::tools`].
    pub tools: Vec<FoundTool>,
}

/// One program, as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTool {
    /// The path to start it by; the same inside as on the host.
    pub program: PathBuf,
    /// The directory outside the system's that it needs, without symlinks.
    pub prefix: Option<PathBuf>,
}

/// Programs that stand under other programs' names and choose by a user's
/// settings what to start; the settings are not seen inside.
const DISPATCHERS: [&str; 5] = ["rustup", "volta-shim", "mise", "asdf", "snap"];

/// Finds every program of a language.
///
/// # Errors
/// One of them is not there, or lies where it cannot be shown.
pub fn availability(
    language: &'static Language,
    search: &Search<'_>,
) -> Result<Toolchain, ToolchainMissing> {
    let of_python = language.run.contains(&Word::Python);
    let find = |tool: &'static Tool| {
        let found = if of_python { python::find(search) } else { locate(tool.names, search) };
        found.map_err(|refused| ToolchainMissing::of(language, tool, refused))
    };
    let tools = language.tools.iter().map(find).collect::<Result<_, _>>()?;
    Ok(Toolchain { tools })
}

/// The first program of any of these names, earlier names before earlier directories.
///
/// # Errors
/// There is none; with the reason why the first that was there cannot be taken.
pub(crate) fn locate(
    names: &[&str],
    search: &Search<'_>,
) -> Result<FoundTool, Option<PrefixRefused>> {
    let mut first_refusal = None;
    for name in names {
        for directory in search.directories.iter().filter(|path| path.is_absolute()) {
            match examine(directory, name) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(refused) => {
                    first_refusal.get_or_insert(refused);
                }
            }
        }
    }
    Err(first_refusal)
}

/// The program of a name in a directory, if it is one that runs inside.
fn examine(directory: &Path, name: &str) -> Result<Option<FoundTool>, PrefixRefused> {
    let named = directory.join(name);
    let Some(real) = runnable(&named) else { return Ok(None) };
    let dispatcher = DISPATCHERS.iter().find(|known| real.ends_with(known));
    match dispatcher {
        Some(&"rustup") if name == "rustc" => match rust::behind_rustup(directory) {
            Some(rustc) => show(&rustc, rustc.clone()).map(Some),
            None => Ok(None),
        },
        Some(_) => Ok(None),
        // A script outside the system's directories is a shim that needs files
        // which are not seen inside.
        None if !prefix::is_system(&real) && !is_binary(&real) => Ok(None),
        None => show(&named, real).map(Some),
    }
}

/// Where a path leads, if that is a file that may be executed.
pub(crate) fn runnable(path: &Path) -> Option<PathBuf> {
    let real = trail::follow(path).ok()?.end;
    let metadata = fs::metadata(&real).ok()?;
    (metadata.is_file() && metadata.permissions().mode() & 0o111 != 0).then_some(real)
}

/// A program that was found, by the path that it is started by inside.
///
/// Programs that act by the name they are called by keep their name, as long
/// as that name is seen inside.
pub(crate) fn show(named: &Path, real: PathBuf) -> Result<FoundTool, PrefixRefused> {
    let prefix = prefix::of(&real)?;
    let kept = named.parent().zip(named.file_name()).and_then(|(directory, name)| {
        let path = trail::follow(directory).ok()?.end.join(name);
        let seen = prefix::is_system(&path) || prefix.as_ref().is_some_and(|p| path.starts_with(p));
        seen.then_some(path)
    });
    Ok(FoundTool { program: kept.unwrap_or(real), prefix })
}

/// Whether a file begins as the host kernel's executable format does.
pub(crate) fn is_binary(path: &Path) -> bool {
    let mut start = [0_u8; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"\x7fELF"
}
