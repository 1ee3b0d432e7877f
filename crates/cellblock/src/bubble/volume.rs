//! Volume specs of bubble-sandbox: `name,host_path[,rw]`. Pure.

use std::path::PathBuf;

use api::Access;

use super::BubbleError;
use crate::args::Volume;

/// Where volumes are seen.
const VOLUMES: &str = "/sandbox/volumes";
/// The longest file name that Linux's own file systems take.
const NAME_BYTES_MAX: usize = 255;

/// Reads a volume spec. Whatever is not the literal flag `rw` leaves it read-only.
///
/// # Errors
/// It has no host path, or its name could lead out of the place for volumes.
pub(crate) fn volume(given: &str) -> Result<Volume, BubbleError> {
    let refused = |reason| BubbleError::Volume { given: given.to_owned(), reason };
    let mut parts = given.split(',');
    let name = parts.next().unwrap_or_default();
    let source = parts.next().ok_or_else(|| refused("it has no host path"))?;
    let flag = parts.next();
    if parts.next().is_some() {
        return Err(refused("it has more than three parts"));
    }
    if source.is_empty() {
        return Err(refused("its host path is empty"));
    }
    check_name(name).map_err(refused)?;
    let access = if flag == Some("rw") { Access::ReadWrite } else { Access::ReadOnly };
    let target = PathBuf::from(format!("{VOLUMES}/{name}"));
    Ok(Volume { source: source.into(), target, access })
}

fn check_name(name: &str) -> Result<(), &'static str> {
    match name {
        "" => Err("its name is empty"),
        "." | ".." => Err("its name is a directory's"),
        _ if name.contains(['/', '\\']) => Err("its name has a slash"),
        _ if name.chars().any(char::is_control) => Err("its name has a control character"),
        _ if name.len() > NAME_BYTES_MAX => Err("its name is longer than 255 bytes"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_a_literal_rw_makes_a_volume_writable() {
        let table = [
            ("data,/srv", Access::ReadOnly),
            ("data,/srv,rw", Access::ReadWrite),
            ("data,/srv,ro", Access::ReadOnly),
            ("data,/srv,RW", Access::ReadOnly),
            ("data,/srv,", Access::ReadOnly),
        ];
        for (given, access) in table {
            let volume = volume(given).unwrap();
            assert_eq!(volume.access, access, "{given}");
            assert_eq!(volume.target, PathBuf::from("/sandbox/volumes/data"));
            assert_eq!(volume.source, PathBuf::from("/srv"));
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for given in ["bad", ",/srv", "a,", "../../etc,/srv", "..,/srv", "a/b,/srv", "a,/b,rw,x"] {
            assert!(volume(given).is_err(), "{given}");
        }
    }

    proptest! {
        #[test]
        fn no_name_leaves_the_place_for_volumes(given in "\\PC{0,20}") {
            if let Ok(volume) = volume(&given) {
                prop_assert_eq!(volume.target.parent(), Some(VOLUMES.as_ref()));
            }
        }
    }
}
