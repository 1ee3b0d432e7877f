//! Killed at any moment: what was acknowledged is there, ends once and truthfully, and
//! nothing is there that nobody asked for.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use api::{Outcome, RunId, RunKind, RunStatus};
use record::{Closed, Closing, Filter, Owner, Started, Store};

use crate::fixture::{Place, block_on, missing, record_of};

/// How often a process is killed for each database; `CELLBLOCK_TEST_KILLS` has it more.
const KILLS: u32 = 60;

/// Names the place to the process that is killed.
const CHILD: &str = "CELLBLOCK_TEST_CRASH_CHILD";

const TENANT: &str = "a";

/// The process that is killed: this test, executed once more.
#[test]
fn child() {
    let Ok(location) = std::env::var(CHILD) else { return };
    block_on(async {
        let store = Store::open(&record::Location::parse(&location).unwrap()).await.unwrap();
        tokio::join!(run_directly(&store), run_directly(&store), enqueue(&store), work(&store));
    });
}

/// Tells the witness, before or after something is asked for.
fn tell(word: &str, run_id: RunId) {
    // Whoever is killed in the middle of a line has not told it.
    let line = format!("\nwitness {word} {run_id} .\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

async fn run_directly(store: &Store) {
    loop {
        let new = record_of(TENANT, RunKind::Run);
        tell("wanted", new.run_id);
        store.open_run(&new).await.unwrap();
        tell("opened", new.run_id);
        let closing = Closing::ended(Outcome::Exited { code: 0 });
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
            let closed = store.close_run(claim.run_id, &closing, Some(&claim.fence)).await;
            assert_eq!(closed.unwrap(), Closed::Now);
            tell("closed", claim.run_id);
        }
    }
}

/// What the witness was told of each run, in its order.
type Told = BTreeMap<RunId, HashSet<String>>;

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
    for line in early.into_iter().chain(reader.join().unwrap()) {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["witness", word, id, "."] = words[..] {
            told.entry(id.parse().unwrap()).or_default().insert(word.to_owned());
        }
    }
}

/// What was told of a run against what its record says.
fn check(told: &HashSet<String>, status: Option<RunStatus>) {
    let was = |word: &str| told.contains(word);
    let acknowledged = was("opened") || was("queued") || was("starting");
    let Some(status) = status else {
        assert!(!acknowledged, "a run is missing of which was told: {told:?}");
        return;
    };
    match status {
        RunStatus::Success => assert!(was("opened") || was("started") || was("starting")),
        RunStatus::Lost => assert!(!was("closed"), "it ended well: {told:?}"),
        RunStatus::Pending => assert!(!was("started") && !was("closed"), "{told:?}"),
        other => panic!("{other}: {told:?}"),
    }
    assert!(!was("closed") || status == RunStatus::Success, "{status}: {told:?}");
}

async fn all(store: &Store) -> BTreeMap<RunId, RunStatus> {
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

fn kill_many(place: &Place) {
    let location = match &place.location {
        record::Location::File(path) => path.to_str().unwrap().to_owned(),
        record::Location::Postgres(url) => url.clone(),
    };
    let kills = std::env::var("CELLBLOCK_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    let mut told = Told::new();
    let store = block_on(async { place.open().await });
    drop(store);
    for index in 0..kills.unwrap_or(KILLS) {
        // Spread over what a run takes, and over a checkpoint now and then.
        let moment = Duration::from_micros(u64::from(index) * 7919 % 60_000);
        kill_one(&location, &mut told, moment);
        block_on(async {
            place.sql("UPDATE queue SET lease_until = 0").await;
            place.sql("UPDATE owners SET lease_until = 0").await;
            let store = place.open().await;
            store.settle_expired().await.unwrap();
            store.close().await;
        });
    }
    block_on(async {
        let store = place.open().await;
        let found = all(&store).await;
        assert!(found.keys().all(|id| told.contains_key(id)), "nobody asked for one");
        for (id, told) in &told {
            check(told, found.get(id).copied());
        }
        let ended = found.values().filter(|status| status.is_final()).count();
        eprintln!("{} runs told of, {} there, {ended} ended", told.len(), found.len());
        assert!(ended > 0);
        // What still waits can be carried out.
        for claim in store.claim(&Owner::generate(), 64).await.unwrap() {
            let started = store.start_run(&claim.fence).await.unwrap();
            assert_eq!(started, Started::Now { attempt: 1 });
        }
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

async fn run_in_spite_of_crashes(store: Store, told: Arc<Mutex<Vec<(RunId, bool)>>>) {
    loop {
        let new = record_of(TENANT, RunKind::Run);
        if store.open_run(&new).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        }
        let closing = Closing::ended(Outcome::Exited { code: 0 });
        let closed = store.close_run(new.run_id, &closing, None).await.is_ok();
        told.lock().unwrap().push((new.run_id, closed));
    }
}

/// The database's own death: clients go on with it as soon as it is back.
#[test]
fn a_killed_postgres_loses_nothing() {
    let Some(place) = Place::postgres() else { return missing("PostgreSQL") };
    block_on(async {
        let store = place.open().await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let clients: Vec<_> = (0..4)
            .map(|_| tokio::spawn(run_in_spite_of_crashes(store.clone(), Arc::clone(&told))))
            .collect();
        let mut before = 0;
        for _ in 0..4 {
            // Some more have to succeed each time.
            while told.lock().unwrap().len() < before + 50 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let server = place.server.as_ref().unwrap();
            tokio::task::block_in_place(|| server.lock().unwrap().crash());
            before = told.lock().unwrap().len();
        }
        for client in clients {
            client.abort();
        }
        let found = all(&store).await;
        for (id, closed) in told.lock().unwrap().iter() {
            let status = found.get(id).unwrap_or_else(|| panic!("{id} is missing"));
            assert!(!closed || *status == RunStatus::Success, "{status}");
        }
    });
}
