//! Files of a program that was stopped: whatever it had written by then, within bounds.
//!
//! What is too much is passed over, so that it does not keep the rest from coming.

use std::{fs::File, path::PathBuf};

use api::{DownloadedFile, Rescue};
use policy::GuestPath;
use sandbox::Sandbox;

use super::{
    download::{Allowance, DownloadError, account, below, checked},
    place::{shown, within},
    save::Target,
};
use crate::RequestError;

/// A rescue whose place has been looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rescued(Rescue);

/// Looks at the places of rescues before anything runs for them.
///
/// # Errors
/// The first that cannot be one.
pub(crate) fn rescues(
    specs: &[Rescue],
    workspace: &GuestPath,
) -> Result<Vec<Rescued>, RequestError> {
    let check = |spec: &Rescue| {
        let refused = |reason| RequestError::Download { path: shown(&spec.source), reason };
        let source = within(&spec.source, workspace).map_err(refused)?;
        if source.as_os_str().is_empty() {
            return Err(refused("it is the whole workspace"));
        }
        Ok(Rescued(Rescue { source, ..spec.clone() }))
    };
    specs.iter().map(check).collect()
}

/// Brings out what is left in the directories, each file to its place or with the reason
/// why not.
pub(crate) async fn rescue(sandbox: &mut dyn Sandbox, rescues: &[Rescued]) -> Vec<DownloadedFile> {
    let mut report = Vec::new();
    for Rescued(wanted) in rescues {
        let opened = sandbox.open_files(&wanted.source).await;
        let opened = opened.map_err(DownloadError::Sandbox);
        let target = opened.and_then(|files| Ok((Target::open(&wanted.target)?, files)));
        match target {
            Ok((target, files)) => {
                let mut files = below(&wanted.source, files);
                files.sort_by(|(left, _), (right, _)| left.cmp(right));
                save_all(wanted, &target, files, &mut report).await;
            }
            Err(error) => report.push(account(&wanted.source, Err(error))),
        }
    }
    report
}

async fn save_all(
    wanted: &Rescue,
    target: &Target,
    files: Vec<(PathBuf, File)>,
    report: &mut Vec<DownloadedFile>,
) {
    let mut allowance = Allowance::new(wanted.bytes_max, wanted.files_max);
    for (path, file) in files {
        let saved = match fits(wanted, &file, &mut allowance).and_then(|()| checked(&path)) {
            Ok(path) => target.save(path, file, &mut allowance).await,
            Err(error) => Err(error),
        };
        report.push(account(&wanted.source.join(&path), saved));
    }
}

/// Whether a file may come; nobody is left to change it.
fn fits(wanted: &Rescue, file: &File, allowance: &mut Allowance) -> Result<(), DownloadError> {
    let bytes = file.metadata().map_err(DownloadError::Read)?.len();
    let maximum = wanted.file_bytes_max.min(allowance.bytes);
    if bytes > maximum {
        return Err(DownloadError::TooLarge { maximum });
    }
    allowance.file(wanted.files_max)
}
