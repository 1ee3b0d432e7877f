//! PostgreSQL killed under its clients, whole or one backend of it: what was acknowledged
//! is there, ends once and truthfully, and clients go on as soon as it is back.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use api::{Outcome, RunId, RunKind};
use record::{Claim, Closed, Closing, Filter, Owner, Settings, Started, Store, StoreError};
use testkit::postgres::Postgres;
use tokio::time::sleep;

use crate::{
    fixture::{Place, block_on, missing, record_of},
    points::{chosen, counts, killed_at, traced},
    walk::Walk,
    witness::{self, TENANT, Told, judge},
};

/// How often the whole server is killed, and how often one backend.
const CRASHES: u32 = 4;
const KILLS: u32 = 6;

/// Runs that have to end well between two crashes.
const RUNS_BETWEEN: usize = 50;

/// How long clients wait before they try again.
const WAIT: Duration = Duration::from_millis(10);

/// How long `strace` may take to attach itself.
const ATTACH_MAX: Duration = Duration::from_secs(20);

/// By which a backend reads what is asked, writes what becomes durable, and answers.
const ON_BACKENDS: &[&str] = &["recvfrom", "pwrite64", "sendto"];

/// A witness of this process's own threads.
#[derive(Clone, Default)]
struct Witness(Arc<Mutex<Told>>);

impl Witness {
    fn tell(&self, word: &str, run_id: RunId) {
        self.0.lock().unwrap().entry(run_id).or_default().insert(word.to_owned());
    }

    fn closed(&self) -> usize {
        self.0.lock().unwrap().values().filter(|told| told.contains("closed")).count()
    }

    fn told(&self) -> Told {
        self.0.lock().unwrap().clone()
    }
}

fn ended() -> Closing {
    Closing::ended(Outcome::Exited { code: 0 })
}

/// What failed has to be such that the same may succeed later.
async fn passes<T>(done: Result<T, StoreError>) -> Option<T> {
    if let Err(error) = &done {
        assert!(error.is_transient(), "{error:?}");
        sleep(WAIT).await;
    }
    done.ok()
}

async fn run_directly(store: Store, witness: Witness) {
    loop {
        let new = record_of(TENANT, RunKind::Run);
        witness.tell("wanted", new.run_id);
        if passes(store.open_run(&new).await).await.is_some() {
            witness.tell("opened", new.run_id);
            witness.tell("closing", new.run_id);
            if passes(store.close_run(new.run_id, &ended(), None).await).await.is_some() {
                witness.tell("closed", new.run_id);
            }
        }
    }
}

async fn enqueue(store: Store, witness: Witness) {
    loop {
        let new = record_of(TENANT, RunKind::Project);
        witness.tell("wanted", new.run_id);
        if passes(store.enqueue(&new, 1).await).await.is_some() {
            witness.tell("queued", new.run_id);
        }
    }
}

async fn work(store: Store, witness: Witness) {
    let owner = Owner::generate();
    loop {
        for claim in passes(store.claim(&owner, 2).await).await.unwrap_or_default() {
            carry(&store, &witness, &claim).await;
        }
    }
}

async fn carry(store: &Store, witness: &Witness, claim: &Claim) {
    witness.tell("starting", claim.run_id);
    if let Some(Started::Now { .. }) = passes(store.start_run(&claim.fence).await).await {
        witness.tell("started", claim.run_id);
        witness.tell("closing", claim.run_id);
        let closed = store.close_run(claim.run_id, &ended(), Some(&claim.fence)).await;
        if passes(closed).await == Some(Closed::Now) {
            witness.tell("closed", claim.run_id);
        }
    }
}

#[test]
fn a_killed_postgres_loses_nothing() {
    let Some(place) = Place::postgres() else { return missing("PostgreSQL") };
    block_on(async {
        let store = place.open().await;
        let witness = Witness::default();
        let with = || (store.clone(), witness.clone());
        let mut clients = tokio::task::JoinSet::new();
        for (store, witness) in [with(), with()] {
            clients.spawn(run_directly(store, witness));
        }
        let [(first, of_first), (second, of_second)] = [with(), with()];
        clients.spawn(enqueue(first, of_first));
        clients.spawn(work(second, of_second));
        for crash in 0..witness::kills(CRASHES) {
            let before = witness.closed();
            while witness.closed() < before + RUNS_BETWEEN {
                assert!(clients.try_join_next().is_none(), "a client has ended");
                sleep(WAIT).await;
            }
            sleep(Duration::from_micros(u64::from(crash) * 7919 % 20_000)).await;
            let server = place.server.as_ref().unwrap();
            tokio::task::block_in_place(|| server.lock().unwrap().crash().unwrap());
        }
        clients.shutdown().await;
        store.close().await;
        judge(&place, &witness.told()).await;
    });
}

/// `strace` attached to the backends of a store.
struct Tracer(Child);

impl Tracer {
    fn attach(server: &Postgres, place: &Place, options: &[String]) -> Self {
        let said = place.directory.path().join("attached");
        let mut strace = Command::new("strace");
        strace.arg("-f").args(options.iter().flat_map(|option| ["-e", option]));
        strace.arg("-o").arg(place.directory.path().join("trace"));
        strace.args(server.backends().iter().flat_map(|pid| ["-p".to_owned(), pid.to_string()]));
        strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&said).unwrap());
        let strace = strace.spawn().unwrap();
        let deadline = Instant::now() + ATTACH_MAX;
        while !fs::read_to_string(&said).unwrap().contains("attached") {
            assert!(Instant::now() < deadline, "{}", fs::read_to_string(&said).unwrap());
            std::thread::sleep(WAIT);
        }
        Self(strace)
    }

    /// Lets go, if nothing is killed; gives what was written down.
    fn end(mut self, place: &Place, is_alive: bool) -> String {
        let pid = self.0.id().to_string();
        // Where its backend is gone, it ends by itself when it has written that down.
        if is_alive {
            let _ = Command::new("kill").arg(&pid).stderr(Stdio::null()).status();
        }
        self.0.wait().unwrap();
        fs::read_to_string(place.directory.path().join("trace")).unwrap()
    }
}

/// Walks while something is done to the one backend that serves it; gives what `strace`
/// wrote down.
async fn walk_beside(server: &Mutex<Postgres>, place: &Place, options: &[String]) -> String {
    let one = Settings { connections_max: 1, ..Settings::default() };
    let (store, witness) = (place.open_with(one).await, Witness::default());
    store.list(TENANT, &Filter::default()).await.unwrap();
    let traced = {
        let server = server.lock().unwrap();
        assert_eq!(server.backends().len(), 1);
        Tracer::attach(&server, place, options)
    };
    let tell = |word: &str, run_id| witness.tell(word, run_id);
    let walked = Walk::new(&store, place.directory.path(), &tell).go().await;
    let trace = traced.end(place, walked.is_ok());
    let was_killed = trace.contains("killed by SIGKILL");
    assert!(was_killed || walked.is_ok(), "{walked:?}");
    server.lock().unwrap().revive().unwrap();
    if let Some(error) = walked.as_ref().err().and_then(|error| error.downcast_ref::<StoreError>())
    {
        assert!(error.is_transient(), "{error:?}");
    }
    store.close().await;
    judge(place, &witness.told()).await;
    trace
}

#[test]
fn a_backend_that_is_killed_at_a_point_loses_nothing() {
    let Some(server) = Place::postgres() else { return missing("PostgreSQL") };
    if Command::new("strace").arg("--version").output().is_err() {
        return missing("strace");
    }
    block_on(async {
        let running = server.server.as_ref().unwrap();
        let place = server.new_database(0).await;
        let trace = walk_beside(running, &place, &[traced(ON_BACKENDS)]).await;
        let points = chosen(&counts(&trace), witness::kills(KILLS));
        let mut killed = 0;
        for (number, point) in (1..).zip(&points) {
            let place = server.new_database(number).await;
            let trace = walk_beside(running, &place, &killed_at(point)).await;
            killed += usize::from(trace.contains("killed by SIGKILL"));
        }
        eprintln!("killed at {killed} of {} points", points.len());
        assert!(killed * 2 > points.len());
    });
}
