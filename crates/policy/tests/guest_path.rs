//! Guest paths: which texts are one, and how it is written.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

use policy::GuestPath;
use proptest::prelude::*;

#[test]
fn absolute_paths_are_taken_and_written_plainly() {
    let table = [
        ("/a", "/a"),
        ("/a/b.c", "/a/b.c"),
        ("/a/", "/a"),
        ("//a", "/a"),
        ("/a//b", "/a/b"),
        ("/a/./b/.", "/a/b"),
        ("/./a", "/a"),
        ("/a b", "/a b"),
        ("/...", "/..."),
        ("/a/..b", "/a/..b"),
        ("/ü", "/ü"),
    ];
    for (given, written) in table {
        let path = GuestPath::new(given).unwrap();
        assert_eq!(path.as_path().as_os_str(), written, "{given}");
        assert_eq!(path.to_string(), written);
    }
}

#[test]
fn other_texts_are_refused() {
    let table = [
        "", ".", "a", "a/b", "./a", "../a", "~", "/", "//", "/.", "/./", "/..", "/a/..", "/a/../b",
    ];
    for given in table.into_iter().chain(["/a\0", "/a/\0/b", "\0", "/\0"]) {
        let error = GuestPath::new(given).unwrap_err();
        assert_eq!(error.path, PathBuf::from(given));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let odd = PathBuf::from(OsStr::from_bytes(b"/a/\xff"));
    assert_eq!(GuestPath::new(odd.clone()).unwrap().as_path(), odd);
}

#[test]
fn reading_checks_too() {
    let read = |text: &str| serde_json::from_str::<GuestPath>(text);
    assert_eq!(serde_json::to_string(&read("\"/a//b/\"").unwrap()).unwrap(), "\"/a/b\"");
    for text in ["\"a\"", "\"/\"", "\"/a/../b\"", "\"/a\\u0000\"", "7", "null"] {
        assert!(read(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_taken_is_absolute_and_goes_nowhere_else(bytes in proptest::collection::vec(
        prop_oneof![4 => Just(b'/'), 4 => Just(b'.'), 4 => Just(b'a'), 1 => any::<u8>()],
        0..24,
    )) {
        let given = PathBuf::from(OsStr::from_bytes(&bytes));
        let Ok(path) = GuestPath::new(given.clone()) else { return Ok(()) };
        let written = path.as_path().as_os_str().as_bytes();
        prop_assert!(written.len() > 1 && written[0] == b'/');
        for part in written[1..].split(|byte| *byte == b'/') {
            prop_assert!(!matches!(part, b"" | b"." | b".."));
            prop_assert!(!part.contains(&0));
        }
        prop_assert_eq!(path.as_path(), given.as_path());
        prop_assert_eq!(GuestPath::new(path.as_path()), Ok(path));
    }
}
