//! The `.venv` of an environment, as a run finds it. Reads as little as it can:
//! every run pays for it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{BARE, EnvironmentError, State, check_name, names};
use crate::text_file;

/// The directory of an environment's packages and interpreter.
pub(super) const DIRECTORY: &str = ".venv";

/// The file that keeps the content's digest.
pub(super) const DIGEST_FILE: &str = "digest";

/// Digits of a SHA-256, and a line's end.
const DIGEST_BYTES_MAX: u64 = 65;

/// The packages that a run sees.
#[derive(Debug)]
pub(crate) struct Packages {
    /// The environment's name.
    pub(crate) name: String,
    /// The `.venv`, without symlinks.
    pub(crate) directory: PathBuf,
    /// SHA-256 of the content, where it was built by us.
    pub(crate) digest: Option<String>,
}

/// The packages of an environment; `None` for the host's own interpreters.
///
/// # Errors
/// The name is invalid, nothing has it, or it cannot be used as it is.
pub(crate) fn packages(
    environments: &Path,
    name: &str,
) -> Result<Option<Packages>, EnvironmentError> {
    check_name(name)?;
    let path = environments.join(name);
    let state = state(&path);
    match (name, state) {
        (BARE, State::NotSynced) => Ok(None),
        (_, State::NotSynced) if !path.is_dir() => {
            Err(EnvironmentError::NotFound { name: name.to_owned(), known: names(environments) })
        }
        (_, State::NotSynced) => Err(EnvironmentError::NotSynced { name: name.to_owned() }),
        (_, State::Broken) => Err(EnvironmentError::Broken {
            name: name.to_owned(),
            reason: "its .venv has no working bin/python".to_owned(),
        }),
        (_, State::Ready) => {
            let venv = path.join(DIRECTORY);
            let directory = fs::canonicalize(&venv).map_err(|source| EnvironmentError::Files {
                action: "finding",
                path: venv,
                source,
            })?;
            Ok(Some(Packages { name: name.to_owned(), directory, digest: digest(&path) }))
        }
    }
}

/// Whether an environment of this directory can be used.
pub(super) fn state(path: &Path) -> State {
    let venv = path.join(DIRECTORY);
    if !venv.is_dir() {
        return State::NotSynced;
    }
    match fs::metadata(venv.join("bin/python")) {
        Ok(metadata) if metadata.is_file() => State::Ready,
        _ => State::Broken,
    }
}

/// The digest of an environment's content, as it was kept when it was built.
pub(super) fn digest(path: &Path) -> Option<String> {
    let text = text_file::read(&path.join(DIGEST_FILE), DIGEST_BYTES_MAX).ok()?;
    let digest = text.trim_end();
    let valid = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    valid.then(|| digest.to_owned())
}
