//! An S3 server of a test's own.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use record::{BlobLocation, BlobSettings};

use crate::fixture::TempDir;

/// How long the server may take to come up on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);

const BUCKET: &str = "blobs";

/// A server that goes with its directory when it is dropped.
pub(crate) struct S3 {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl S3 {
    /// Starts one; none where SeaweedFS is not installed.
    pub(crate) fn start() -> Option<Self> {
        let program = program()?;
        let directory = TempDir::new();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let [port, master, volume, filer, web, admin] = free_ports();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
            .arg(format!("-bucket={BUCKET}"))
            .arg(format!("-dir={}", directory.path().display()))
            .arg(format!("-s3.port={port}"))
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-webdav.port={web}"))
            .arg(format!("-admin.port={admin}"))
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.port.https=0"])
            .current_dir(directory.path())
            .env("AWS_ACCESS_KEY_ID", "admin")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Some(Self { child, port, directory })
    }

    pub(crate) fn settings(&self) -> BlobSettings {
        let options = [
            ("AWS_ACCESS_KEY_ID", "admin"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("SHELL", "/bin/sh"),
        ];
        let mut options: Vec<(String, String)> =
            options.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        options.push(("AWS_ENDPOINT_URL".to_owned(), endpoint));
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
            assert!(self.child.try_wait().unwrap().is_none(), "the S3 server ended");
            assert!(Instant::now() < deadline, "the S3 server did not come up");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that nobody listens at, at the moment. Its gRPC ports lie 10,000 above.
fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let mut found = Vec::new();
    for port in 20_000 + u16::try_from(std::process::id() % 20_000).unwrap().. {
        let free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            found.push(port);
        }
        if found.len() == COUNT {
            break;
        }
    }
    found.try_into().unwrap()
}

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("CELLBLOCK_TEST_WEED").map(PathBuf::from);
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/weed/bin/weed");
    let installed = PathBuf::from("/usr/local/lib/cellblock-tools/bin/weed");
    [named, Some(here), Some(installed)].into_iter().flatten().find(|path| path.exists())
}
