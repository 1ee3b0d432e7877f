//! Files that a run hands back, kept beside its record: blobs that it names by digest.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::Path,
};

use ::record::{
    ARTIFACT_BYTES_MAX, ARTIFACT_NAME_BYTES_MAX, ARTIFACTS_BYTES_MAX, ARTIFACTS_MAX, BlobDigest,
    BlobError, Blobs,
};
use api::{ArtifactInfo, ErrorBody, ErrorCode, with_causes};

use crate::session::mime_of;

/// What a file is whose name does not tell.
const ANY_TYPE: &str = "application/octet-stream";

/// What is kept of a run's files. What cannot be kept is told, and changes nothing else.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Nowhere where no record is kept, and after the first failure: the next would only
    /// take its time as well.
    blobs: Option<Blobs>,
    artifacts: Vec<ArtifactInfo>,
    bytes: u64,
    left_out: u64,
    failed: Option<ErrorBody>,
}

impl Kept {
    /// Nothing so far.
    pub(crate) fn among(blobs: Blobs) -> Self {
        Self { blobs: Some(blobs), ..Self::default() }
    }

    /// Keeps a file that was brought out.
    pub(crate) async fn keep(&mut self, name: &str, size_bytes: u64, file: &mut File) {
        let Some(blobs) = &self.blobs else { return };
        if self.artifacts.iter().any(|artifact| artifact.name == name) {
            return;
        }
        if !self.fits(name, size_bytes) {
            self.left_out += 1;
            return;
        }
        match put(blobs, file).await {
            Ok(digest) => {
                self.bytes += digest.size_bytes;
                self.artifacts.push(ArtifactInfo {
                    name: name.to_owned(),
                    sha256: digest.sha256,
                    size_bytes: digest.size_bytes,
                    media_type: mime_of(Path::new(name)).unwrap_or(ANY_TYPE).to_owned(),
                });
            }
            Err(error) => {
                // The causes may name places of the operator's, and the record is its caller's.
                tracing::error!(error = with_causes(&error), "what a run left is not kept");
                let body = error.body();
                let message = format!("what the run left is not kept: {}", body.message);
                self.failed = Some(ErrorBody { message, ..body });
                self.blobs = None;
            }
        }
    }

    fn fits(&self, name: &str, size_bytes: u64) -> bool {
        self.artifacts.len() < ARTIFACTS_MAX
            && size_bytes <= ARTIFACT_BYTES_MAX
            && self.bytes.saturating_add(size_bytes) <= ARTIFACTS_BYTES_MAX
            && name.len() <= ARTIFACT_NAME_BYTES_MAX
    }

    /// What is kept, and why not more.
    pub(super) fn finish(self) -> (Vec<ArtifactInfo>, Option<ErrorBody>) {
        let left_out = self.left_out;
        let message = || {
            let size = ARTIFACT_BYTES_MAX >> 20;
            format!(
                "{left_out} files were left out of the record: at most {ARTIFACTS_MAX} files of \
                 {size} MiB each are kept"
            )
        };
        let too_much = (left_out > 0).then(|| ErrorBody {
            code: ErrorCode::TooLarge,
            message: message(),
            hint: None,
            retryable: false,
        });
        (self.artifacts, self.failed.or(too_much))
    }
}

/// Puts a file among the blobs, as it was written.
async fn put(blobs: &Blobs, file: &mut File) -> Result<BlobDigest, BlobError> {
    blobs.put_bytes(read(file).map_err(BlobError::Source)?).await
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(ARTIFACT_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}
