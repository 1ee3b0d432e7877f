//! The lock of an environment: every package with version and hashes.
//!
//! It is in the form that pip and uv read. It names no address and no registry:
//! whoever has the same packages, from wherever, gets the same environment.

use std::{fmt::Write, path::Path};

use sha2::{Digest, Sha256};

use crate::{environment::EnvironmentError, text_file};

/// The file's name.
pub(in crate::environment) const FILE: &str = "requirements.lock";

/// Room for thousands of packages with a hash for each of their many files.
const BYTES_MAX: u64 = 16 << 20;

/// The comment that tells what a lock was made for.
const MADE_FOR: &str = "# made for ";

/// What is to be installed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lock {
    /// The Python and the requirements that it was made for, in one word each.
    made_for: String,
    packages: Vec<Package>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Package {
    name: String,
    version: String,
    /// SHA-256 digests of files that are this version.
    hashes: Vec<String>,
}

/// What a lock holds for: a Python's minor version, such as `3.12`, and requirements.
pub(super) fn made_for(python: &str, dependencies: &[String]) -> String {
    let mut sorted: Vec<&str> = dependencies.iter().map(|text| text.trim()).collect();
    sorted.sort_unstable();
    let digest = Sha256::digest(sorted.join("\n"));
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("python {python}, requirements {digits}")
}

impl Lock {
    /// Reads the lock of a directory; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read or is malformed.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, EnvironmentError> {
        let path = directory.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        Self::of_requirements(&path).map(Some)
    }

    /// Reads a file of requirements with hashes.
    ///
    /// # Errors
    /// It cannot be read or is malformed.
    pub(super) fn of_requirements(path: &Path) -> Result<Self, EnvironmentError> {
        let text = text_file::read(path, BYTES_MAX).map_err(|source| EnvironmentError::Files {
            action: "reading",
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text).map_err(|reason| EnvironmentError::Malformed {
            path: path.to_owned(),
            reason: format!("{reason}; remove it to have it made anew"),
        })
    }

    /// A lock of packages, each with its version and the digest of a file that is it.
    ///
    /// # Errors
    /// One of them is none.
    pub(super) fn of_packages(
        packages: impl IntoIterator<Item = (String, String, String)>,
    ) -> Result<Self, String> {
        let packages = packages.into_iter();
        let packages =
            packages.map(|(name, version, hash)| Package::checked(&name, &version, vec![hash]));
        Ok(Self { made_for: String::new(), packages: packages.collect::<Result<_, _>>()? })
    }

    /// The lock as made for something.
    pub(super) fn for_what(mut self, made_for: String) -> Self {
        self.made_for = made_for;
        self.packages.sort_by(|left, right| left.name.cmp(&right.name));
        self
    }

    /// Whether it was made for this.
    pub(super) fn is_for(&self, made_for: &str) -> bool {
        self.made_for == made_for
    }

    /// Whether there is nothing to install.
    pub(super) fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    /// The lock as a file's text.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{MADE_FOR}{}\n", self.made_for);
        for Package { name, version, hashes } in &self.packages {
            let _ = write!(text, "{name}=={version}");
            for hash in hashes {
                let _ = write!(text, " \\\n    --hash=sha256:{hash}");
            }
            text.push('\n');
        }
        text
    }

    fn parse(text: &str) -> Result<Self, String> {
        let made_for = text.lines().find_map(|line| line.strip_prefix(MADE_FOR));
        let mut lock = Self { made_for: made_for.unwrap_or_default().to_owned(), packages: vec![] };
        let joined = text.replace("\\\n", " ");
        for line in joined.lines().map(str::trim) {
            if !line.is_empty() && !line.starts_with('#') {
                lock.packages.push(Package::parse(line)?);
            }
        }
        Ok(lock)
    }
}

impl Package {
    fn parse(line: &str) -> Result<Self, String> {
        let shown: String = line.chars().take(60).collect();
        let mut words = line.split_whitespace();
        let pinned = words.next().and_then(|word| word.split_once("=="));
        let (name, version) = pinned.ok_or_else(|| format!("{shown:?} has no version"))?;
        let hashes = words.map(|word| word.strip_prefix("--hash=sha256:").map(str::to_owned));
        let hashes: Option<Vec<String>> = hashes.collect();
        let hashes = hashes.ok_or_else(|| format!("{shown:?} has more than hashes"))?;
        Self::checked(name, version, hashes)
    }

    fn checked(name: &str, version: &str, mut hashes: Vec<String>) -> Result<Self, String> {
        let is_plain = |text: &str, more: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        let is_digest =
            |hash: &String| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_plain(name, "._-") || !is_plain(version, "._-+!") {
            return Err(format!("{name:?} in version {version:?} is no package"));
        }
        if hashes.is_empty() || !hashes.iter().all(is_digest) {
            return Err(format!("{name:?} has no SHA-256"));
        }
        hashes.sort_unstable();
        hashes.dedup();
        Ok(Self { name: normal(name), version: version.to_owned(), hashes })
    }
}

/// A package's name as indexes compare it: small letters, single dashes.
fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn a_lock_reads_back_as_it_was_written() {
        let text = format!(
            "# made for python 3.12, requirements 00\nb==2 --hash=sha256:{HASH}\n\
             A_b.c==1.0+local \\\n    --hash=sha256:{HASH}\n"
        );
        let lock = Lock::parse(&text).unwrap().for_what("x".to_owned());
        assert_eq!(lock.packages[0].name, "a-b-c");
        assert_eq!(Lock::parse(&lock.text()).unwrap(), lock);
        assert!(lock.is_for("x"));
    }

    #[test]
    fn what_is_not_a_pinned_package_is_refused() {
        let table = [
            "six".to_owned(),
            "six==1".to_owned(),
            "six==1 --hash=sha256:12".to_owned(),
            "six==1 --hash=md5:00".to_owned(),
            format!("six==1 --index-url=x --hash=sha256:{HASH}"),
            format!("--index-url==x --hash=sha256:{HASH}"),
            format!("six==1/../2 --hash=sha256:{HASH}"),
            format!("six @ https://x==1 --hash=sha256:{HASH}"),
        ];
        for line in table {
            assert!(Lock::parse(&line).is_err(), "{line}");
        }
    }

    #[test]
    fn the_order_of_requirements_does_not_matter() {
        let list = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(made_for("3.12", &list(&["a", "b"])), made_for("3.12", &list(&["b", " a "])));
        assert_ne!(made_for("3.12", &list(&["a"])), made_for("3.13", &list(&["a"])));
        assert_ne!(made_for("3.12", &list(&["a"])), made_for("3.12", &list(&["a", "b"])));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_text_is_a_lock_or_a_reason(text in "\\PC*") {
            if let Ok(lock) = Lock::parse(&text) {
                let again = lock.clone().for_what(lock.made_for);
                prop_assert_eq!(Lock::parse(&again.text()).unwrap(), again);
            }
        }
    }
}
