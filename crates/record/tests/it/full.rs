//! A full disk: a small file system of the test's own, in a mount namespace of its own.

use std::{io::Write, path::Path, process::Command};

use api::{Outcome, RunKind, RunStatus};
use futures_util::stream;
use record::{BlobError, BlobSettings, Blobs, Closing, Location, NewRecord, Store, StoreError};
use serde_json::json;

use crate::fixture::{TempDir, block_on, missing, record_of};

/// Names the mount point to the process that lives in the namespace.
const INSIDE: &str = "CELLBLOCK_TEST_FULL_DISK";

/// Executes one of the tests below, that does nothing otherwise, beside a small disk.
fn beside_a_small_disk(test: &str) {
    let directory = TempDir::new();
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--propagation", "private"]);
    let script = "mount -t tmpfs -o size=4m tmpfs \"$0\" || exit 77; exec \"$@\"";
    let done = unshare
        .args(["sh", "-c", script])
        .arg(directory.path())
        .arg(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, directory.path())
        .output();
    match done {
        Ok(done) if done.status.code() == Some(77) => missing("a file system of one's own"),
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        Err(_) => missing("unshare"),
    }
}

fn inside() -> Option<std::path::PathBuf> {
    std::env::var_os(INSIDE).map(Into::into)
}

/// Takes all the space there is, but for some.
fn fill(disk: &Path, leave: u64) -> std::path::PathBuf {
    let ballast = disk.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(leave)).unwrap();
    ballast
}

fn large() -> NewRecord {
    NewRecord { request: Some(json!("x".repeat(100_000))), ..record_of("a", RunKind::Run) }
}

#[test]
fn records_are_whole_or_refused() {
    beside_a_small_disk("full::inside_records");
}

#[test]
fn inside_records() {
    let Some(disk) = inside() else { return };
    block_on(async {
        let store = Store::open(&Location::File(disk.join("r.db"))).await.unwrap();
        let ballast = fill(&disk, 600_000);
        let mut acknowledged = Vec::new();
        let (refused, error) = loop {
            let new = large();
            match store.open_run(&new).await {
                Ok(()) => acknowledged.push(new.run_id),
                Err(error) => break (new.run_id, error),
            }
            assert!(acknowledged.len() < 1000, "the disk is not full");
        };
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error:?}");
        let body = error.body();
        assert!(body.hint.is_some() && body.retryable, "{body:?}");
        assert!(store.enqueue(&large(), 1).await.is_err());
        assert!(store.record("a", refused).await.unwrap().is_none());
        std::fs::remove_file(ballast).unwrap();
        for run_id in acknowledged {
            let closing = Closing::ended(Outcome::Exited { code: 0 });
            store.close_run(run_id, &closing, None).await.unwrap();
            let record = store.record("a", run_id).await.unwrap().unwrap();
            assert_eq!(record.status, RunStatus::Success);
        }
        assert!(store.claim(&record::Owner::generate(), 9).await.unwrap().is_empty());
    });
}

#[test]
fn turns_are_refused_until_there_is_space() {
    beside_a_small_disk("full::inside_turns");
}

#[test]
fn inside_turns() {
    let Some(disk) = inside() else { return };
    block_on(async {
        let store = Store::open(&Location::File(disk.join("r.db"))).await.unwrap();
        let log = store.batch();
        let ballast = fill(&disk, 300_000);
        let mut opened = Vec::new();
        let error = loop {
            let new = large();
            match log.open(new.clone()).await {
                Ok(()) => opened.push(new.run_id),
                Err(error) => break error,
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            assert!(opened.len() < 1000, "the disk is not full");
        };
        assert!(matches!(error, StoreError::LogStuck { .. }), "{error:?}");
        // Those that were let in can still end, and are recorded when there is space.
        for run_id in &opened {
            log.close(*run_id, Closing::ended(Outcome::Exited { code: 0 })).await.unwrap();
        }
        std::fs::remove_file(ballast).unwrap();
        log.flush().await.unwrap();
        for run_id in opened {
            let record = store.record("a", run_id).await.unwrap().unwrap();
            assert_eq!(record.status, RunStatus::Success);
        }
        log.open(record_of("a", RunKind::Turn)).await.unwrap();
    });
}

#[test]
fn blobs_are_whole_or_refused() {
    beside_a_small_disk("full::inside_blobs");
}

#[test]
fn inside_blobs() {
    let Some(disk) = inside() else { return };
    let elsewhere = TempDir::new();
    block_on(async {
        let store = Store::open(&Location::File(elsewhere.path().join("r.db"))).await.unwrap();
        let blobs = Blobs::open(&BlobSettings::directory(disk.join("blobs")), &store).unwrap();
        // The one is held in memory, the other put aside first.
        for size in [5, 20] {
            let chunk = bytes::Bytes::from(vec![size; 1024 * 1024]);
            let all = stream::iter(std::iter::repeat_n(chunk, usize::from(size)).map(Ok));
            let put = blobs.put(all, u64::MAX).await;
            assert!(matches!(put, Err(BlobError::NoSpace { .. })), "{put:?}");
            assert_eq!(std::fs::read_dir(disk.join("blobs/spool")).unwrap().count(), 0);
        }
        let kept = blobs.put_bytes(vec![7; 2_000_000]).await.unwrap();
        assert_eq!(blobs.read(&kept.sha256, 2_000_000).await.unwrap(), vec![7; 2_000_000]);
    });
}
