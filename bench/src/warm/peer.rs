//! A Python process without a sandbox that executes what it is sent: the least that a
//! turn, or a fork, can cost.

use std::{
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Its program.
const PROGRAM: &str = include_str!("peer.py");
/// More than any statement of the benchmark prints.
const ANSWER_BYTES_MAX: u32 = 65536;

/// Where a statement is executed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// In the process itself, which keeps its state.
    Here,
    /// In a fork of its own.
    Fork,
}

/// The process. Ends with this.
#[derive(Debug)]
pub(crate) struct Peer {
    child: Child,
    channel: UnixStream,
}

impl Peer {
    /// Starts one that has imported these modules.
    ///
    /// # Errors
    /// It cannot be started, or does not answer.
    pub(crate) fn start(python: &Path, options: &[&str], modules: &[&str]) -> Result<Self> {
        let (channel, theirs) = UnixStream::pair()?;
        let mut command = Command::new(python);
        command.args(options).args(["-c", PROGRAM]).args(modules).env_clear();
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let child = command.spawn().context("the peer cannot be started")?;
        let mut peer = Self { child, channel };
        let said = peer.ask(Place::Here, "print('ready')")?;
        if said != "ready\n" {
            bail!("the peer answers {said:?}");
        }
        Ok(peer)
    }

    /// Has a statement executed; gives what it printed.
    ///
    /// # Errors
    /// The peer is gone.
    pub(crate) fn ask(&mut self, place: Place, statement: &str) -> Result<String> {
        let kind = match place {
            Place::Here => b'x',
            Place::Fork => b'f',
        };
        let length = u32::try_from(statement.len() + 1)?;
        let request = [&length.to_le_bytes(), &[kind][..], statement.as_bytes()].concat();
        self.channel.write_all(&request)?;
        let mut length = [0; 4];
        self.channel.read_exact(&mut length).context("the peer is gone")?;
        let length = u32::from_le_bytes(length).min(ANSWER_BYTES_MAX);
        let mut answer = vec![0; usize::try_from(length)?];
        self.channel.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The time of a round trip.
    ///
    /// # Errors
    /// The peer is gone.
    pub(crate) fn time(&mut self, place: Place, statement: &str) -> Result<Duration> {
        let start = Instant::now();
        self.ask(place, statement)?;
        Ok(start.elapsed())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; either way nobody asks it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
