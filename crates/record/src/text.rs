//! What text may go into the database: bounded, and without what PostgreSQL cannot hold.

use std::fmt::Write as _;

use serde::{Serialize, de::DeserializeOwned};

use crate::StoreError;

/// What is kept of the beginning of an output stream: what answers carry inline.
pub const HEAD_BYTES_MAX: usize = 4096;

/// The most a request may have as JSON: parameters of 64 KiB and what stands around them.
pub const REQUEST_BYTES_MAX: usize = 512 * 1024;

/// The most a result may have as JSON; a larger one belongs into an artifact.
pub const RESULT_BYTES_MAX: usize = 64 * 1024;

/// What is kept of the files that a run leaves: so many, each and all together so large.
/// They are told one by one in its record, and come out of it whole.
pub const ARTIFACTS_MAX: usize = 200;
/// The largest of them, in bytes.
pub const ARTIFACT_BYTES_MAX: u64 = 10 << 20;
/// All of them together, in bytes.
pub const ARTIFACTS_BYTES_MAX: u64 = 192 << 20;

/// The most that the name of one has, in bytes.
pub const ARTIFACT_NAME_BYTES_MAX: usize = WORD_BYTES_MAX;

/// The most a word has: names of tenants, branches, models, and digests.
pub(crate) const WORD_BYTES_MAX: usize = 512;

/// The most a place has: paths and URLs.
pub(crate) const PLACE_BYTES_MAX: usize = 4096;

/// The most a text that people write has: descriptions.
pub(crate) const PROSE_BYTES_MAX: usize = 16 * 1024;

/// The most an error or a report of what was enforced has as JSON.
pub(crate) const REPORT_BYTES_MAX: usize = 64 * 1024;

/// A text as it may be stored: without NUL, which PostgreSQL's text cannot hold.
pub(crate) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The same of a text that has to be short.
pub(crate) fn bounded(
    what: &'static str,
    text: &str,
    limit_bytes: usize,
) -> Result<String, StoreError> {
    if text.len() > limit_bytes {
        return Err(StoreError::TooLarge { what, limit_bytes });
    }
    Ok(clean(text))
}

/// A word, such as a name.
pub(crate) fn word(what: &'static str, text: &str) -> Result<String, StoreError> {
    bounded(what, text, WORD_BYTES_MAX)
}

/// A word that need not be there.
pub(crate) fn optional_word(
    what: &'static str,
    text: Option<&String>,
) -> Result<Option<String>, StoreError> {
    text.map(|text| word(what, text)).transpose()
}

/// The beginning of a text, no longer than so many bytes.
pub(crate) fn head(text: &str, limit_bytes: usize) -> String {
    clean(&text[..text.floor_char_boundary(limit_bytes)])
}

/// JSON as text. NUL is escaped in it already.
pub(crate) fn json<T: Serialize>(
    what: &'static str,
    value: &T,
    limit_bytes: usize,
) -> Result<String, StoreError> {
    let text = serde_json::to_string(value).map_err(|_| StoreError::Corrupt { what })?;
    bounded(what, &text, limit_bytes)
}

/// JSON that need not be there.
pub(crate) fn optional_json<T: Serialize>(
    what: &'static str,
    value: Option<&T>,
    limit_bytes: usize,
) -> Result<Option<String>, StoreError> {
    value.map(|value| json(what, value, limit_bytes)).transpose()
}

/// Reads what [`json`] wrote.
pub(crate) fn from_json<T: DeserializeOwned>(
    what: &'static str,
    text: Option<String>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what }))
        .transpose()
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a text is a SHA-256 in lower-case hexadecimal digits.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A count or a size as the database has them. Nothing counts so far.
pub(crate) fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_before_a_character_that_does_not_fit() {
        assert_eq!(head("aéb", 2), "a");
        assert_eq!(head("aéb", 3), "aé");
        assert_eq!(head("a\0", 9), "a\u{fffd}");
    }

    #[test]
    fn what_is_too_long_is_refused_rather_than_cut() {
        assert!(word("name", &"x".repeat(WORD_BYTES_MAX)).is_ok());
        assert!(matches!(
            word("name", &"x".repeat(WORD_BYTES_MAX + 1)),
            Err(StoreError::TooLarge { what: "name", .. })
        ));
    }
}
