//! Where blobs are.

use std::{fmt, path::PathBuf};

use super::BlobError;

/// Schemes of object stores that blobs may be in.
const SCHEMES: &[&str] = &["s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl"];

/// Where blobs are: a directory of this host, or objects of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlobLocation {
    /// A directory; it is made if it is missing.
    Directory(PathBuf),
    /// A URL such as `s3://bucket/prefix`. It carries no secrets.
    Bucket(String),
}

impl BlobLocation {
    /// Reads a path or a URL.
    ///
    /// # Errors
    ///
    /// [`BlobError::Location`] for another scheme and for nothing at all.
    pub fn parse(text: &str) -> Result<Self, BlobError> {
        let invalid = |scheme: &str| BlobError::Location { scheme: scheme.to_owned() };
        match text.split_once("://") {
            Some((scheme, _)) if SCHEMES.contains(&scheme) => Ok(Self::Bucket(text.to_owned())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Directory(path.into())),
            Some((scheme, _)) => Err(invalid(scheme)),
            None if text.is_empty() => Err(invalid(text)),
            None => Ok(Self::Directory(text.into())),
        }
    }
}

impl fmt::Display for BlobLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => path.display().fmt(formatter),
            Self::Bucket(url) => formatter.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_by_their_schemes() {
        let directory = BlobLocation::Directory("/var/blobs".into());
        let bucket = BlobLocation::Bucket("s3://b/p".to_owned());
        let table = [
            ("/var/blobs", Some(&directory)),
            ("file:///var/blobs", Some(&directory)),
            ("s3://b/p", Some(&bucket)),
            ("http://b/p", None),
            ("memory:///", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(BlobLocation::parse(text).ok().as_ref(), expected, "{text}");
        }
    }
}
