//! Reads pip's account of what it would install.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::File,
    io::{self, BufRead, BufReader},
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::lock::Lock;
use crate::{environment::EnvironmentError, text_file};

/// It holds the description of each package; this is room for thousands.
const BYTES_MAX: u64 = 256 << 20;

#[derive(Deserialize)]
struct Report {
    install: Vec<Installed>,
}

#[derive(Deserialize)]
struct Installed {
    metadata: Metadata,
    download_info: DownloadInfo,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

#[derive(Deserialize)]
struct DownloadInfo {
    url: String,
    #[serde(default)]
    archive_info: ArchiveInfo,
}

#[derive(Default, Deserialize)]
struct ArchiveInfo {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    /// The form of older versions: `sha256=…`.
    hash: Option<String>,
}

/// The lock of what a report lists.
///
/// # Errors
/// It cannot be read, or has a package of which no digest is to be had.
pub(super) fn lock(path: &Path) -> Result<Lock, EnvironmentError> {
    let malformed = |reason| EnvironmentError::Malformed { path: path.to_owned(), reason };
    let text = text_file::read(path, BYTES_MAX).map_err(|error| malformed(error.to_string()))?;
    let report: Report =
        serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    let packages = report.install.into_iter().map(|installed| {
        let Metadata { name, version } = installed.metadata;
        match installed.download_info.sha256() {
            Ok(Some(hash)) => Ok((name, version, hash)),
            Ok(None) => Err(format!("{name} {version} comes from where no digests are given")),
            Err(error) => Err(format!("the file of {name} {version} cannot be read: {error}")),
        }
    });
    let packages = packages.collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    Lock::of_packages(packages).map_err(malformed)
}

impl DownloadInfo {
    /// The digest of the package's file; pip tells none of a file of this machine.
    fn sha256(&self) -> io::Result<Option<String>> {
        let info = &self.archive_info;
        let older = info.hash.as_ref().and_then(|hash| hash.strip_prefix("sha256="));
        let told = info.hashes.get("sha256").cloned().or_else(|| older.map(str::to_owned));
        match (told, self.url.strip_prefix("file://")) {
            (None, Some(path)) => of_file(&unescaped(path)).map(Some),
            (told, _) => Ok(told),
        }
    }
}

fn of_file(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = BufReader::new(File::open(path)?);
    loop {
        let read = file.fill_buf()?;
        if read.is_empty() {
            break;
        }
        let bytes = read.len();
        hasher.update(read);
        file.consume(bytes);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A path as a `file:` address has it: `%20` for a space.
fn unescaped(path: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, code) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            _ => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_files_are_unescaped() {
        let table = [("/a%20b/c", "/a b/c"), ("/a%", "/a%"), ("/a%2", "/a%2"), ("/%zz", "/%zz")];
        for (given, expected) in table {
            assert_eq!(unescaped(given), Path::new(expected), "{given}");
        }
    }

    #[test]
    fn digests_are_taken_in_either_form() {
        let hash = "0".repeat(64);
        let forms = [
            format!("{{\"hashes\": {{\"sha256\": \"{hash}\"}}}}"),
            format!("{{\"hash\": \"sha256={hash}\"}}"),
        ];
        for form in forms {
            let text = format!("{{\"url\": \"https://x/\", \"archive_info\": {form}}}");
            let info: DownloadInfo = serde_json::from_str(&text).unwrap();
            assert_eq!(info.sha256().unwrap().as_ref(), Some(&hash));
        }
        let none: DownloadInfo = serde_json::from_str("{\"url\": \"https://x/\"}").unwrap();
        assert_eq!(none.sha256().unwrap(), None);
    }
}
