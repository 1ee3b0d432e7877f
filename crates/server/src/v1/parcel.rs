//! Files that travel in JSON: into a run, and out of it.

use std::{
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

use api::{DownloadSpec, DownloadedFile, ErrorBody, Upload};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::scratch::Scratch;
use crate::http::Failure;

/// The most bytes of files that come back in one answer.
const OUTPUT_BYTES_MAX: u64 = 32 << 20;

/// A file that goes into a run.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileIn {
    /// Where, relative to the workspace.
    path: String,
    /// Its text.
    #[serde(default)]
    content: Option<String>,
    /// Its bytes in base64, instead of text.
    #[serde(default)]
    content_base64: Option<String>,
}

/// A file that came out of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileOut {
    /// Where it was, relative to the workspace; odd bytes escaped.
    path: String,
    /// Its size.
    size_bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal digits.
    sha256: Option<String>,
    /// Its MIME type by its name.
    mime: Option<String>,
    /// Its bytes in base64.
    content_base64: Option<String>,
    /// Why it did not come back.
    error: Option<ErrorBody>,
}

/// Puts files where the engine takes them from.
pub(super) fn pack(files: Vec<FileIn>, scratch: &Scratch) -> Result<Vec<Upload>, Failure> {
    let mut uploads = Vec::with_capacity(files.len());
    for (number, file) in files.into_iter().enumerate() {
        let bytes = bytes(&file)?;
        let source = scratch.path().join(format!("in-{number}"));
        std::fs::write(&source, bytes).map_err(|error| failed(&error))?;
        uploads.push(Upload { source, target: PathBuf::from(file.path) });
    }
    Ok(uploads)
}

fn bytes(file: &FileIn) -> Result<Vec<u8>, Failure> {
    match (&file.content, &file.content_base64) {
        (Some(text), None) => Ok(text.clone().into_bytes()),
        (None, Some(text)) => STANDARD.decode(text).map_err(|_| {
            Failure::unprocessable(format!("files: the bytes of {:?} are not base64", file.path))
        }),
        _ => Err(Failure::unprocessable(format!(
            "files: {:?} has to have one of content and content_base64",
            file.path
        ))),
    }
}

/// Where the engine is to put what comes back.
pub(super) fn wanted(outputs: &[String], scratch: &Scratch) -> Vec<DownloadSpec> {
    let place = |(number, source): (usize, &String)| DownloadSpec {
        source: PathBuf::from(source),
        target: scratch.path().join(format!("out-{number}")),
    };
    outputs.iter().enumerate().map(place).collect()
}

/// What came back, as it is sent.
pub(super) fn unpack(
    files: Vec<DownloadedFile>,
    wanted: &[DownloadSpec],
) -> Result<Vec<FileOut>, Failure> {
    let mut left = OUTPUT_BYTES_MAX;
    files.into_iter().map(|file| send(file, wanted, &mut left)).collect()
}

fn send(file: DownloadedFile, wanted: &[DownloadSpec], left: &mut u64) -> Result<FileOut, Failure> {
    let mut error = file.error;
    let mut content_base64 = None;
    if let Some(size) = file.size_bytes {
        if size > *left {
            error = Some(too_much());
        } else if let Some(source) = place(&file.path, wanted) {
            *left -= size;
            content_base64 = Some(read(&source, size).map_err(|error| failed(&error))?);
        }
    }
    Ok(FileOut {
        mime: mime_guess::from_path(&file.path).first_raw().map(str::to_owned),
        path: file.path,
        size_bytes: file.size_bytes,
        sha256: file.sha256,
        content_base64,
        error,
    })
}

/// Where a file of this path was put.
fn place(path: &str, wanted: &[DownloadSpec]) -> Option<PathBuf> {
    let path = clean(Path::new(path));
    wanted.iter().find_map(|spec| {
        let rest = path.strip_prefix(clean(&spec.source)).ok()?;
        Some(if rest.as_os_str().is_empty() { spec.target.clone() } else { spec.target.join(rest) })
    })
}

fn clean(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

fn read(source: &Path, size: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(source)?.take(size).read_to_end(&mut bytes)?;
    Ok(STANDARD.encode(bytes))
}

fn failed(error: &io::Error) -> Failure {
    tracing::error!(%error, "files of a run cannot be kept");
    Failure::internal()
}

fn too_much() -> ErrorBody {
    ErrorBody {
        code: api::ErrorCode::TooLarge,
        message: format!("the files of one answer may have {OUTPUT_BYTES_MAX} bytes"),
        hint: Some("use a session, and read the file from it".to_owned()),
        retryable: false,
    }
}
