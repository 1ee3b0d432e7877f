//! A server of a test's own, and a client that speaks as much HTTP as tests need.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::leaks::Snapshot;

/// Longer than anything here takes on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

static DIRECTORIES: AtomicUsize = AtomicUsize::new(0);
static ONE: Mutex<()> = Mutex::new(());

/// What there was before a test, which has the machine for itself.
pub(crate) struct Before {
    snapshot: Snapshot,
    _alone: MutexGuard<'static, ()>,
}

impl Before {
    pub(crate) fn take() -> Self {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { snapshot: Snapshot::take(), _alone: alone }
    }

    /// Waits until a killed server's sandboxes have no cgroup any more.
    #[track_caller]
    pub(crate) fn wait_for_no_cgroup_of(&self, pid: u32) {
        let part = format!("-{pid}-");
        wait_until("the cgroups of a killed server are gone", || {
            let lines = Snapshot::take().beyond(&self.snapshot);
            !lines.iter().any(|line| line.starts_with("cgroup ") && line.contains(&part))
        });
    }

    /// Nothing is there now that was not there then.
    #[track_caller]
    pub(crate) fn nothing_is_left(&self) {
        let mut lines = Snapshot::settled_beyond(&self.snapshot);
        // Others keep temporary files of such names, too.
        lines.retain(|line| !line.starts_with("left "));
        assert!(lines.is_empty(), "{lines:#?}");
    }
}

/// A state directory of a test's own.
pub(crate) struct StateDir(PathBuf);

impl StateDir {
    pub(crate) fn make() -> Self {
        let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("cb-serve-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for StateDir {
    fn drop(&mut self) {
        // What cannot be removed is among other temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A command that serves.
pub(crate) fn command(state: &StateDir, vars: &[(&str, &str)]) -> Command {
    let mut command = program(state, vars);
    command.args(["serve", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state.path("state"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The program, with a home of the test's own.
pub(crate) fn program(state: &StateDir, vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellblock"));
    command.env_clear().env("HOME", &state.0).envs(vars.iter().copied());
    for name in ["PATH", "CELLBLOCK_ALLOW_MISSING"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Makes a key of a tenant's.
pub(crate) fn key(state: &StateDir, tenant: &str, scope: &str) -> String {
    let mut command = program(state, &[]);
    command.args(["key", "create", "--tenant", tenant, "--scope", scope, "--state-dir"]);
    let made = command.arg(state.path("state")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

/// A server that listens.
pub(crate) struct Server {
    child: Child,
    address: String,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
    /// Where nobody reads the log, its other end.
    _unread: Option<BufReader<ChildStderr>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Server {
    pub(crate) fn start(state: &StateDir, vars: &[(&str, &str)]) -> Self {
        Self::start_with(state, vars, true)
    }

    /// A server whose log nobody reads once it listens.
    pub(crate) fn unread(state: &StateDir, vars: &[(&str, &str)]) -> Self {
        Self::start_with(state, vars, false)
    }

    fn start_with(state: &StateDir, vars: &[(&str, &str)], is_read: bool) -> Self {
        let mut child = command(state, vars).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(stderr.read_line(&mut line).unwrap() > 0, "it does not listen: {seen}");
            if let Some(address) = line.trim_end().strip_prefix("cellblock: listening on http://") {
                break address.to_owned();
            }
            seen.push_str(&line);
        };
        let log = Arc::new(Mutex::new(seen));
        let kept = Arc::clone(&log);
        let mut stderr = Some(stderr);
        let reader = is_read.then(|| read(stderr.take().unwrap(), kept));
        Self { child, address, log, reader, _unread: stderr }
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        ask(&self.address, (method, path), "", body)
    }

    pub(crate) fn ask_with(&self, request: (&str, &str), headers: &str, body: &str) -> Answer {
        ask(&self.address, request, headers, body)
    }

    /// Asks from a thread of its own.
    pub(crate) fn asking(&self, path: &'static str, body: String) -> JoinHandle<Answer> {
        let address = self.address.clone();
        thread::spawn(move || ask(&address, ("POST", path), "", &body))
    }

    /// Waits until so many runs and turns are under way.
    #[track_caller]
    pub(crate) fn wait_for_runs(&self, count: u32) {
        let wanted = format!("cellblock_runs {count}");
        let is_there = || self.ask("GET", "/metrics", "").body.lines().any(|line| line == wanted);
        wait_until("the runs are under way", is_there);
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; gives its exit status and its log.
    #[track_caller]
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut status = None;
        wait_until("the server has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        (status.unwrap().code(), self.log.lock().unwrap().clone())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut stderr: BufReader<ChildStderr>, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut line = String::new();
        while stderr.read_line(&mut line).unwrap() > 0 {
            log.lock().unwrap().push_str(&line);
            line.clear();
        }
    })
}

fn ask(address: &str, (method, path): (&str, &str), headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
    .unwrap();
    // One that is too large is refused before it is read.
    let _ = stream.write_all(body.as_bytes());
    let mut bytes = Vec::new();
    // Where it was cut off, what came is what there is.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        thread::sleep(POLL);
    }
}

/// A request for a run of Python code.
pub(crate) fn python(code: &str) -> String {
    serde_json::json!({ "language": "python", "code": code }).to_string()
}

/// Whether there is anything in a directory.
pub(crate) fn is_empty(path: &Path) -> bool {
    fs::read_dir(path).map_or(true, |mut entries| entries.next().is_none())
}
