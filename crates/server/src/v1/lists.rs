//! Lists in pages, and what they are filtered by.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use record::LIST_LIMIT_MAX;

use crate::http::Failure;

/// How many a page has where the client does not say.
const PAGE_DEFAULT: usize = 50;
/// The same of a list that is kept in the records.
const RECORDS_DEFAULT: u32 = 50;
/// The most that a page has.
pub(crate) const PAGE_MAX: usize = 1000;
/// The most labels of one thing.
const LABELS_MAX: usize = 32;
/// The longest key or value of a label.
const LABEL_BYTES_MAX: usize = 256;

/// One page.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next_cursor: Option<String>,
}

/// How many a page is to have.
pub(crate) fn page_size(limit: Option<i64>) -> Result<usize, Failure> {
    let Some(limit) = limit else { return Ok(PAGE_DEFAULT) };
    let size = usize::try_from(limit).ok().filter(|size| (1..=PAGE_MAX).contains(size));
    size.ok_or_else(|| Failure::malformed(format!("limit has to be from 1 to {PAGE_MAX}")))
}

/// The same of a list that is kept in the records.
pub(crate) fn list_size(limit: Option<i64>) -> Result<u32, Failure> {
    let Some(limit) = limit else { return Ok(RECORDS_DEFAULT) };
    let size = u32::try_from(limit).ok().filter(|size| (1..=LIST_LIMIT_MAX).contains(size));
    size.ok_or_else(|| Failure::malformed(format!("limit has to be from 1 to {LIST_LIMIT_MAX}")))
}

/// The id that a cursor stands for.
pub(crate) fn read_cursor(cursor: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let invalid = || Failure::malformed("the cursor is none that this server gave");
    text.filter(|id| id.parse::<api::RunId>().is_ok()).map(Some).ok_or_else(invalid)
}

/// The first page of what is left, and a cursor for what comes after.
pub(crate) fn page<T>(items: Vec<T>, size: usize, id: impl Fn(&T) -> String) -> Page<T> {
    let has_more = items.len() > size;
    let items: Vec<T> = items.into_iter().take(size).collect();
    let last = items.last().filter(|_| has_more);
    let next_cursor = last.map(|item| URL_SAFE_NO_PAD.encode(id(item)));
    Page { items, next_cursor }
}

/// A wanted label, as `key=value`.
pub(crate) fn read_label(text: Option<&str>) -> Result<Option<(String, String)>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let pair = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.map(Some).ok_or_else(|| Failure::malformed("label has to be KEY=VALUE"))
}

/// Whether something has a wanted label.
pub(crate) fn has_label(
    labels: &BTreeMap<String, String>,
    wanted: Option<&(String, String)>,
) -> bool {
    wanted.is_none_or(|(key, value)| labels.get(key) == Some(value))
}

/// Refuses labels that are too many or no plain text.
pub(crate) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Failure> {
    if labels.len() > LABELS_MAX {
        return Err(Failure::unprocessable(format!("labels: there may be {LABELS_MAX} at most")));
    }
    let is_plain =
        |text: &str| text.len() <= LABEL_BYTES_MAX && !text.chars().any(char::is_control);
    match labels.iter().all(|(key, value)| !key.is_empty() && is_plain(key) && is_plain(value)) {
        true => Ok(()),
        false => Err(Failure::unprocessable(format!(
            "labels: keys and values are text of at most {LABEL_BYTES_MAX} bytes without control \
             characters"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let ids: Vec<String> = (0..3).map(|_| api::RunId::generate().to_string()).collect();
        let first = page(ids.clone(), 2, Clone::clone);
        assert_eq!(first.items, ids[..2]);
        let cursor = first.next_cursor.unwrap();
        assert_eq!(read_cursor(Some(&cursor)).unwrap(), Some(ids[1].clone()));
        assert_eq!(page(ids[2..].to_vec(), 2, Clone::clone).next_cursor, None);
        for forged in ["", "x", "!!", "4pyT", "MTIz"] {
            assert_eq!(read_cursor(Some(forged)).unwrap_err().status.as_u16(), 400, "{forged}");
        }
        for limit in [-1, 0, 1_000_000_000] {
            assert_eq!(page_size(Some(limit)).unwrap_err().status.as_u16(), 400);
        }
    }

    #[test]
    fn labels_are_few_short_and_plain() {
        let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
        let long = "x".repeat(LABEL_BYTES_MAX + 1);
        let many = (0..=LABELS_MAX).map(|n| (n.to_string(), String::new())).collect();
        assert!(check_labels(&one("team", "é % _ \\ '")).is_ok());
        for bad in [one("", "x"), one("a", "\u{1b}[31m"), one("a", "\0"), one(&long, ""), many] {
            assert!(check_labels(&bad).is_err());
        }
    }
}
