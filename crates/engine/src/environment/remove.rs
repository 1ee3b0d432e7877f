//! Removes an environment. Symlinks are removed themselves, never what they point to.

use std::{fs, path::Path};

use super::{EnvironmentError, check_name, list::is_environment, names};

/// Removes an environment with everything in it.
///
/// # Errors
/// There is none of the name, or it cannot be removed whole; what is left of
/// it then is no environment any more.
pub fn remove(environments: &Path, name: &str) -> Result<(), EnvironmentError> {
    check_name(name)?;
    let path = environments.join(name);
    if !is_environment(&path) {
        let known = names(environments);
        return Err(EnvironmentError::NotFound { name: name.to_owned(), known });
    }
    let failed =
        |source| EnvironmentError::Files { action: "removing", path: path.clone(), source };
    // Out of sight first, at once: nothing starts on half an environment.
    let leaving = environments.join(format!(".{name}.removed"));
    clear(&leaving).and_then(|()| fs::rename(&path, &leaving)).map_err(failed)?;
    clear(&leaving).map_err(failed)
}

/// Removes whatever is at a path, if anything is.
pub(super) fn clear(path: &Path) -> std::io::Result<()> {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
