//! A server as a process: started, waited for, told to end.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::wire::{Client, Content, Place, Request};
use crate::program::SEARCH_PATH;

/// What a server says before where it listens.
pub(super) const LISTENING: &str = "listening on http://";
/// More runs of a tenant in a minute than are asked for.
const RUNS_PER_MINUTE: &str = "1000000";

/// Which server it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind<'a> {
    /// Ours: the binary, the interpreter, and where it keeps its state.
    Cellblock { binary: &'a Path, python: &'a Path, state_dir: &'a Path },
    /// The bare handler.
    Bare,
}

/// A server that runs. Ends with this.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) place: Place,
    // It says more when it ends, and would not like it if nobody were left to hear.
    _stderr: BufReader<std::process::ChildStderr>,
}

impl Server {
    /// Starts one, and waits until it says where it listens.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn start(kind: Kind<'_>) -> Result<Self> {
        let mut command = command(kind)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("the server cannot be started")?;
        let stderr = child.stderr.take().context("it has no standard error")?;
        let mut stderr = BufReader::new(stderr);
        match listening(&mut stderr) {
            Ok(place) => Ok(Self { child, place, _stderr: stderr }),
            Err(error) => {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
                Err(error)
            }
        }
    }

    /// Starts one; the time until it has answered.
    ///
    /// # Errors
    /// It does not start.
    pub(super) fn time(kind: Kind<'_>) -> Result<Duration> {
        let path = match kind {
            Kind::Cellblock { .. } => "/ready",
            Kind::Bare => "/",
        };
        let request = Request::new("GET", path, Content::None);
        let start = Instant::now();
        let server = Self::start(kind)?;
        Client::connect(server.place)?.ask(&request)?.good()?;
        Ok(start.elapsed())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; either way it is waited for.
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::TERM));
        }
        let _ = self.child.wait();
    }
}

/// A key of a tenant, made where the server keeps its state.
///
/// # Errors
/// It cannot be made.
pub(super) fn make_key(binary: &Path, state_dir: &Path, tenant: &str) -> Result<String> {
    let mut command = clean(binary.as_os_str(), state_dir);
    command.args(["key", "create", "--tenant", tenant, "--state-dir"]).arg(state_dir);
    let output = command.output().context("a key cannot be made")?;
    if !output.status.success() {
        bail!("a key cannot be made: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn command(kind: Kind<'_>) -> Result<Command> {
    let Kind::Cellblock { binary, python, state_dir } = kind else {
        let program: PathBuf = env::current_exe()?;
        let mut command = clean(program.as_os_str(), &env::temp_dir());
        command.arg("bare");
        return Ok(command);
    };
    let mut command = clean(binary.as_os_str(), state_dir);
    command.args(["serve", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state_dir);
    command.env("CELLBLOCK_PYTHON", python);
    command.env("CELLBLOCK_TENANT_RUNS_PER_MINUTE", RUNS_PER_MINUTE);
    Ok(command)
}

/// Nothing of whoever measures gets in.
fn clean(program: &OsStr, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", SEARCH_PATH).env("HOME", home);
    command
}

fn listening(stderr: &mut impl BufRead) -> Result<Place> {
    let mut said = String::new();
    loop {
        let start = said.len();
        if stderr.read_line(&mut said)? == 0 {
            bail!("the server has ended: {}", said.trim());
        }
        if let Some((_, place)) = said[start..].split_once(LISTENING) {
            let place: Place = format!("http://{}", place.trim()).parse()?;
            return Ok(place);
        }
    }
}
