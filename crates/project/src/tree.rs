//! Files of a commit, read on the host. The tree is our own making; links in it are
//! told of and never followed.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use api::ProjectFile;

/// The most files of one list.
pub(crate) const LISTED_MAX: usize = 5000;
/// The largest file that is read.
pub(crate) const READ_BYTES_MAX: u64 = 1 << 20;
/// The deepest that is looked.
const DEPTH_MAX: usize = 64;

/// Why a file of a project cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// The path leads out of the project, or is none.
    #[error("{path:?} is no path in a project")]
    Path {
        /// What was given.
        path: String,
    },
    /// It is not there.
    #[error("the project has no {path:?}")]
    NotFound {
        /// What was given.
        path: String,
    },
    /// It is something else than what is wanted.
    #[error("{path:?} is no {wanted}")]
    Kind {
        /// What was given.
        path: String,
        /// What is wanted.
        wanted: &'static str,
    },
    /// It is larger than what is handed out.
    #[error("{path:?} has more than {maximum} bytes")]
    TooLarge {
        /// What was given.
        path: String,
        /// The limit.
        maximum: u64,
    },
    /// The host failed.
    #[error("the project's files cannot be read")]
    Host(#[from] io::Error),
}

/// A file's bytes.
pub(crate) fn read(top: &Path, path: &str) -> Result<Vec<u8>, TreeError> {
    let (place, found) = locate(top, path)?;
    if !found.is_file() {
        return Err(TreeError::Kind { path: path.to_owned(), wanted: "file" });
    }
    let mut bytes = Vec::new();
    File::open(place)?.take(READ_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > READ_BYTES_MAX {
        true => Err(TreeError::TooLarge { path: path.to_owned(), maximum: READ_BYTES_MAX }),
        false => Ok(bytes),
    }
}

/// What is in a directory, and below it if that is wanted, in the order of the paths;
/// and whether there is more.
pub(crate) fn list(
    top: &Path,
    path: &str,
    is_recursive: bool,
) -> Result<(Vec<ProjectFile>, bool), TreeError> {
    let (place, found) = locate(top, path)?;
    if !found.is_dir() {
        return Err(TreeError::Kind { path: path.to_owned(), wanted: "directory" });
    }
    let (mut left, mut files) = (vec![place], Vec::new());
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory)? {
            let (place, found) = (entry?.path(), |place: &Path| fs::symlink_metadata(place));
            let found = found(&place)?;
            if files.len() >= LISTED_MAX {
                files.sort_by(|one: &ProjectFile, other| one.path.cmp(&other.path));
                return Ok((files, true));
            }
            files.push(file(top, &place, &found));
            if is_recursive && found.is_dir() && left.len() < LISTED_MAX {
                left.push(place);
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((files, false))
}

fn file(top: &Path, place: &Path, found: &Metadata) -> ProjectFile {
    let path = place.strip_prefix(top).unwrap_or(place).display().to_string();
    let (kind, size_bytes) = match (found.is_dir(), found.is_file()) {
        (true, _) => ("directory", None),
        (_, true) => ("file", Some(found.len())),
        _ => ("link", None),
    };
    ProjectFile { path, kind: kind.to_owned(), size_bytes }
}

/// Where a path leads, if no link is on the way.
fn locate(top: &Path, path: &str) -> Result<(PathBuf, Metadata), TreeError> {
    let parts: Vec<_> =
        Path::new(path).components().filter(|part| *part != Component::CurDir).collect();
    let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || path.contains('\0') || parts.len() > DEPTH_MAX {
        return Err(TreeError::Path { path: path.to_owned() });
    }
    let mut place = top.to_owned();
    let mut found = fs::symlink_metadata(&place)?;
    for part in parts {
        if !found.is_dir() {
            return Err(TreeError::NotFound { path: path.to_owned() });
        }
        place.push(part);
        found = fs::symlink_metadata(&place).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TreeError::NotFound { path: path.to_owned() },
            _ => error.into(),
        })?;
    }
    Ok((place, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_links_are_not_followed() {
        let top = std::env::temp_dir().join(format!("cellblock-tree-{}", std::process::id()));
        let _ = fs::remove_dir_all(&top);
        fs::create_dir_all(top.join("d/e")).unwrap();
        fs::write(top.join("d/e/f"), "text").unwrap();
        std::os::unix::fs::symlink("d/e/f", top.join("l")).unwrap();
        std::os::unix::fs::symlink("d", top.join("m")).unwrap();
        assert_eq!(read(&top, "./d/e/f").unwrap(), b"text");
        for path in ["l", "m/e/f", "d", "no", "d/e/f/g"] {
            assert!(read(&top, path).is_err(), "{path}");
        }
        for path in ["../x", "/etc/passwd", "d/../../x", "a\0"] {
            assert!(matches!(read(&top, path), Err(TreeError::Path { .. })), "{path:?}");
        }
        let (files, is_cut) = list(&top, "", true).unwrap();
        let shown: Vec<_> =
            files.iter().map(|file| (file.path.as_str(), file.kind.as_str())).collect();
        let expected = [
            ("d", "directory"),
            ("d/e", "directory"),
            ("d/e/f", "file"),
            ("l", "link"),
            ("m", "link"),
        ];
        assert_eq!((shown.as_slice(), is_cut), (expected.as_slice(), false));
        assert_eq!(list(&top, "d", false).unwrap().0.len(), 1);
        fs::write(top.join("large"), vec![0; 2 << 20]).unwrap();
        assert!(matches!(read(&top, "large"), Err(TreeError::TooLarge { .. })));
        fs::remove_dir_all(&top).unwrap();
    }
}
