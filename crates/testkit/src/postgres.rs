//! A PostgreSQL server of a test's own: in a temporary directory, on a socket in it.
//!
//! Its files are a copy of a template's, which is made once on each machine: making
//! them takes seconds, copying them a moment.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, chown, symlink},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

/// PostgreSQL refuses to be run by root; this is whom it is run by then.
const NOBODY: u32 = 65534;

/// How long the server may take to come up on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// What makes the files that servers begin with.
const INITDB: [&str; 6] = [
    "--no-sync",
    "--auth=trust",
    "--username=cellblock",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    // The log's files are made of this size, however little is written.
    "--wal-segsize=1",
];

/// A server that goes with its directory when it is dropped.
pub struct Postgres {
    directory: PathBuf,
    programs: PathBuf,
    child: Child,
}

impl Postgres {
    /// Starts one in a directory; none where PostgreSQL is not installed. The template is
    /// kept in `templates`, which other processes may use at the same time.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn start(directory: &Path, templates: &Path) -> Result<Option<Self>> {
        Self::start_with(directory, templates, None)
    }

    /// The same, with the log of what was changed in a directory of its own.
    ///
    /// # Errors
    ///
    /// It does not come up.
    pub fn start_with(
        directory: &Path,
        templates: &Path,
        log: Option<&Path>,
    ) -> Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let directory = directory.to_owned();
        for place in log.into_iter().chain([directory.as_path()]) {
            if is_root() {
                chown(place, Some(NOBODY), Some(NOBODY))?;
            }
        }
        let data = directory.join("data");
        bring_files(&programs, templates, &data)?;
        if let Some(log) = log {
            copy(&data.join("pg_wal"), &log.join("pg_wal"))?;
            fs::remove_dir_all(data.join("pg_wal"))?;
            symlink(log.join("pg_wal"), data.join("pg_wal"))?;
        }
        let child = spawn(&programs, &directory)?;
        let mut server = Self { directory, programs, child };
        server.revive()?;
        Ok(Some(server))
    }

    /// What connects to it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// What connects to one of its databases.
    #[must_use]
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://cellblock@localhost/{database}?host={}", self.directory.display())
    }

    /// The processes that serve its clients.
    #[must_use]
    pub fn backends(&self) -> Vec<u32> {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        let serves = |pid: &u32| {
            let title = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            title.starts_with("postgres: cellblock ")
        };
        pids.filter(serves).collect()
    }

    /// Kills it as a crash of the host would, and starts it anew.
    ///
    /// # Errors
    ///
    /// It does not come back.
    pub fn crash(&mut self) -> Result<()> {
        self.stop("-KILL");
        self.revive()
    }

    /// Waits until it serves; starts it anew if it has ended.
    ///
    /// # Errors
    ///
    /// It does not come back.
    pub fn revive(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        loop {
            if self.child.try_wait()?.is_some() {
                // Its children notice its end in a moment; until then the directory is taken.
                thread::sleep(POLL);
                self.child = spawn(&self.programs, &self.directory)?;
            }
            if self.is_ready()? {
                return Ok(());
            }
            if Instant::now() > deadline {
                let said = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                bail!("PostgreSQL did not come up: {said}");
            }
            thread::sleep(POLL);
        }
    }

    fn is_ready(&self) -> Result<bool> {
        let mut asks = Command::new(self.programs.join("pg_isready"));
        let asked = asks.args(["-q", "-h"]).arg(&self.directory).status()?;
        Ok(asked.success())
    }

    fn stop(&mut self, signal: &str) {
        let pid = self.child.id().to_string();
        // One that has ended is what was wanted.
        let _ = Command::new("kill").args([signal, &pid]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop("-QUIT");
    }
}

/// Brings the files of a new server, and keeps them for others where these are the first.
fn bring_files(programs: &Path, templates: &Path, data: &Path) -> Result<()> {
    fs::create_dir_all(templates)?;
    let template = templates.join(template_name(programs)?);
    let lock = File::create(template.with_extension("lock"))?;
    lock.lock()?;
    if !template.exists() {
        let mut initdb = ordinary(&programs.join("initdb"));
        let made = initdb.args(INITDB).arg("-D").arg(data).output()?;
        ensure!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let partial = template.with_extension("partial");
        // What somebody left who was killed.
        let _ = fs::remove_dir_all(&partial);
        copy(data, &partial)?;
        fs::rename(&partial, &template)?;
        return Ok(());
    }
    drop(lock);
    copy(&template, data)
}

/// Names the version, and who it is run by: files are their owner's.
fn template_name(programs: &Path) -> Result<String> {
    let version = programs.parent().and_then(Path::file_name).context("no version")?;
    let owner = if is_root() { NOBODY } else { fs::metadata("/proc/self")?.uid() };
    Ok(format!("postgres-{}-{owner}", version.to_string_lossy()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to).output()?;
    ensure!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    Ok(())
}

fn spawn(programs: &Path, directory: &Path) -> Result<Child> {
    let log = File::options().create(true).append(true).open(directory.join("log"))?;
    let mut command = ordinary(&programs.join("postgres"));
    command.arg("-D").arg(directory.join("data")).arg("-k").arg(directory);
    command.args(["-c", "listen_addresses=", "-c", "max_connections=200"]);
    // Processes are killed here, not the machine: what was written stays written.
    command.args(["-c", "fsync=off", "-c", "shared_buffers=16MB"]);
    let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
    Ok(child)
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

/// Whether this is root, by whom PostgreSQL cannot be run.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where the newest version's programs are.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.flatten().map(|version| version.path().join("bin"));
    programs.filter(|programs| programs.join("postgres").exists()).max()
}
