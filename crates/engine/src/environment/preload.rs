//! What an environment wants to be loaded before anybody asks for a sandbox.

use std::path::Path;

use super::{check_name, pyproject};

/// The most modules that are loaded ahead; more is a mistake.
const MODULES_MAX: usize = 100;
/// The longest name of a module.
const NAME_BYTES_MAX: usize = 200;

/// The modules that an environment's `pyproject.toml` names for that; none where it
/// names none, or cannot be read: a session starts all the same.
pub(crate) fn preload(environments: &Path, name: &str) -> Vec<String> {
    if check_name(name).is_err() {
        return Vec::new();
    }
    let mut modules = pyproject::preload(&environments.join(name));
    modules.retain(|module| is_module(module));
    modules.truncate(MODULES_MAX);
    modules
}

/// Whether a text is a dotted name.
fn is_module(text: &str) -> bool {
    let is_name = |part: &str| {
        let first = part.chars().next();
        first.is_some_and(|c| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    text.len() <= NAME_BYTES_MAX && text.split('.').all(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_modules_are_loaded() {
        for name in ["numpy", "matplotlib.pyplot", "_private", "a.b_c.d1"] {
            assert!(is_module(name), "{name}");
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in ["", ".", "a.", ".a", "a b", "a-b", "1a", "os;x", "a/b", long.as_str()] {
            assert!(!is_module(name), "{name}");
        }
    }
}
