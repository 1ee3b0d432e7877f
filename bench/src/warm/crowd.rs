//! Idle sessions that other processes hold: one process may open only so many files.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, Command, Stdio},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    args::SiteArgs,
    memory::{close, fresh, without_pool},
    site::Site,
};

/// What a process says once all of its sessions are there.
const READY: &str = "ready";

/// Holds idle sessions until its standard input ends.
#[derive(Clone, Debug, Args)]
pub(crate) struct CrowdArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// Where they are
    #[arg(long)]
    environment: String,
    /// How many
    #[arg(long)]
    sessions: usize,
}

/// Is such a process.
///
/// # Errors
/// A session cannot be had.
pub(crate) fn hold(args: &CrowdArgs) -> Result<()> {
    let site = Site::make(&args.site, false)?;
    let house = without_pool(&site)?;
    let mut sessions = Vec::new();
    while sessions.len() < args.sessions {
        let session = house.wait(fresh(&house, &args.environment));
        sessions.push(session.with_context(|| format!("with {} sessions", sessions.len()))?.0);
    }
    writeln!(std::io::stdout(), "{READY}")?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    close(&house, &sessions);
    Ok(())
}

/// Such a process, as seen from the one that measures. Ends its sessions when it goes.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) sessions: usize,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl Crowd {
    /// Starts one, and waits until all of its sessions are there.
    ///
    /// # Errors
    /// It has not become ready; it says why itself.
    pub(super) fn gather(site: &Site, environment: &str, sessions: usize) -> Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["crowd", "--without-bwrap", "--environment", environment]);
        command.arg("--sessions").arg(sessions.to_string());
        command.arg("--python").arg(&site.python);
        command.arg("--environments").arg(&site.environments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let crowd = Self { sessions, child, stdin };
        let mut said = String::new();
        BufReader::new(stdout.context("it has no standard output")?).read_line(&mut said)?;
        if said.trim_end() != READY {
            bail!("a process that was to hold {sessions} sessions has ended");
        }
        Ok(crowd)
    }

    /// Its number.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It may have ended by itself; either way it is waited for.
        let _ = self.child.wait();
    }
}
