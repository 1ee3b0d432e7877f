//! What of a file a request asks for, and under which condition: `Range`, `If-Range`,
//! `If-Match`, `If-None-Match` (RFC 9110). Pure.

use std::{
    ffi::OsString,
    ops::Range,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use api::ErrorCode;
use axum::http::{HeaderMap, StatusCode, header};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use engine::Precondition;

use crate::http::Failure;

/// The most versions that one header names.
const VERSIONS_MAX: usize = 100;

/// What is wanted of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Nothing: the client has it.
    NotModified,
}

/// What is wanted of a file of this version and size.
pub(super) fn wanted(headers: &HeaderMap, version: &str, size: u64) -> Result<Wanted, Failure> {
    let own = format!("\"{version}\"");
    let has = |name| versions(headers, name).map(|list| matches(&list, &own));
    if has(header::IF_MATCH) == Some(false) {
        let (status, code) = (StatusCode::PRECONDITION_FAILED, ErrorCode::PreconditionFailed);
        return Err(Failure::new(status, code, "the file has another version"));
    }
    if has(header::IF_NONE_MATCH) == Some(true) {
        return Ok(Wanted::NotModified);
    }
    let is_same = text(headers, header::IF_RANGE).is_none_or(|wanted| wanted == own);
    let Some(range) = text(headers, header::RANGE).filter(|_| is_same) else {
        return Ok(Wanted::All);
    };
    match parse(range, size) {
        // What cannot be understood is as if it were not there.
        None => Ok(Wanted::All),
        Some(range) if range.is_empty() => {
            let message = format!("the file has {size} bytes, and none of those asked for");
            let (status, code) =
                (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::RangeNotSatisfiable);
            Err(Failure::new(status, code, message))
        }
        Some(range) => Ok(Wanted::Part(range)),
    }
}

/// One range of bytes; empty where the file has none of them.
fn parse(text: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (first.trim(), last.trim()) {
        ("", count) => Some(size.saturating_sub(number(count)?)..size),
        (first, "") => Some(number(first)?.min(size)..size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            Some(first.min(size)..last.saturating_add(1).min(size))
        }
    }
}

/// What has to be so for a file to be changed.
pub(super) fn precondition(headers: &HeaderMap) -> Result<Precondition, Failure> {
    let present = versions(headers, header::IF_MATCH);
    let absent = versions(headers, header::IF_NONE_MATCH);
    match (present.as_deref(), absent.as_deref()) {
        (None, None) => Ok(Precondition::None),
        (None, Some(["*"])) => Ok(Precondition::Absent),
        (Some(["*"]), None) => Ok(Precondition::Present),
        (Some(list), None) if list.len() <= VERSIONS_MAX => {
            let bare = |version: &&str| version.trim_matches('"').to_owned();
            Ok(Precondition::Version(list.iter().map(bare).collect()))
        }
        _ => Err(Failure::malformed("give If-Match, or If-None-Match: *, and not both")),
    }
}

fn versions(headers: &HeaderMap, name: header::HeaderName) -> Option<Vec<&str>> {
    Some(text(headers, name)?.split(',').map(str::trim).take(VERSIONS_MAX + 1).collect())
}

fn matches(list: &[&str], own: &str) -> bool {
    list.iter().any(|version| *version == "*" || version.trim_start_matches("W/") == own)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A cursor for what comes after a path.
pub(crate) fn place(path: &Path) -> String {
    URL_SAFE_NO_PAD.encode(path.as_os_str().as_bytes())
}

/// The path that a cursor stands for.
pub(crate) fn read_place(cursor: &str) -> Result<PathBuf, Failure> {
    let is_path = |bytes: &Vec<u8>| !bytes.is_empty() && !bytes.contains(&0);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(is_path);
    let invalid = || Failure::malformed("the cursor is none that this server gave");
    Ok(PathBuf::from(OsString::from_vec(bytes.ok_or_else(invalid)?)))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(list: &[(HeaderName, &'static str)]) -> HeaderMap {
        list.iter().map(|(n, text)| (n.clone(), HeaderValue::from_static(text))).collect()
    }

    #[test]
    fn ranges_are_read_as_the_standard_has_them() {
        let table = [
            ("bytes=0-4", Some(0..5)),
            ("bytes=2-", Some(2..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-99", Some(0..10)),
            ("bytes=5-99999999999999999999", Some(5..10)),
            ("bytes=10-", Some(10..10)),
            ("bytes=-0", Some(10..10)),
            ("bytes=4-2", None),
            ("bytes=a-b", None),
            ("bytes=+1-2", None),
            ("bytes=0-1,3-4", None),
            ("items=0-1", None),
            ("bytes=-", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, 10), expected, "{text}");
        }
    }

    #[test]
    fn a_part_is_given_of_the_version_that_is_meant() {
        let ask = |list: &[(HeaderName, &'static str)]| wanted(&headers(list), "v", 10);
        let range = (header::RANGE, "bytes=0-0");
        assert_eq!(ask(std::slice::from_ref(&range)).unwrap(), Wanted::Part(0..1));
        let if_range = |text| ask(&[range.clone(), (header::IF_RANGE, text)]).unwrap();
        assert_eq!(if_range("\"v\""), Wanted::Part(0..1));
        assert_eq!(if_range("\"w\""), Wanted::All);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "\"a\", W/\"v\"")]).unwrap(), Wanted::NotModified);
        assert_eq!(ask(&[(header::IF_MATCH, "\"w\"")]).unwrap_err().status.as_u16(), 412);
        assert_eq!(ask(&[(header::RANGE, "bytes=99-")]).unwrap_err().status.as_u16(), 416);
    }

    #[test]
    fn conditions_are_one_or_the_other() {
        let ask = |list: &[(HeaderName, &'static str)]| precondition(&headers(list));
        assert_eq!(ask(&[]).unwrap(), Precondition::None);
        assert_eq!(ask(&[(header::IF_NONE_MATCH, "*")]).unwrap(), Precondition::Absent);
        assert_eq!(ask(&[(header::IF_MATCH, "*")]).unwrap(), Precondition::Present);
        let version = Precondition::Version(vec!["v".to_owned()]);
        assert_eq!(ask(&[(header::IF_MATCH, "\"v\"")]).unwrap(), version);
        assert!(ask(&[(header::IF_NONE_MATCH, "\"v\"")]).is_err());
    }

    #[test]
    fn a_cursor_stands_for_its_path() {
        let path = Path::new("a/\u{e9} b");
        assert_eq!(read_place(&place(path)).unwrap(), path);
        assert!(read_place("!").is_err());
        assert!(read_place("").is_err());
    }
}
