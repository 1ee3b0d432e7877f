//! Workers that are killed in the middle of runs, while others share their records.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::postgres::{self, Postgres};

use crate::{
    fixture::{Before, PATIENCE, Server, StateDir, program},
    mcp::are_told_as_failed,
    repository,
};

/// Long enough that nobody sees its end.
const LONG: &str = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n";
const SHORT: &str = "import time\nprint('begun', flush=True)\ntime.sleep(1)\nresult = {'n': 1}\n";

const LATE: &str = "import time\nprint('begun', flush=True)\ntime.sleep(4)\nresult = {'n': 1}\n";

/// Short runs that wait behind the long ones.
const SHORT_RUNS: usize = 8;
/// Runs of each worker at once, all of which are long at first.
const SLOTS: usize = 2;

/// The shortest that there is.
const LEASE: (&str, &str) = ("CELLBLOCK_LEASE", "5s");

/// Records that several processes share, and what they are told.
struct Shared {
    state: StateDir,
    database: String,
}

impl Shared {
    fn new(state: StateDir, database: String) -> Self {
        let shared = Self { state, database };
        let repository = shared.state.path("repository");
        let models = [("model/long.py", LONG), ("model/short.py", SHORT), ("model/late.py", LATE)];
        repository::make(&repository, &models);
        shared.told(&["project", "add", "p", repository.to_str().unwrap()]);
        shared
    }

    fn command(&self, words: &[&str]) -> Command {
        let slots = SLOTS.to_string();
        let vars = [LEASE, ("CELLBLOCK_DATABASE", &self.database), ("CELLBLOCK_WORKERS", &slots)];
        let mut command = program(&self.state, &vars);
        command.args(words).arg("--state-dir").arg(self.state.path("state"));
        command.stdin(Stdio::null());
        command
    }

    #[track_caller]
    fn told(&self, words: &[&str]) -> Value {
        let done = self.command(words).arg("--json").output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        serde_json::from_slice(&done.stdout).unwrap()
    }

    fn enqueue(&self, model: &str) -> String {
        let queued = self.told(&["runs", "run", "p", "--model", model, "--detach"]);
        queued["run_id"].as_str().unwrap().to_owned()
    }

    /// What the records say of each run.
    fn runs(&self) -> BTreeMap<String, Value> {
        let listed = self.told(&["runs", "list", "-n", "100"]);
        let records = listed["records"].as_array().unwrap().clone();
        let id = |record: &Value| record["run_id"].as_str().unwrap().to_owned();
        records.into_iter().map(|record| (id(&record), record)).collect()
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_so: impl Fn(&BTreeMap<String, Value>) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let runs = self.runs();
            if is_so(&runs) {
                return;
            }
            assert!(Instant::now() < deadline, "in vain: {what}: {runs:#?}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// Lets another process take a run, and waits until it has started.
    fn begin(&self, model: &str) -> String {
        let id = self.enqueue(model);
        self.wait_for("the run has begun", |runs| runs[&id]["status"] == "running");
        id
    }

    /// A run was ended with the process that carried it out, and its record says so.
    #[track_caller]
    fn is_told_as_cut_off(&self, id: &str) {
        let run = &self.runs()[id];
        assert_eq!(run["status"], "cancelled", "{run:#}");
        let message = run["error"]["message"].as_str().unwrap();
        assert!(message.contains("was told to end"), "{run:#}");
    }

    fn server(&self, drain_timeout: &str) -> Server {
        let slots = SLOTS.to_string();
        let vars = [
            ("CELLBLOCK_DATABASE", self.database.as_str()),
            ("CELLBLOCK_WORKERS", &slots),
            ("CELLBLOCK_DRAIN_TIMEOUT", drain_timeout),
        ];
        Server::start(&self.state, &vars)
    }

    fn worker(&self) -> Worker {
        let mut command = self.command(&["worker"]);
        let log = self.state.path("worker.log");
        let log = fs::File::options().create(true).append(true).open(log).unwrap();
        Worker(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }
}

/// A worker of a process of its own.
struct Worker(Child);

impl Worker {
    /// Kills it; gives its process id.
    fn kill(mut self) -> u32 {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        self.0.id()
    }

    fn tell_to_end(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    fn end(mut self) {
        self.tell_to_end();
        assert_eq!(self.0.wait().unwrap().code(), Some(0));
    }
}

fn count(runs: &BTreeMap<String, Value>, status: &str) -> usize {
    runs.values().filter(|run| run["status"] == status).count()
}

/// Two workers are killed one after the other, the third is left alone: what had started
/// is lost, what had not is carried out once, and each has one end.
fn nothing_is_lost_or_repeated(shared: &Shared, before: &Before) {
    let long: BTreeSet<_> = (0..SLOTS).map(|_| shared.enqueue("long")).collect();
    let short: BTreeSet<_> = (0..SHORT_RUNS).map(|_| shared.enqueue("short")).collect();
    let first = shared.worker();
    shared.wait_for("the long runs have begun", |runs| {
        long.iter().all(|id| runs[id]["status"] == "running")
    });
    let mut killed = vec![first.kill()];
    let second = shared.worker();
    shared.wait_for("some of the short runs have ended", |runs| count(runs, "success") >= SLOTS);
    killed.push(second.kill());
    let third = shared.worker();
    let is_over = |run: &Value| run["status"] != "pending" && run["status"] != "running";
    shared.wait_for("all runs have ended", |runs| runs.values().all(is_over));
    third.end();
    let runs = shared.runs();
    assert_eq!(runs.keys().collect::<BTreeSet<_>>(), long.union(&short).collect());
    for (id, run) in &runs {
        let (status, attempt) = (run["status"].as_str().unwrap(), &run["attempt"]);
        assert!(status == "lost" || short.contains(id) && status == "success", "{run:#}");
        assert_eq!(*attempt, 1, "{run:#}");
        assert!(run["ended_at"].is_string(), "{run:#}");
    }
    // The second had as many in hand as it has slots, at most.
    assert!((SLOTS..=2 * SLOTS).contains(&count(&runs, "lost")), "{runs:#?}");
    for pid in killed {
        before.wait_for_no_cgroup_of(pid);
    }
}

#[test]
fn a_killed_workers_runs_end_once_in_a_file() {
    let (before, state) = (Before::take(), StateDir::make());
    // Where they are if nothing is said: assistants look there, too.
    let file = state.path("state/records.sqlite").display().to_string();
    let shared = Shared::new(state, file);
    nothing_is_lost_or_repeated(&shared, &before);
    are_told_as_failed(&shared.state, count(&shared.runs(), "lost"));
    before.nothing_is_left();
}

#[test]
fn a_killed_workers_runs_end_once_in_postgres() {
    // What an ordinary user can do is the same, and is tried with the file.
    if !postgres::is_root() {
        return;
    }
    let (before, state) = (Before::take(), StateDir::make());
    let place = StateDir::make();
    let directory = place.path("server");
    fs::create_dir(&directory).unwrap();
    let server = Postgres::start(&directory, Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let Some(server) = server else {
        let all = std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!all, "PostgreSQL is missing");
        return;
    };
    nothing_is_lost_or_repeated(&Shared::new(state, server.url()), &before);
    drop(server);
    before.nothing_is_left();
}

#[test]
fn a_run_under_way_outlives_the_word_to_end_or_is_told_as_ended() {
    let (before, state) = (Before::take(), StateDir::make());
    let file = state.path("state/records.sqlite").display().to_string();
    let shared = Shared::new(state, file);
    let server = shared.server("60s");
    let late = shared.begin("late");
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    assert_eq!(shared.runs()[&late]["status"], "success");
    let server = shared.server("200ms");
    let long = shared.begin("long");
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    shared.is_told_as_cut_off(&long);
    before.nothing_is_left();
}

#[test]
fn a_worker_told_twice_and_an_assistant_without_a_client_end_their_runs() {
    let (before, state) = (Before::take(), StateDir::make());
    let file = state.path("state/records.sqlite").display().to_string();
    let shared = Shared::new(state, file);
    let worker = shared.worker();
    let long = shared.begin("long");
    worker.tell_to_end();
    // Two at once may be taken for one.
    thread::sleep(Duration::from_millis(500));
    worker.end();
    shared.is_told_as_cut_off(&long);
    let mut assistant = shared.command(&["mcp"]);
    let assistant = assistant.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut assistant = assistant.spawn().unwrap();
    let long = shared.begin("long");
    drop(assistant.stdin.take());
    assert_eq!(assistant.wait().unwrap().code(), Some(0));
    shared.is_told_as_cut_off(&long);
    before.nothing_is_left();
}
