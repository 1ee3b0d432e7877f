//! An S3 server, and blobs in it.

use std::time::{Duration, Instant};

use record::{BlobLocation, BlobSettings};
use testkit::s3::{BUCKET, S3};

use crate::fixture::TempDir;

/// How long the server may take to come up on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);

/// A server with its directory, which goes after it.
pub(crate) struct Server {
    s3: S3,
    directory: TempDir,
}

impl Server {
    /// Starts one; none where SeaweedFS is not installed.
    pub(crate) fn start() -> Option<Self> {
        let directory = TempDir::new();
        let s3 = S3::start(directory.path()).unwrap()?;
        Some(Self { s3, directory })
    }

    pub(crate) fn settings(&self) -> BlobSettings {
        let mut options = self.s3.options();
        options.push(("SHELL".to_owned(), "/bin/sh".to_owned()));
        BlobSettings {
            location: BlobLocation::parse(&format!("s3://{BUCKET}/some/prefix")).unwrap(),
            options,
            spool: self.directory.path().join("spool"),
        }
    }

    /// Waits until something works.
    pub(crate) async fn wait<F: Future<Output = bool>>(&mut self, works: impl Fn() -> F) {
        let deadline = Instant::now() + START_MAX;
        while !works().await {
            assert!(self.s3.is_running(), "the S3 server ended");
            assert!(Instant::now() < deadline, "the S3 server did not come up");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
