//! Follows a path through its symlinks, and keeps account of them.
//!
//! Inside a sandbox a path only works if every symlink on the way is there too.
//! Reads links and nothing else.

use std::{
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

/// The most symlinks on one path: what the host kernel itself follows.
const LINKS_MAX: usize = 40;

/// A path, followed to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trail {
    /// Where it leads: no symlink in it.
    pub(crate) end: PathBuf,
    /// The symlinks on the way: where each is, no symlink before its last part,
    /// and what it points to.
    pub(crate) links: Vec<(PathBuf, PathBuf)>,
}

/// Follows an absolute path. Its last part need not exist.
///
/// # Errors
/// It is not absolute, leads in a circle, or a part of it cannot be read.
pub(crate) fn follow(path: &Path) -> io::Result<Trail> {
    if !path.is_absolute() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path is not absolute"));
    }
    let mut trail = Trail { end: PathBuf::from("/"), links: Vec::new() };
    let mut rest = parts(path);
    while let Some(part) = rest.pop() {
        step(&mut trail, &mut rest, part)?;
    }
    Ok(trail)
}

/// A path's parts, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    let named = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    named.collect()
}

fn step(trail: &mut Trail, rest: &mut Vec<OsString>, part: OsString) -> io::Result<()> {
    if part == ".." {
        trail.end.pop();
        return Ok(());
    }
    trail.end.push(part);
    match std::fs::read_link(&trail.end) {
        Ok(target) => {
            if trail.links.len() == LINKS_MAX {
                return Err(io::Error::other("too many symlinks"));
            }
            trail.links.push((trail.end.clone(), target.clone()));
            trail.end.pop();
            if target.is_absolute() {
                trail.end = PathBuf::from("/");
            }
            rest.extend(parts(&target));
            Ok(())
        }
        // Not a symlink, or the last part is not there yet.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound && rest.is_empty() => Ok(()),
        Err(error) => Err(error),
    }
}
