//! Where the records are.

use std::{fmt, path::PathBuf};

/// Where the records are: a file of this host, or a PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A file; it is made if it is missing, with its directory.
    File(PathBuf),
    /// A connection string with the scheme `postgres` or `postgresql`.
    Postgres(String),
}

/// The text names no place for records.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{scheme}` is no place for records: give a file or postgres://…")]
pub struct InvalidLocation {
    /// The scheme that is not known, or the whole text where that is empty.
    pub scheme: String,
}

impl Location {
    /// Reads a path, `sqlite:///path`, or a connection string of PostgreSQL.
    ///
    /// # Errors
    ///
    /// [`InvalidLocation`] for another scheme and for nothing at all.
    pub fn parse(text: &str) -> Result<Self, InvalidLocation> {
        let invalid = |scheme: &str| InvalidLocation { scheme: scheme.to_owned() };
        match text.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(text.to_owned())),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some((scheme, _)) => Err(invalid(scheme)),
            None if text.is_empty() => Err(invalid(text)),
            None => Ok(Self::File(text.into())),
        }
    }
}

/// What a connection string says before its host may be a password.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Postgres(text) => {
                let rest = text.split_once("://").map_or(text.as_str(), |(_, rest)| rest);
                let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                write!(formatter, "postgres://{place}")
            }
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_by_their_schemes() {
        let file = |path: &str| Ok(Location::File(path.into()));
        assert_eq!(Location::parse("/var/x.db"), file("/var/x.db"));
        assert_eq!(Location::parse("sqlite:///var/x.db"), file("/var/x.db"));
        let string = "postgresql://u@h/d";
        assert_eq!(Location::parse(string), Ok(Location::Postgres(string.to_owned())));
        for wrong in ["", "mysql://h/d", "sqlite://"] {
            assert!(Location::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        for text in ["postgres://u:s3cret@h:5/d", "postgres://h:5/d?password=s3cret"] {
            let shown = format!("{0} {0:?}", Location::parse(text).unwrap());
            assert!(shown.contains("h:5/d") && !shown.contains("s3cret"), "{shown}");
        }
    }
}
