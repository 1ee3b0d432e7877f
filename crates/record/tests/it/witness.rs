//! Who is told what is asked for and what was acknowledged, outlives whoever is killed,
//! and says whether the records are true.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::{IoSlice, Write},
    os::fd::AsFd,
};

use api::{Outcome, RunId, RunStatus};
use record::{BlobSettings, Blobs, Closed, Closing, Filter, Owner, Started, Store};

use crate::fixture::Place;

/// Whose all the runs are.
pub(crate) const TENANT: &str = "a";

/// Stands before the digest of what was kept for a run.
const KEPT: &str = "kept:";

/// What the witness was told of each run.
pub(crate) type Told = BTreeMap<RunId, HashSet<String>>;

/// How often something is killed; `CELLBLOCK_TEST_KILLS` has it more.
pub(crate) fn kills(usual: u32) -> u32 {
    let asked = std::env::var("CELLBLOCK_TEST_KILLS").ok();
    asked.map_or(usual, |text| text.parse().expect("CELLBLOCK_TEST_KILLS is a number"))
}

/// Tells the witness of another process, before or after something is asked for.
pub(crate) fn tell(word: &str, run_id: RunId) {
    // Whoever is killed in the middle of a line has not told it.
    let line = format!("\nwitness {word} {run_id} .\n");
    let mut stdout = File::from(std::io::stdout().as_fd().try_clone_to_owned().unwrap());
    // A system call that nothing else here makes: to be killed at it is to be killed
    // between two steps.
    let told = stdout.write_vectored(&[IoSlice::new(line.as_bytes())]).unwrap();
    assert_eq!(told, line.len());
}

/// Notes what another process has told.
pub(crate) fn note(lines: impl IntoIterator<Item = String>, told: &mut Told) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["witness", word, id, "."] = words[..] {
            told.entry(id.parse().unwrap()).or_default().insert(word.to_owned());
        }
    }
}

/// What is kept for a run.
pub(crate) fn bytes_for(run_id: RunId) -> Vec<u8> {
    run_id.to_string().repeat(1000).into_bytes()
}

/// The word that tells of it.
pub(crate) fn kept(sha256: &str) -> String {
    format!("{KEPT}{sha256}")
}

/// Every run of the tenant's.
pub(crate) async fn all(store: &Store) -> BTreeMap<RunId, RunStatus> {
    let mut filter = Filter { limit: 500, ..Filter::default() };
    let mut found = BTreeMap::new();
    loop {
        let page = store.list(TENANT, &filter).await.unwrap();
        found.extend(page.records.iter().map(|record| (record.run_id, record.status)));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            return found;
        }
    }
}

/// What was told against what the records say, of all runs.
pub(crate) fn check_all(told: &Told, found: &BTreeMap<RunId, RunStatus>) {
    assert!(found.keys().all(|id| told.contains_key(id)), "nobody asked for one");
    for (id, told) in told {
        check(told, found.get(id).copied());
    }
}

/// The same of one run.
fn check(told: &HashSet<String>, status: Option<RunStatus>) {
    let was = |word: &str| told.contains(word);
    let acknowledged = was("opened") || was("queued") || was("starting");
    let Some(status) = status else {
        assert!(!acknowledged, "a run is missing of which was told: {told:?}");
        return;
    };
    match status {
        RunStatus::Success => assert!(was("closing"), "nobody ended it: {told:?}"),
        RunStatus::Lost => assert!(!was("closed"), "it ended well: {told:?}"),
        RunStatus::Pending => assert!(!was("started") && !was("closed"), "{told:?}"),
        RunStatus::Cancelled => assert!(was("cancelling"), "nobody took it back: {told:?}"),
        other => panic!("{other}: {told:?}"),
    }
    assert!(!was("closed") || status == RunStatus::Success, "{status}: {told:?}");
    assert!(!was("cancelled") || status == RunStatus::Cancelled, "{status}: {told:?}");
}

/// Judges a place at which everybody is dead, and carries out what waits there.
pub(crate) async fn judge(place: &Place, told: &Told) {
    let store = place.open_when_up().await;
    place.expire().await;
    store.settle_expired().await.unwrap();
    check_all(told, &all(&store).await);
    check_blobs(place, &store, told).await;
    if place.is_file() {
        assert_eq!(place.ask("PRAGMA integrity_check").await, "ok");
    }
    finish(&store).await;
    assert!(all(&store).await.values().all(|status| status.is_final()));
    for table in ["queue", "runs WHERE owner IS NOT NULL"] {
        let count = format!("SELECT CAST(COUNT(*) AS TEXT) FROM {table}");
        assert_eq!(place.ask(&count).await, "0", "{table}");
    }
    store.close().await;
}

/// What was kept is there, and what was not can be kept after all.
async fn check_blobs(place: &Place, store: &Store, told: &Told) {
    let directory = place.directory.path().join("blobs");
    let blobs = Blobs::open(&BlobSettings::directory(directory), store).unwrap();
    for (run_id, told) in told.iter().filter(|(_, told)| told.contains("keeping")) {
        let bytes = bytes_for(*run_id);
        if let Some(sha256) = told.iter().find_map(|word| word.strip_prefix(KEPT)) {
            assert_eq!(blobs.read(sha256, bytes.len() as u64).await.unwrap(), bytes);
            let record = store.record(TENANT, *run_id).await.unwrap();
            let artifacts = record.map(|record| record.artifacts).unwrap_or_default();
            let refers = artifacts.iter().any(|artifact| artifact.sha256 == sha256);
            assert!(refers || !told.contains("closed"), "{told:?}");
        }
        let again = blobs.put_bytes(bytes.clone()).await.unwrap();
        assert_eq!(blobs.read(&again.sha256, bytes.len() as u64).await.unwrap(), bytes);
    }
}

/// Carries out what still waits.
async fn finish(store: &Store) {
    let owner = Owner::generate();
    loop {
        let claims = store.claim(&owner, 64).await.unwrap();
        if claims.is_empty() {
            return;
        }
        for claim in claims {
            let started = store.start_run(&claim.fence).await.unwrap();
            assert_eq!(started, Started::Now { attempt: 1 });
            let closing = Closing::ended(Outcome::Exited { code: 0 });
            let closed = store.close_run(claim.run_id, &closing, Some(&claim.fence)).await;
            assert_eq!(closed.unwrap(), Closed::Now);
        }
    }
}
