//! Killed at any moment: what was acknowledged is there, ends once and truthfully, and
//! nothing is there that nobody asked for.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use api::{Outcome, RunKind};
use record::{Closed, Closing, Owner, Started, Store};

use crate::{
    fixture::{Place, block_on, missing, record_of},
    witness::{self, TENANT, Told, tell},
};

/// How often a process is killed for each database.
const KILLS: u32 = 40;

/// Names the place to the process that is killed.
const CHILD: &str = "CELLBLOCK_TEST_CRASH_CHILD";

/// The process that is killed: this test, executed once more.
#[test]
fn child() {
    let Ok(location) = std::env::var(CHILD) else { return };
    block_on(async {
        let store = Store::open(&record::Location::parse(&location).unwrap()).await.unwrap();
        tokio::join!(run_directly(&store), run_directly(&store), enqueue(&store), work(&store));
    });
}

async fn run_directly(store: &Store) {
    loop {
        let new = record_of(TENANT, RunKind::Run);
        tell("wanted", new.run_id);
        store.open_run(&new).await.unwrap();
        tell("opened", new.run_id);
        let closing = Closing::ended(Outcome::Exited { code: 0 });
        tell("closing", new.run_id);
        assert_eq!(store.close_run(new.run_id, &closing, None).await.unwrap(), Closed::Now);
        tell("closed", new.run_id);
    }
}

async fn enqueue(store: &Store) {
    loop {
        let new = record_of(TENANT, RunKind::Project);
        tell("wanted", new.run_id);
        match store.enqueue(&new, 1).await {
            Ok(_) => tell("queued", new.run_id),
            Err(record::StoreError::QueueFull { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

async fn work(store: &Store) {
    let owner = Owner::generate();
    loop {
        for claim in store.claim(&owner, 2).await.unwrap() {
            tell("starting", claim.run_id);
            let started = store.start_run(&claim.fence).await.unwrap();
            assert!(matches!(started, Started::Now { .. }), "{started:?}");
            tell("started", claim.run_id);
            let closing = Closing::ended(Outcome::Exited { code: 0 });
            tell("closing", claim.run_id);
            let closed = store.close_run(claim.run_id, &closing, Some(&claim.fence)).await;
            assert_eq!(closed.unwrap(), Closed::Now);
            tell("closed", claim.run_id);
        }
    }
}

fn kill_one(location: &str, told: &mut Told, moment: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, location)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut early = Vec::new();
    for line in lines.by_ref() {
        early.push(line.unwrap());
        if early.last().unwrap().contains(" opened ") {
            break;
        }
    }
    let reader = std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>());
    std::thread::sleep(moment);
    assert!(child.try_wait().unwrap().is_none(), "it ended by itself: {early:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    witness::note(early.into_iter().chain(reader.join().unwrap()), told);
}

fn kill_many(place: &Place) {
    let location = place.text();
    let mut told = Told::new();
    let store = block_on(async { place.open().await });
    drop(store);
    for index in 0..witness::kills(KILLS) {
        // Spread over what a run takes, and over a checkpoint now and then.
        let moment = Duration::from_micros(u64::from(index) * 7919 % 60_000);
        kill_one(&location, &mut told, moment);
        block_on(async {
            place.expire().await;
            let store = place.open().await;
            store.settle_expired().await.unwrap();
            store.close().await;
        });
    }
    block_on(async {
        let store = place.open().await;
        let found = witness::all(&store).await;
        let ended = found.values().filter(|status| status.is_final()).count();
        eprintln!("{} runs told of, {} there, {ended} ended", told.len(), found.len());
        assert!(ended > 0);
        store.close().await;
        witness::judge(place, &told).await;
    });
}

#[test]
fn a_killed_process_loses_nothing_in_a_file() {
    kill_many(&Place::file());
}

#[test]
fn a_killed_process_loses_nothing_in_postgres() {
    match Place::postgres() {
        Some(place) => kill_many(&place),
        None => missing("PostgreSQL"),
    }
}
