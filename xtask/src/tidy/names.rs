//! Names of files and directories that say nothing about what is in them.

use super::{finding::Finding, tree::SourceFile};

/// Each invites whatever has no place elsewhere.
const BANNED: &[&str] = &[
    "common", "util", "utils", "helper", "helpers", "misc", "types", "manager", "base", "core",
    "stuff", "shared",
];

/// Extensions of files that hold code.
const CODE: &[&str] = &["rs", "py", "sh", "c", "ts"];

/// Checks the path of one file.
pub(crate) fn check(file: &SourceFile) -> Option<Finding> {
    // The battery's programs are called by what they attack.
    if !CODE.contains(&file.extension()) || file.is_case() {
        return None;
    }
    let stem = file.path.rsplit_once('.').map_or(file.path.as_str(), |(stem, _)| stem);
    let name = stem.split('/').find(|part| BANNED.contains(part))?;
    Some(Finding::new(&file.path, 0, format!("is called {name}, which says nothing: rename it")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_say_nothing_are_found() {
        let table = [
            ("crates/a/src/utils.rs", true),
            ("crates/a/src/common/mod.rs", true),
            ("crates/core/src/lib.rs", true),
            ("crates/a/src/core_dump.rs", false),
            ("docs/types.md", false),
            ("crates/testkit/cases/privileges/helpers.py", false),
        ];
        for (path, expected) in table {
            let file = SourceFile { path: path.to_owned(), text: String::new() };
            assert_eq!(check(&file).is_some(), expected, "{path}");
        }
    }
}
