//! What an environment may be called. A name is one directory's name and never a path.

use super::EnvironmentError;

/// Room for the endings that temporary directories beside it get.
const BYTES_MAX: usize = 128;

/// Checks a name.
///
/// # Errors
/// It is empty, too long, begins with a dot or a dash, or has a slash, a
/// backslash, `..` or control characters in it.
pub fn check_name(name: &str) -> Result<(), EnvironmentError> {
    let refused = |reason| {
        Err(EnvironmentError::InvalidName { name: name.chars().take(BYTES_MAX).collect(), reason })
    };
    if name.is_empty() {
        return refused("it is empty");
    }
    if name.len() > BYTES_MAX {
        return refused("it is longer than 128 bytes");
    }
    if name.contains(['/', '\\']) {
        return refused("it has a slash or backslash in it");
    }
    if name.contains("..") {
        return refused("it has two dots in a row");
    }
    if name.starts_with(['.', '-']) {
        return refused("it begins with a dot or a dash");
    }
    if name.chars().any(char::is_control) || name.trim() != name {
        return refused("it has control characters, or spaces around it");
    }
    Ok(())
}
