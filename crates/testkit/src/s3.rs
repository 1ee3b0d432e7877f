//! An S3 server of a test's own.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// The bucket that it begins with.
pub const BUCKET: &str = "blobs";

/// A server that goes when it is dropped.
#[derive(Debug)]
pub struct S3 {
    child: Child,
    port: u16,
}

impl S3 {
    /// Starts one that keeps its files in a directory; none where SeaweedFS is not installed.
    /// It takes a while until it answers.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(directory: &Path) -> Result<Option<Self>> {
        let Some(program) = program() else { return Ok(None) };
        let log = fs::File::create(directory.join("log")).context("cannot write its log")?;
        let [port, master, volume, filer, web, admin] = free_ports();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(["mini", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"])
            .arg(format!("-bucket={BUCKET}"))
            .arg(format!("-dir={}", directory.display()))
            .arg(format!("-s3.port={port}"))
            .arg(format!("-master.port={master}"))
            .arg(format!("-volume.port={volume}"))
            .arg(format!("-filer.port={filer}"))
            .arg(format!("-webdav.port={web}"))
            .arg(format!("-admin.port={admin}"))
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.port.https=0"])
            .current_dir(directory)
            .env("AWS_ACCESS_KEY_ID", "admin")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the S3 server")?;
        Ok(Some(Self { child, port }))
    }

    /// The env vars by which its clients find it.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let options = [
            ("AWS_ACCESS_KEY_ID", "admin"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ];
        options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
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
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let first = 20_000 + u16::try_from(std::process::id() % 20_000).unwrap_or_default();
    let mut free = (first..).filter(|port| is_free(port) && is_free(&(port + 10_000)));
    std::array::from_fn(|_| free.next().unwrap_or_default())
}

fn program() -> Option<PathBuf> {
    let named = env::var_os("CELLBLOCK_TEST_WEED").map(PathBuf::from);
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/weed/bin/weed");
    let installed = PathBuf::from("/usr/local/lib/cellblock-tools/bin/weed");
    [named, Some(here), Some(installed)].into_iter().flatten().find(|path| path.exists())
}
