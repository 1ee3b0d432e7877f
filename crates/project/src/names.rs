//! Which texts are names of what.

use crate::ProjectError;

/// The longest name of a model: Python has no limit, file systems do.
const MODEL_BYTES_MAX: usize = 128;
/// The longest name of a project or of a data source.
const NAME_BYTES_MAX: usize = 64;

/// Checks a model's name: a Python identifier, which is the name of its file.
pub(crate) fn model(name: &str) -> Result<(), ProjectError> {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    match starts && goes_on && name.len() <= MODEL_BYTES_MAX {
        true => Ok(()),
        false => Err(refused("model", name, "a Python identifier of at most 128 characters")),
    }
}

/// Checks a project's or a data source's name, which is also a directory's.
pub(crate) fn plain(what: &'static str, name: &str) -> Result<(), ProjectError> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let starts = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    match starts && name.bytes().all(is_fine) && name.len() <= NAME_BYTES_MAX {
        true => Ok(()),
        false => Err(refused(
            what,
            name,
            "at most 64 letters, digits, dots, dashes and underscores, a letter or digit first",
        )),
    }
}

fn refused(what: &'static str, name: &str, rule: &'static str) -> ProjectError {
    ProjectError::Name { what, name: name.chars().take(80).collect(), rule }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names() {
        for name in ["a", "_a", "revenue_2", "A1", &"m".repeat(128)] {
            assert!(model(name).is_ok(), "{name}");
        }
        for name in ["", "1a", "a-b", "a.b", "../a", "ä", "a b", "a\0", &"m".repeat(129)] {
            assert!(model(name).is_err(), "{name:?}");
        }
        for name in ["a", "sales.csv", "2026-q1", &"p".repeat(64)] {
            assert!(plain("project", name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "-a", ".git", "a/b", "a b", "ä", "a\n", &"p".repeat(65)] {
            assert!(plain("project", name).is_err(), "{name:?}");
        }
    }
}
