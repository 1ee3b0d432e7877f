//! Where a path of the workspace leads, links and `..` followed as programs inside
//! follow them.
//!
//! Links are read one by one and followed here, not by the host's kernel. What comes
//! out has none on its way, and whoever opens it follows none: a link that is put there
//! meanwhile is refused, and does not lead out.

use std::{
    collections::VecDeque,
    ffi::{OsStr, OsString},
    os::fd::AsFd,
    path::{Component, Path, PathBuf},
};

use super::{Session, SessionError};
use crate::{blocking::off_thread, workspace};

/// The most links on one way, as on Linux.
const LINKS_MAX: usize = 40;
/// The longest path, as on Linux.
const PATH_BYTES_MAX: usize = 4096;

/// Why a path leads nowhere in the workspace.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// It has a NUL.
    #[error("embedded null byte")]
    Nul,
    /// It is longer than a path may be.
    #[error("path too long")]
    TooLong,
    /// It leads out.
    #[error("path escapes workspace")]
    Outside,
    /// Its links lead to each other, or are too many.
    #[error("too many levels of symbolic links")]
    Loop,
    /// The session cannot be asked.
    #[error(transparent)]
    Session(#[from] SessionError),
}

impl Session {
    /// The place to which a path leads, relative to the workspace and without links. It
    /// need not be there.
    ///
    /// # Errors
    /// It leads out of the workspace, or in circles.
    pub async fn locate(&self, path: &Path) -> Result<PathBuf, LocateError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let path = path.to_owned();
        let top = inner.sandboxed.frame.policy.workspace().as_path().to_owned();
        let root = inner.workspace().await.map_err(|_| inner.closed())?;
        off_thread(move || {
            Ok(locate(&path, &top, |place| {
                // What is not there, or cannot be read, is found out by whoever opens it.
                workspace::read_link(root.as_fd(), place).ok().flatten()
            }))
        })
        .await
        .map_err(|_| LocateError::from(inner.closed()))?
    }
}

fn locate(
    path: &Path,
    workspace: &Path,
    link: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<PathBuf, LocateError> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.contains(&0) {
        return Err(LocateError::Nul);
    }
    if bytes.len() > PATH_BYTES_MAX {
        return Err(LocateError::TooLong);
    }
    let mut at = workspace.to_owned();
    let mut left = VecDeque::new();
    enter(&mut at, &mut left, path);
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if part == OsStr::new("..") {
            at.pop();
            continue;
        }
        at.push(part);
        let place = at.strip_prefix(workspace).ok().filter(|place| *place != Path::new(""));
        let Some(target) = place.and_then(&link) else { continue };
        links += 1;
        if links > LINKS_MAX {
            return Err(LocateError::Loop);
        }
        at.pop();
        enter(&mut at, &mut left, &target);
    }
    at.strip_prefix(workspace).map(Path::to_owned).map_err(|_| LocateError::Outside)
}

/// Puts the parts of a path before those that are left; one that is absolute begins at
/// the root.
fn enter(at: &mut PathBuf, left: &mut VecDeque<OsString>, path: &Path) {
    for part in path.components().rev() {
        match part {
            Component::Normal(name) => left.push_front(name.to_owned()),
            Component::ParentDir => left.push_front(OsString::from("..")),
            Component::RootDir => *at = PathBuf::from("/"),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINKS: [(&str, &str); 9] = [
        ("in", "d/x"),
        ("d/up", "../y"),
        ("whole", "/workspace/d"),
        ("out", "/etc"),
        ("parent", "../.."),
        ("back", "../workspace/d"),
        ("dangling", "none"),
        ("a", "b"),
        ("b", "a"),
    ];

    fn find(path: &str) -> Result<PathBuf, LocateError> {
        locate(Path::new(path), Path::new("/workspace"), |place| {
            let (_, target) = LINKS.iter().find(|(name, _)| place == Path::new(name))?;
            Some(target.into())
        })
    }

    #[test]
    fn links_and_parents_are_followed_and_do_not_lead_out() {
        let good = [
            ("", ""),
            (".", ""),
            ("x//y/.", "x/y"),
            ("/workspace/x", "x"),
            ("x/../y", "y"),
            ("../workspace/x", "x"),
            ("in", "d/x"),
            ("d/up", "y"),
            ("whole/x", "d/x"),
            ("whole/up", "y"),
            ("whole/../x", "x"),
            ("back/x", "d/x"),
            ("dangling/x", "none/x"),
        ];
        for (path, place) in good {
            assert_eq!(find(path).unwrap(), Path::new(place), "{path}");
        }
        for path in ["..", "x/../../y", "/etc", "/", "/workspaces", "out", "out/passwd", "parent"] {
            assert!(matches!(find(path), Err(LocateError::Outside)), "{path}");
        }
        assert!(matches!(find("a/x"), Err(LocateError::Loop)));
        assert!(matches!(find("x\0"), Err(LocateError::Nul)));
        assert!(matches!(find(&"x/".repeat(3000)), Err(LocateError::TooLong)));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn whatever_links_say_a_place_is_inside_and_plain(
            path in "[a-c./]{0,20}",
            target in "[a-c./]{0,8}",
        ) {
            let found = locate(Path::new(&path), Path::new("/a/b"), |place| {
                place.ends_with("c").then(|| PathBuf::from(&target))
            });
            if let Ok(place) = found {
                prop_assert!(place.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
