//! The command line of the benchmark.

use std::{path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    records::RecordsArgs,
    serve::ServeArgs,
    soak::SoakArgs,
    warm::{
        CrowdArgs,
        args::{SiteArgs, WarmArgs},
    },
};

/// Runs whose times are not counted, before those that are.
const WARM_UP: usize = 10;
/// As many as a smoke test needs: it asserts that everything runs, not how fast.
const SMOKE_RUNS: usize = 3;
/// Idle time before each run of the paced mode: an agent pauses between calls,
/// and the caches and the processor's clock are colder then.
const PACE: Duration = Duration::from_millis(20);

/// Measures what a cold run costs, beside a bare process and beside peers.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Counted runs of each subject in each mode
    #[arg(long, default_value_t = 200)]
    pub(crate) runs: usize,
    /// A few runs of everything, warm sandboxes, the server and a short soak with it;
    /// asserts only that everything runs
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Do without a peer that is not here
    #[arg(long, value_name = "PEER")]
    pub(crate) without: Vec<Peer>,
    /// Measure this command of bubble-sandbox, too
    #[arg(long, value_name = "COMMAND")]
    pub(crate) bubble_sandbox: Option<PathBuf>,
    /// Measure this binary instead of building the one of this workspace
    #[arg(long, value_name = "BINARY")]
    pub(crate) cellblock: Option<PathBuf>,
    /// The interpreter; must lie in /usr
    #[arg(long, value_name = "BINARY", default_value = "/usr/bin/python3")]
    pub(crate) python: PathBuf,
    /// Measure in this mode only
    #[arg(long, value_name = "MODE")]
    pub(crate) mode: Option<Mode>,
}

/// What to do other than to measure cold runs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measures sandboxes that are forked from a parked interpreter, and their turns
    Warm(WarmArgs),
    /// Measures the server, beside a bare handler of its HTTP library and beside a peer
    Serve(ServeArgs),
    /// Measures what records of runs cost, and the queue of projects
    Records(RecordsArgs),
    /// Is that bare handler
    #[command(hide = true)]
    Bare,
    /// Holds idle sessions for whoever counts more than one process may have
    #[command(hide = true)]
    Crowd(CrowdArgs),
    /// Has clients make, use and end sessions at random; fails if anything stays behind
    Soak(SoakArgs),
}

/// A program that is measured beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// bubblewrap's command.
    Bwrap,
}

/// How runs follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Each as soon as the one before has ended.
    BackToBack,
    /// Each 20 ms after the one before has ended.
    Paced,
}

/// One pass over every subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    pub(crate) runs: usize,
    pub(crate) warm_up: usize,
    pub(crate) pause: Duration,
}

impl Args {
    /// What is to be measured, in order.
    pub(crate) fn plans(&self) -> Vec<Plan> {
        let modes = [(Mode::BackToBack, Duration::ZERO), (Mode::Paced, PACE)];
        let wanted = modes.into_iter().filter(|(mode, _)| self.mode.is_none_or(|m| m == *mode));
        let (runs, warm_up) = if self.smoke { (SMOKE_RUNS, 1) } else { (self.runs, WARM_UP) };
        wanted.map(|(mode, pause)| Plan { mode, runs: runs.max(1), warm_up, pause }).collect()
    }

    /// What the warm parts of a smoke test are measured with.
    pub(crate) fn site(&self) -> SiteArgs {
        SiteArgs {
            python: self.python.clone(),
            environments: None,
            without_pandas: false,
            without_bwrap: !self.wants(Peer::Bwrap),
        }
    }

    /// Whether a peer is to be measured.
    pub(crate) fn wants(&self, peer: Peer) -> bool {
        !self.without.contains(&peer)
    }
}
