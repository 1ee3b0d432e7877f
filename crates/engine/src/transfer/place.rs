//! What callers may write for a place in the workspace, and what it means.

use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

use policy::GuestPath;

/// A place in the workspace, relative to it: empty for the workspace itself.
///
/// # Errors
/// Why the path is not one.
pub(crate) fn within(path: &Path, workspace: &GuestPath) -> Result<PathBuf, &'static str> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err("it has a NUL");
    }
    let relative = match path.strip_prefix("/") {
        Ok(_) => {
            path.strip_prefix(workspace.as_path()).map_err(|_| "it is not in the workspace")?
        }
        Err(_) => path,
    };
    let mut place = PathBuf::new();
    for part in relative.components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            _ => return Err("it has `..` in it"),
        }
    }
    Ok(place)
}

/// Whether a path says by itself that a directory is meant: nothing at all, `.`,
/// or a slash at the end.
pub(super) fn names_directory(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.is_empty() || bytes == b"." || bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}

/// The name that a copy gets inside a directory; `None` where what is copied is
/// what lies in `path`, as with `.` and `dir/.`.
pub(super) fn base_name(path: &Path) -> Option<&OsStr> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.ends_with(b"/.") { None } else { path.file_name() }
}

/// A path from inside for people to read: what cannot be seen or is not text is escaped.
pub(crate) fn shown(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\'' | '"' => text.push(character),
                _ => text.extend(character.escape_debug()),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use proptest::prelude::*;

    use super::*;

    fn workspace() -> GuestPath {
        GuestPath::new("/workspace").unwrap()
    }

    #[test]
    fn places_are_in_the_workspace_or_refused() {
        let table = [
            ("a/b", Ok("a/b")),
            ("./a//b/.", Ok("a/b")),
            ("", Ok("")),
            (".", Ok("")),
            ("/workspace", Ok("")),
            ("/workspace/a", Ok("a")),
            ("/workspaces/a", Err("it is not in the workspace")),
            ("/etc/passwd", Err("it is not in the workspace")),
            ("/", Err("it is not in the workspace")),
            ("../a", Err("it has `..` in it")),
            ("a/../b", Err("it has `..` in it")),
            ("/workspace/../etc", Err("it has `..` in it")),
            ("a\0b", Err("it has a NUL")),
        ];
        for (path, expected) in table {
            let place = within(Path::new(path), &workspace());
            assert_eq!(place, expected.map(PathBuf::from), "{path:?}");
        }
    }

    #[test]
    fn a_slash_or_a_dot_means_a_directory() {
        let names = |path: &str| names_directory(Path::new(path));
        assert!(names("") && names(".") && names("a/") && names("a/.") && names("./"));
        assert!(!names("a") && !names("a/b") && !names(".a") && !names("a."));
    }

    #[test]
    fn a_copy_is_called_what_its_source_is() {
        let name = |path: &'static str| base_name(Path::new(path)).and_then(OsStr::to_str);
        assert_eq!(name("a/b"), Some("b"));
        assert_eq!(name("a/b/"), Some("b"));
        assert_eq!(name("a/."), None);
        assert_eq!(name("."), None);
        assert_eq!(name("a/.."), None);
        assert_eq!(name("/"), None);
    }

    #[test]
    fn odd_names_are_escaped() {
        let text = |bytes: &[u8]| shown(Path::new(OsStr::from_bytes(bytes)));
        assert_eq!(text("döner 'x'.txt".as_bytes()), "döner 'x'.txt");
        assert_eq!(text(b"a\nb\x1b[31m\\"), "a\\nb\\u{1b}[31m\\\\");
        assert_eq!(text(b"a\xff\xfeb"), "a\\xff\\xfeb");
        assert_eq!(text("\u{202e}gpj".as_bytes()), "\\u{202e}gpj");
    }

    proptest! {
        #[test]
        fn no_place_leads_out(path in "[a-b./\0]{0,12}") {
            if let Ok(place) = within(Path::new(&path), &workspace()) {
                prop_assert!(place.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }

        #[test]
        fn what_is_shown_can_be_seen(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = shown(Path::new(OsStr::from_bytes(&bytes)));
            prop_assert!(!text.contains(char::is_control));
        }
    }
}
