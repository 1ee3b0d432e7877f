//! Values of flags: small texts with a form of their own. Pure.

use std::{path::PathBuf, str::FromStr};

use api::Access;

use crate::{duration, size};

/// An env var to set, or to pass on from the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EnvVar {
    pub(crate) name: String,
    /// `None` passes the caller's value on.
    pub(crate) value: Option<String>,
}

/// A host directory to work in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedDir {
    pub(crate) source: PathBuf,
    pub(crate) access: Access,
}

/// A host path to be seen inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Volume {
    pub(crate) source: PathBuf,
    pub(crate) target: PathBuf,
    pub(crate) access: Access,
}

/// A path to copy, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) source: PathBuf,
    /// `None` keeps the source's file name.
    pub(crate) target: Option<PathBuf>,
}

/// Why the value of a flag was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidValue {
    #[error("an env var is given as KEY=VALUE, or KEY to pass the caller's on")]
    EnvVar,
    #[error("a directory is given as DIR or DIR:ro")]
    SharedDir,
    #[error("a volume is given as SRC:DST or SRC:DST:ro, DST being an absolute path inside")]
    Volume,
    #[error("a copy is given as SRC or SRC:DST")]
    Transfer,
    #[error("expected a whole number of at least 1")]
    Count,
    #[error("expected a number of processors such as 2 or 1.5")]
    Cpus,
}

impl FromStr for EnvVar {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err(InvalidValue::EnvVar);
        }
        Ok(Self { name: name.to_owned(), value })
    }
}

/// Cuts `:ro` or `:rw` off the end.
fn split_access(text: &str) -> (&str, Access) {
    match (text.strip_suffix(":ro"), text.strip_suffix(":rw")) {
        (Some(rest), _) => (rest, Access::ReadOnly),
        (_, Some(rest)) => (rest, Access::ReadWrite),
        _ => (text, Access::ReadWrite),
    }
}

impl FromStr for SharedDir {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (source, access) = split_access(text);
        if source.is_empty() {
            return Err(InvalidValue::SharedDir);
        }
        Ok(Self { source: source.into(), access })
    }
}

impl FromStr for Volume {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (paths, access) = split_access(text);
        match paths.split_once(':') {
            // What follows another colon was meant to be an access.
            Some((source, target))
                if !source.is_empty() && target.starts_with('/') && !target.contains(':') =>
            {
                Ok(Self { source: source.into(), target: target.into(), access })
            }
            _ => Err(InvalidValue::Volume),
        }
    }
}

impl FromStr for Transfer {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let (source, target) = match text.split_once(':') {
            Some((_, "")) => return Err(InvalidValue::Transfer),
            Some((source, target)) => (source, Some(target.into())),
            None => (text, None),
        };
        if source.is_empty() {
            return Err(InvalidValue::Transfer);
        }
        Ok(Self { source: source.into(), target })
    }
}

/// A duration; stays text, as the configuration keeps it.
pub(crate) fn duration(text: &str) -> Result<String, duration::InvalidDuration> {
    duration::parse(text).map(|_| text.to_owned())
}

/// A size; stays text, as the configuration keeps it.
pub(crate) fn size(text: &str) -> Result<String, size::InvalidSize> {
    size::parse(text).map(|_| text.to_owned())
}

/// A positive whole number; stays text, as the configuration keeps it.
pub(crate) fn count(text: &str) -> Result<String, InvalidValue> {
    parse_count(text).map(|_| text.to_owned())
}

/// A number of processors; stays text, as the configuration keeps it.
pub(crate) fn cpus(text: &str) -> Result<String, InvalidValue> {
    parse_cpus(text).map(|_| text.to_owned())
}

/// Reads a positive whole number.
pub(crate) fn parse_count(text: &str) -> Result<u64, InvalidValue> {
    text.parse().ok().filter(|count| *count > 0).ok_or(InvalidValue::Count)
}

/// Reads a number of processors, in thousandths of one.
pub(crate) fn parse_cpus(text: &str) -> Result<u64, InvalidValue> {
    size::scaled(text, 1000).filter(|millis| *millis > 0).ok_or(InvalidValue::Cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn env_vars_are_set_or_passed_on() {
        let var = |name: &str, value: Option<&str>| {
            Ok(EnvVar { name: name.to_owned(), value: value.map(str::to_owned) })
        };
        assert_eq!("A=b".parse(), var("A", Some("b")));
        assert_eq!("A=b=c".parse(), var("A", Some("b=c")));
        assert_eq!("A=".parse(), var("A", Some("")));
        assert_eq!("A".parse(), var("A", None));
        assert_eq!("=b".parse::<EnvVar>(), Err(InvalidValue::EnvVar));
    }

    #[test]
    fn volumes_have_two_paths_and_perhaps_an_access() {
        let volume = |access| Ok(Volume { source: "a/b".into(), target: "/data".into(), access });
        assert_eq!("a/b:/data".parse(), volume(Access::ReadWrite));
        assert_eq!("a/b:/data:rw".parse(), volume(Access::ReadWrite));
        assert_eq!("a/b:/data:ro".parse(), volume(Access::ReadOnly));
        for bad in ["", "a", ":/data", "a:", "a:data", ":ro", "a:ro"] {
            assert_eq!(bad.parse::<Volume>(), Err(InvalidValue::Volume), "{bad}");
        }
    }

    #[test]
    fn directories_may_be_read_only() {
        let dir = |access| Ok(SharedDir { source: "d".into(), access });
        assert_eq!("d".parse(), dir(Access::ReadWrite));
        assert_eq!("d:ro".parse(), dir(Access::ReadOnly));
        assert_eq!(":ro".parse::<SharedDir>(), Err(InvalidValue::SharedDir));
    }

    #[test]
    fn copies_keep_their_name_or_take_another() {
        let copy = |target: Option<&str>| {
            Ok(Transfer { source: "a".into(), target: target.map(PathBuf::from) })
        };
        assert_eq!("a".parse(), copy(None));
        assert_eq!("a:b".parse(), copy(Some("b")));
        for bad in ["", ":b", "a:"] {
            assert_eq!(bad.parse::<Transfer>(), Err(InvalidValue::Transfer), "{bad}");
        }
    }

    #[test]
    fn processors_come_in_thousandths() {
        assert_eq!(parse_cpus("1.5"), Ok(1500));
        assert_eq!(parse_cpus("2"), Ok(2000));
        assert_eq!(parse_cpus("0"), Err(InvalidValue::Cpus));
    }
}
