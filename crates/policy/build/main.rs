//! Turns the data in `profiles/` into the Rust table of `policy::syscalls`, so
//! that nothing is parsed when a sandbox starts. Fails the build on data that
//! contradicts itself.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

mod emit;
#[path = "../src/syscalls/errno.rs"]
mod errno;
mod parse;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
enum BuildError {
    /// A file cannot be read or written.
    #[error("{path:?} cannot be read or written")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The data is wrong.
    #[error(transparent)]
    Table(#[from] parse::TableError),
    /// Cargo did not say where things are.
    #[error("run by something that is not cargo")]
    Place(#[from] env::VarError),
    /// Cargo does not listen.
    #[error("cargo cannot be told what to watch")]
    Watch(#[source] io::Error),
}

fn main() -> Result<(), BuildError> {
    let profiles = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../profiles");
    let calls = read(&profiles.join("syscalls.toml"))?;
    let numbers = read(&profiles.join("numbers.toml"))?;
    let table = parse::table(&calls, &numbers)?;
    let target = Path::new(&env::var("OUT_DIR")?).join("syscalls.rs");
    fs::write(&target, emit::source(&table))
        .map_err(|source| BuildError::File { path: target, source })
}

fn read(path: &Path) -> Result<String, BuildError> {
    writeln!(io::stdout(), "cargo::rerun-if-changed={}", path.display())
        .map_err(BuildError::Watch)?;
    fs::read_to_string(path).map_err(|source| BuildError::File { path: path.to_owned(), source })
}
