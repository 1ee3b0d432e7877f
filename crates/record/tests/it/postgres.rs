//! A PostgreSQL server of a test's own: in a temporary directory, on a socket in it.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// PostgreSQL refuses to be run by root; this is whom it is run by then.
const NOBODY: u32 = 65534;

/// How long the server may take to come up on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);

/// A server that goes with its directory when it is dropped.
pub(crate) struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    child: Child,
}

impl Postgres {
    /// Starts one; none where PostgreSQL is not installed.
    pub(crate) fn start(directory: &Path) -> Option<Self> {
        let programs = programs()?;
        let directory = directory.to_owned();
        if is_root() {
            chown(&directory, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        lay_out(&programs, &directory.join("data"));
        let child = spawn(&programs, &directory);
        let mut server = Self { directory, programs, child };
        server.wait();
        Some(server)
    }

    /// What connects to it.
    pub(crate) fn url(&self) -> String {
        let directory = self.directory.display();
        format!("postgres://cellblock@localhost/postgres?host={directory}")
    }

    /// Kills it as a crash of the host would, and starts it anew.
    pub(crate) fn crash(&mut self) {
        self.stop("-KILL");
        // Its children notice in a moment; until then the directory is taken.
        let deadline = Instant::now() + START_MAX;
        loop {
            self.child = spawn(&self.programs, &self.directory);
            std::thread::sleep(Duration::from_millis(200));
            if self.child.try_wait().unwrap().is_none() {
                break;
            }
            assert!(Instant::now() < deadline, "PostgreSQL did not come back");
        }
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + START_MAX;
        loop {
            let ready = Command::new(self.programs.join("pg_isready"))
                .args(["-q", "-h"])
                .arg(&self.directory)
                .status()
                .unwrap();
            if ready.success() {
                return;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "PostgreSQL ended");
            assert!(Instant::now() < deadline, "PostgreSQL did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop(&mut self, signal: &str) {
        let pid = self.child.id().to_string();
        Command::new("kill").args([signal, &pid]).status().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop("-QUIT");
    }
}

/// Makes the files of an empty server: a copy of some that were made once, which takes a fraction
/// of the time.
fn lay_out(programs: &Path, data: &Path) {
    let version = programs.parent().and_then(Path::file_name).unwrap().to_string_lossy();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("postgres-{version}-{}", uid()));
    let lock = fs::File::create(kept.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    if kept.exists() {
        lock.unlock().unwrap();
        return copy(&kept, data);
    }
    let made = ordinary(&programs.join("initdb"))
        .args(["--no-sync", "--auth=trust", "--username=cellblock", "--encoding=UTF8"])
        .args(["--locale=C.UTF-8", "-D"])
        .arg(data)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // Under another name until it is whole.
    let part = kept.with_extension("part");
    let _ = fs::remove_dir_all(&part);
    copy(data, &part);
    fs::rename(part, kept).unwrap();
}

/// Copies a directory with its owners.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap();
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

fn spawn(programs: &Path, directory: &Path) -> Child {
    let log = fs::File::options().create(true).append(true).open(directory.join("log")).unwrap();
    ordinary(&programs.join("postgres"))
        .arg("-D")
        .arg(directory.join("data"))
        .arg("-k")
        .arg(directory)
        .args(["-c", "listen_addresses=", "-c", "max_connections=200"])
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A program, run by somebody who is not root, that does not outlive this process.
fn ordinary(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        let id = NOBODY.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir("/");
    command
}

fn is_root() -> bool {
    uid() == 0
}

fn uid() -> u32 {
    fs::metadata("/proc/self").unwrap().uid()
}

/// Where the newest version's programs are.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs.filter(|programs| programs.join("postgres").exists()).max()
}
