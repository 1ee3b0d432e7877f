//! Files of a sandbox on their way out.
//!
//! One that cannot be had is reported with its reason and spoils neither the run
//! nor the other files.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use api::{DownloadSpec, DownloadedFile};
use policy::GuestPath;
use sandbox::{Sandbox, SandboxError};

use super::{
    DEPTH_MAX, FILES_MAX,
    place::{base_name, names_directory, shown, within},
    save::{Saved, Target},
};
use crate::{RequestError, account::Kept, error::download_body};

/// Why what lies below too many directories is not brought out.
pub(super) const TOO_DEEP: &str = "it lies too deep";

/// A download whose places have been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Download {
    /// Relative to the workspace; empty for all of it.
    source: PathBuf,
    /// The name that the copy gets in a directory, if it gets one.
    name: Option<PathBuf>,
    target: PathBuf,
}

/// Why a file was not brought out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    /// The sandbox does not have it or does not give it.
    #[error("it cannot be read from the sandbox")]
    Sandbox(#[source] SandboxError),
    /// The program gave it a name that leads elsewhere.
    #[error("its path is refused: {0}")]
    Path(&'static str),
    /// It is not a file.
    #[error("it is not a regular file")]
    NotAFile,
    /// There are too many files.
    #[error("it is one file too many: the most is {maximum}")]
    TooManyFiles {
        /// The limit.
        maximum: usize,
    },
    /// It is more than a workspace may hold.
    #[error("the files are larger together than the {maximum} bytes that the workspace may hold")]
    TooLarge {
        /// The limit.
        maximum: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// It cannot be written on the host.
    #[error("{path:?} cannot be written", path = path.display())]
    Write {
        /// The host path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// Looks at the places of downloads before anything runs for them.
///
/// # Errors
/// The first that cannot be one.
pub(crate) fn downloads(
    specs: &[DownloadSpec],
    workspace: &GuestPath,
) -> Result<Vec<Download>, RequestError> {
    let check = |spec: &DownloadSpec| {
        let refused = |path: &Path, reason| RequestError::Download { path: shown(path), reason };
        let source = within(&spec.source, workspace).map_err(|why| refused(&spec.source, why))?;
        if spec.target.as_os_str().as_encoded_bytes().contains(&0) {
            return Err(refused(&spec.target, "it has a NUL"));
        }
        let name = base_name(&spec.source).filter(|_| !source.as_os_str().is_empty());
        Ok(Download { source, name: name.map(PathBuf::from), target: spec.target.clone() })
    };
    specs.iter().map(check).collect()
}

/// Bounds what all downloads of a run bring out together.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) bytes: u64,
    pub(super) bytes_max: u64,
    files: usize,
}

impl Allowance {
    pub(super) const fn new(bytes_max: u64, files: usize) -> Self {
        Self { bytes: bytes_max, bytes_max, files }
    }

    /// Refuses what is larger than there is room for: it need not be copied to find that out,
    /// and a hole of a terabyte costs the program nothing.
    pub(super) fn look(&self, bytes: u64) -> Result<(), DownloadError> {
        match bytes <= self.bytes {
            true => Ok(()),
            false => Err(DownloadError::TooLarge { maximum: self.bytes_max }),
        }
    }

    /// Takes one file off.
    pub(super) fn file(&mut self, maximum: usize) -> Result<(), DownloadError> {
        let left = self.files.checked_sub(1).ok_or(DownloadError::TooManyFiles { maximum })?;
        self.files = left;
        Ok(())
    }
}

/// Brings files out, each to its place or with the reason why not; those that were are
/// kept.
pub(crate) async fn fetch(
    sandbox: &mut dyn Sandbox,
    downloads: &[Download],
    bytes_max: u64,
    kept: &mut Kept,
) -> Vec<DownloadedFile> {
    let mut allowance = Allowance::new(bytes_max, FILES_MAX);
    let mut report = Vec::new();
    for download in downloads {
        let is_all = download.source.as_os_str().is_empty();
        let asked = if is_all { Path::new(".") } else { &download.source };
        let opened = sandbox.open_files(asked).await;
        let files = match opened {
            Ok(files) => below(asked, files),
            Err(error) => {
                report.push(account(&download.source, Err(DownloadError::Sandbox(error))));
                continue;
            }
        };
        if let Err(error) = fetch_one(download, files, &mut allowance, (&mut report, kept)).await {
            report.push(account(&download.source, Err(error)));
        }
    }
    report
}

/// The files with their paths below what was asked for: empty if that is the file.
pub(super) fn below(asked: &Path, files: Vec<(PathBuf, fs::File)>) -> Vec<(PathBuf, fs::File)> {
    let shorten = |path: PathBuf| path.strip_prefix(asked).map(Path::to_owned).unwrap_or(path);
    files.into_iter().map(|(path, file)| (shorten(path), file)).collect()
}

async fn fetch_one(
    download: &Download,
    files: Vec<(PathBuf, fs::File)>,
    allowance: &mut Allowance,
    (report, kept): (&mut Vec<DownloadedFile>, &mut Kept),
) -> Result<(), DownloadError> {
    let is_file = matches!(files.as_slice(), [(below, _)] if below.as_os_str().is_empty());
    let (directory, file_name) = destination(download, is_file);
    let target = Target::open(&directory)?;
    for (below, file) in files {
        allowance.file(FILES_MAX)?;
        let to = file_name.as_deref().unwrap_or(&below);
        let mut saved = match checked(to) {
            Ok(to) => target.save(to, file, allowance).await,
            Err(error) => Err(error),
        };
        let source = below_source(download, &below);
        if let Ok(saved) = &mut saved {
            kept.keep(&shown(&source), saved.size_bytes, &mut saved.file).await;
        }
        report.push(account(&source, saved));
    }
    Ok(())
}

/// A file's guest path; for a single file, `below` is empty and adds nothing.
fn below_source(download: &Download, below: &Path) -> PathBuf {
    download.source.join(below).components().collect()
}

/// The host directory that a download is put below, and, for a single file, its
/// name there.
fn destination(download: &Download, is_file: bool) -> (PathBuf, Option<PathBuf>) {
    let Download { name, target, .. } = download;
    let into = names_directory(target) || (is_file && target.is_dir());
    let here = |path: &Path| {
        if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() }
    };
    match (is_file, name) {
        (true, Some(name)) if into => (here(target), Some(name.clone())),
        (true, _) => {
            let parent = target.parent().unwrap_or(Path::new(""));
            (here(parent), Some(target.file_name().map(PathBuf::from).unwrap_or_default()))
        }
        (false, Some(name)) if into => (target.join(name), None),
        (false, _) => (here(target), None),
    }
}

/// A path that the program chose, if it leads to somewhere below where it starts.
pub(super) fn checked(path: &Path) -> Result<&Path, DownloadError> {
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return Err(DownloadError::Path("it has a NUL"));
    }
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(DownloadError::Path("it leads out of its directory"));
    }
    match path.components().count() {
        0 => Err(DownloadError::Path("it is empty")),
        1..=DEPTH_MAX => Ok(path),
        _ => Err(DownloadError::Path(TOO_DEEP)),
    }
}

pub(super) fn account(path: &Path, saved: Result<Saved, DownloadError>) -> DownloadedFile {
    let path = shown(path);
    match saved {
        Ok(Saved { size_bytes, sha256, .. }) => {
            DownloadedFile { path, size_bytes: Some(size_bytes), sha256: Some(sha256), error: None }
        }
        Err(error) => {
            let error = Some(download_body(&error));
            DownloadedFile { path, size_bytes: None, sha256: None, error }
        }
    }
}

#[cfg(test)]
mod tests;
