//! Where a bucket's objects are.

use std::fmt;

use super::BucketError;

/// Schemes of object stores whose objects are read.
const SCHEMES: &[&str] = &["s3", "gs", "az"];
/// The longest location: what object stores take of a key.
const LOCATION_BYTES_MAX: usize = 1024;

/// A bucket, and the beginning of keys in it, up to a `/`: `s3://bucket/some/prefix`. It
/// carries no secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketLocation(String);

impl BucketLocation {
    /// Whether a text is one rather than a path.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| SCHEMES.contains(&scheme))
    }

    /// Reads a URL of a bucket and a prefix.
    ///
    /// # Errors
    ///
    /// [`BucketError::Location`] for another scheme, and for a name that would have to be
    /// written otherwise in a URL.
    pub fn parse(text: &str) -> Result<Self, BucketError> {
        let refused = |reason| BucketError::Location { reason };
        if text.len() > LOCATION_BYTES_MAX {
            return Err(refused("it is too long"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused("it is no URL"))?;
        if !SCHEMES.contains(&scheme) {
            return Err(refused("its scheme is none of s3, gs and az"));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-=+,~".contains(&byte);
        let mut parts = rest.split('/');
        let fits = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(is_plain);
        match parts.all(fits) {
            true => Ok(Self(format!("{scheme}://{rest}"))),
            false => Err(refused("it has a name that is empty or has odd characters")),
        }
    }

    /// Whether another is this one or lies in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let below = other.0.strip_prefix(&self.0);
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_plain() {
        for (text, written) in [
            ("s3://b", "s3://b"),
            ("s3://b/", "s3://b"),
            ("gs://b.c/year=2026/x", "gs://b.c/year=2026/x"),
            ("az://container/p/", "az://container/p"),
        ] {
            assert_eq!(BucketLocation::parse(text).unwrap().as_str(), written);
        }
        for text in [
            "",
            "b",
            "s3:b",
            "s3://",
            "s3:///p",
            "s3://b//p",
            "s3://b/../c",
            "s3://b/.",
            "s3://b?x",
            "s3://u@b",
            "s3://b:1/p",
            "s3://b/%2e%2e",
            "s3://b/a b",
            "http://h/p",
            "file:///etc",
        ] {
            assert!(BucketLocation::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_lies_below_is_told_by_whole_names() {
        let location = |text| BucketLocation::parse(text).unwrap();
        let allowed = location("s3://b/p");
        for (text, is_in) in [
            ("s3://b/p", true),
            ("s3://b/p/q", true),
            ("s3://b/pq", false),
            ("s3://b", false),
            ("gs://b/p", false),
        ] {
            assert_eq!(allowed.contains(&location(text)), is_in, "{text}");
        }
    }
}
