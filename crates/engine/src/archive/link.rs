//! Which symbolic links of an archive stay inside it, wherever it is unpacked.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Component, Path, PathBuf},
};

/// The longest text of a link that the host kernel takes.
const TARGET_BYTES_MAX: usize = 4095;

/// Where a link leads, if that is in the archive for certain.
///
/// Steps up are good only at the beginning: there they start at the link's own
/// directory, which is none of the archive's links. After a part that may be a link
/// to elsewhere, a step up would go from there.
pub(super) fn within(place: &Path, target: &[u8]) -> Option<PathBuf> {
    if target.is_empty() || target.len() > TARGET_BYTES_MAX || target.contains(&0) {
        return None;
    }
    let target = Path::new(OsStr::from_bytes(target));
    let mut steps_left = place.components().count().checked_sub(1)?;
    let mut is_at_start = true;
    for part in target.components() {
        match part {
            Component::CurDir => {}
            Component::Normal(_) => is_at_start = false,
            Component::ParentDir if is_at_start => steps_left = steps_left.checked_sub(1)?,
            _ => return None,
        }
    }
    Some(target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_inside_or_are_none() {
        let table: [(&str, &[u8], bool); 14] = [
            ("a", b"b", true),
            ("a", b"./b/c", true),
            ("d/a", b"../b", true),
            ("d/e/a", b"../../b", true),
            ("d/a", b"../missing", true),
            ("a", b"../b", false),
            ("d/a", b"../../b", false),
            ("a", b"/etc/passwd", false),
            ("a", b"/", false),
            // `b` may be a link to where another step up is out.
            ("d/a", b"b/..", false),
            ("d/a", b"../b/../c", false),
            ("a", b"", false),
            ("a", b"b\0c", false),
            ("a", &[b'x'; 5000], false),
        ];
        for (place, target, stays) in table {
            let found = within(Path::new(place), target);
            assert_eq!(found.is_some(), stays, "{place} -> {}", target.escape_ascii());
        }
    }
}
