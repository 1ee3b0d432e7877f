//! A full disk: a small file system of the test's own, in a mount namespace of its own.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use api::{Outcome, RunId, RunKind, RunStatus};
use futures_util::stream;
use record::{
    BlobError, BlobSettings, Blobs, Closing, Location, NewRecord, Owner, Store, StoreError,
};
use serde_json::json;
use testkit::postgres::Postgres;

use crate::fixture::{TEMPLATES, TempDir, block_on, missing, record_of};

/// Names the mount point to the process that lives in the namespace.
const INSIDE: &str = "CELLBLOCK_TEST_FULL_DISK";

/// Executes one of the tests below, that does nothing otherwise, beside a small disk.
fn beside_a_small_disk(test: &str) {
    beside_a_disk(4, &["--user", "--map-root-user"], test);
}

/// The same with room for the files of a PostgreSQL, which may not be root's.
fn beside_postgres_disk(test: &str) {
    let unprivileged = ["--user", "--map-current-user", "--keep-caps"];
    let root = testkit::postgres::is_root();
    beside_a_disk(64, if root { &[] } else { &unprivileged }, test);
}

fn beside_a_disk(megabytes: u32, user: &[&str], test: &str) {
    let directory = TempDir::new();
    let mut unshare = Command::new("unshare");
    unshare.args(user).args(["--mount", "--propagation", "private"]);
    let mount = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$0\"");
    let script = format!("{mount} || exit 77; exec \"$@\"");
    let done = unshare
        .args(["sh", "-c", &script])
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

fn inside() -> Option<PathBuf> {
    std::env::var_os(INSIDE).map(Into::into)
}

/// Takes all the space there is, but for some.
fn fill(disk: &Path, leave: u64) -> PathBuf {
    let ballast = disk.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    let size = file.metadata().unwrap().len();
    file.set_len(size.saturating_sub(leave)).unwrap();
    ballast
}

/// One that takes much room, also where it is compressed.
fn large() -> NewRecord {
    let noise: String = (0..3000).map(|_| RunId::generate().to_string()).collect();
    NewRecord { request: Some(json!(noise)), ..record_of("a", RunKind::Run) }
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
        is_whole_or_refused(&store, ballast).await;
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
            // It does not come back where there is no space.
            let _ = tokio::time::timeout(Duration::from_millis(50), log.flush()).await;
            assert!(opened.len() < 1000, "the disk is not full");
        };
        assert!(matches!(error, StoreError::LogStuck { .. }), "{error:?}");
        assert!(log.is_stuck());
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

#[test]
fn records_in_postgres_are_whole_or_refused() {
    beside_postgres_disk("full::inside_postgres");
}

/// Its tables have no room; its log has.
#[test]
fn inside_postgres() {
    let Some(disk) = inside() else { return };
    let log = TempDir::new();
    let server = Postgres::start_with(&disk, Path::new(TEMPLATES), Some(log.path())).unwrap();
    let Some(server) = server else { return missing("PostgreSQL") };
    block_on(async {
        let store = Store::open(&Location::Postgres(server.url())).await.unwrap();
        let ballast = fill(&disk, 2_000_000);
        is_whole_or_refused(&store, ballast).await;
    });
}

#[test]
fn a_postgres_without_any_room_loses_nothing() {
    beside_postgres_disk("full::inside_postgres_log");
}

/// Nothing of it has room: it falls, and cannot get up before there is some.
#[test]
fn inside_postgres_log() {
    let Some(disk) = inside() else { return };
    let server = Postgres::start(&disk, Path::new(TEMPLATES)).unwrap();
    let Some(mut server) = server else { return missing("PostgreSQL") };
    block_on(async {
        let store = Store::open(&Location::Postgres(server.url())).await.unwrap();
        let ballast = fill(&disk, 6_000_000);
        let (acknowledged, (refused, error)) = until_refused(&store).await;
        assert!(error.is_transient(), "{error:?}");
        for _ in 0..20 {
            let again = store.enqueue(&large(), 1).await;
            assert!(again.is_err_and(|error| error.is_transient()));
        }
        std::fs::remove_file(ballast).unwrap();
        tokio::task::block_in_place(|| server.revive().unwrap());
        while let Err(error) = store.claim(&Owner::generate(), 9).await {
            assert!(error.is_transient(), "{error:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Whoever was not told that it is there does not care whether it is.
        let unknown = store.record("a", refused).await.unwrap();
        assert!(unknown.is_none_or(|record| record.status == RunStatus::Running));
        all_can_end(&store, acknowledged).await;
    });
}

/// Opens records while there is room, and more when there is some again.
async fn is_whole_or_refused(store: &Store, ballast: PathBuf) {
    let (acknowledged, (refused, error)) = until_refused(store).await;
    assert!(matches!(error, StoreError::NoSpace { .. }), "{error:?}");
    let body = error.body();
    assert!(body.hint.is_some() && body.retryable, "{body:?}");
    assert!(store.enqueue(&large(), 1).await.is_err());
    assert!(store.record("a", refused).await.unwrap().is_none());
    std::fs::remove_file(ballast).unwrap();
    all_can_end(store, acknowledged).await;
}

type Refused = (RunId, StoreError);

/// Opens records until one is refused.
async fn until_refused(store: &Store) -> (Vec<RunId>, Refused) {
    let mut acknowledged = Vec::new();
    loop {
        let new = large();
        match store.open_run(&new).await {
            Ok(()) => acknowledged.push(new.run_id),
            Err(error) => return (acknowledged, (new.run_id, error)),
        }
        assert!(acknowledged.len() < 2000, "the disk is not full");
    }
}

/// What was acknowledged is there and can end, and more can be begun.
async fn all_can_end(store: &Store, acknowledged: Vec<RunId>) {
    assert!(acknowledged.len() > 2);
    for run_id in acknowledged {
        let closing = Closing::ended(Outcome::Exited { code: 0 });
        store.close_run(run_id, &closing, None).await.unwrap();
        let record = store.record("a", run_id).await.unwrap().unwrap();
        assert_eq!(record.status, RunStatus::Success);
    }
    store.open_run(&record_of("a", RunKind::Run)).await.unwrap();
    assert!(store.claim(&Owner::generate(), 9).await.unwrap().is_empty());
}
