//! The command line of the warm parts.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use super::rounds::Pace;

/// As many as a smoke test needs: it asserts that everything runs, not how fast.
const SMOKE_RUNS: usize = 2;
/// Idle times before each run: what an agent's pauses are between calls, more or less.
const SHORT_PAUSE: Duration = Duration::from_millis(10);
const LONG_PAUSE: Duration = Duration::from_millis(100);

/// What warm sandboxes are measured with.
#[derive(Clone, Debug, Args)]
pub(crate) struct SiteArgs {
    /// The interpreter; must lie in /usr
    #[arg(long, value_name = "BINARY", default_value = "/usr/bin/python3")]
    pub(crate) python: PathBuf,
    /// Where the environment with pandas is, or is built [default: beside the build]
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) environments: Option<PathBuf>,
    /// Leave out what needs pandas
    #[arg(long)]
    pub(crate) without_pandas: bool,
    /// Do without bubblewrap
    #[arg(long)]
    pub(crate) without_bwrap: bool,
}

/// Measures sandboxes that are forked from a parked interpreter, and their turns.
#[derive(Clone, Debug, Args)]
pub(crate) struct WarmArgs {
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// Measure this part only
    #[arg(long, value_name = "PART")]
    pub(crate) part: Vec<Part>,
    /// Counted runs of each subject; a quarter with the longest pause
    #[arg(long, default_value_t = 200)]
    pub(crate) runs: usize,
    /// Ready sandboxes when the rate is measured
    #[arg(long, default_value_t = 400)]
    pub(crate) pool: usize,
    /// Sandboxes that are asked for at once when the rate is measured
    #[arg(long, default_value_t = 8)]
    pub(crate) clients: usize,
    /// How long the rate is measured once the pool is empty
    #[arg(long, default_value_t = 10)]
    pub(crate) seconds: u64,
    /// Idle sessions whose memory is measured, in rising order
    #[arg(long, value_delimiter = ',', default_values_t = [100, 500])]
    pub(crate) sessions: Vec<usize>,
    /// A few runs of everything; asserts only that everything runs
    #[arg(long)]
    pub(crate) smoke: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// A part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Fresh sandboxes, beside peers.
    Fresh,
    /// Turns of a session, beside a bare process.
    Turns,
    /// Fresh sandboxes a second.
    Rate,
    /// Memory of idle sessions, and their turns as they grow.
    Memory,
}

impl WarmArgs {
    /// The same, or a few of everything where that is wanted.
    pub(crate) fn sized(&self) -> Self {
        if !self.smoke {
            return self.clone();
        }
        Self { part: self.part.clone(), json: self.json, ..Self::small(self.site.clone()) }
    }

    /// With numbers that are just enough to see that everything runs.
    pub(crate) fn small(site: SiteArgs) -> Self {
        Self {
            site,
            part: Vec::new(),
            runs: SMOKE_RUNS,
            pool: 4,
            clients: 2,
            seconds: 1,
            sessions: vec![2, 4],
            smoke: true,
            json: false,
        }
    }

    /// Whether a part is to be measured.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }
}

/// The paces of whatever is measured in rounds.
pub(crate) fn paces(runs: usize) -> Vec<Pace> {
    let pace = |name, runs: usize, pause| Pace { name, runs: runs.max(1), pause };
    vec![
        pace("saturated", runs, Duration::ZERO),
        pace("paced 10 ms", runs, SHORT_PAUSE),
        pace("paced 100 ms", runs / 4, LONG_PAUSE),
    ]
}
