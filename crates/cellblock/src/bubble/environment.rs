//! Says what is wrong with an environment in the words of bubble-sandbox.

use std::path::Path;

use engine::environment::BARE;

use super::BubbleError;

/// Checks that an environment can be used.
///
/// # Errors
/// Its name leads elsewhere, it does not exist, or it has no interpreter.
pub(crate) fn check(environments: &Path, name: &str) -> Result<(), BubbleError> {
    if name.is_empty() || name.contains(['/', '\\', '\0']) || name.contains("..") {
        return Err(BubbleError::EnvironmentName { name: name.to_owned() });
    }
    let path = environments.join(name);
    if !path.is_dir() {
        // Every machine has `bare`: its own interpreter.
        return if name == BARE { Ok(()) } else { Err(BubbleError::EnvironmentNotFound { path }) };
    }
    let python = path.join(".venv/bin/python");
    if python.symlink_metadata().is_err() {
        return Err(BubbleError::NoVenv { name: name.to_owned(), path: python });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_the_known_words() {
        let said = |name| match check(Path::new("/nowhere"), name) {
            Ok(()) => String::new(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said("../x"), "Invalid environment name: '../x'");
        assert_eq!(said("x"), "Environment not found: PosixPath('/nowhere/x')");
        assert_eq!(said("bare"), "");
    }
}
