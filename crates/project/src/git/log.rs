//! What a repository says of its history. Hostile text; total functions.

use crate::git::refs::is_commit;

/// Fields of one commit.
const FIELDS: usize = 4;
/// The longest author and message that are shown.
const AUTHOR_CHARACTERS_MAX: usize = 200;
const MESSAGE_CHARACTERS_MAX: usize = 4096;
/// The longest time as text.
const DATE_BYTES_MAX: usize = 40;

/// One commit of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub commit: String,
    /// What its author wrote about it.
    pub message: String,
    /// Who made it.
    pub author: String,
    /// When it was made, in ISO 8601.
    pub date: String,
}

/// Reads commits, each of four fields that end with a NUL; `None` where it is
/// something else.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<Version>> {
    let text = String::from_utf8_lossy(bytes);
    let mut fields: Vec<&str> = text.split('\0').collect();
    // What follows the last end is nothing.
    if !fields.pop()?.is_empty() || !fields.len().is_multiple_of(FIELDS) {
        return None;
    }
    let version = |fields: &[&str]| match fields {
        [commit, author, date, message] if is_commit(commit) => Some(Version {
            commit: (*commit).to_owned(),
            message: shown(message.trim_end(), MESSAGE_CHARACTERS_MAX),
            author: shown(author, AUTHOR_CHARACTERS_MAX),
            date: shown(date, DATE_BYTES_MAX),
        }),
        _ => None,
    };
    fields.chunks(FIELDS).map(version).collect()
}

/// A text without control characters, but for ends of lines.
fn shown(text: &str, most: usize) -> String {
    let is_seen = |character: &char| !character.is_control() || *character == '\n';
    text.chars().filter(is_seen).take(most).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commits_are_read() {
        let id = "a".repeat(40);
        let text = format!("{id}\0Me\x1b[1m\0 2026-01-02T03:04:05+00:00\0First\n\nMore\n\0");
        let versions = parse(text.as_bytes()).unwrap();
        assert_eq!(versions.len(), 1);
        assert_eq!(versions[0].message, "First\n\nMore");
        assert_eq!(versions[0].author, "Me[1m");
        assert_eq!(parse(b""), Some(Vec::new()));
        for wrong in ["x\0y\0z\0w\0", "a\0b\0", "text"] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
