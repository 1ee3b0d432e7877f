//! The command line of the server's parts.

use std::path::PathBuf;

use clap::{Args as Words, ValueEnum};

use super::wire::{InvalidPlace, Place};
use crate::args::Args;

/// As many as a smoke test needs: it asserts that everything runs, not how fast.
const SMOKE_RUNS: usize = 2;

/// Measures the server over HTTP on loopback, beside a bare handler of its HTTP library.
#[derive(Clone, Debug, Words)]
pub(crate) struct ServeArgs {
    /// Measure this part only
    #[arg(long, value_name = "PART")]
    pub(crate) part: Vec<Part>,
    /// Counted runs of each subject; a quarter with the longest pause
    #[arg(long, default_value_t = 200)]
    pub(crate) runs: usize,
    /// How long each rate is measured, and each half of what the neighbours notice
    #[arg(long, default_value_t = 5)]
    pub(crate) seconds: u64,
    /// Measure what neighbours notice of these kinds of noise only: part of their names
    #[arg(long, value_name = "TEXT")]
    pub(crate) noise: Option<String>,
    /// Clients at the same time when a rate is measured
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16])]
    pub(crate) clients: Vec<usize>,
    /// Measure this server of otari's contract, too: it gets the same requests
    #[arg(long, value_name = "URL", value_parser = place)]
    pub(crate) reference: Option<Place>,
    /// Measure this binary instead of building the one of this workspace
    #[arg(long, value_name = "BINARY")]
    pub(crate) cellblock: Option<PathBuf>,
    /// The interpreter; must lie in /usr
    #[arg(long, value_name = "BINARY", default_value = "/usr/bin/python3")]
    pub(crate) python: PathBuf,
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
    /// From the start of the process to its first answer.
    Start,
    /// One request after the other.
    Requests,
    /// Requests a second of several clients.
    Rate,
    /// What tenants notice of one that makes noise.
    Neighbours,
}

impl ServeArgs {
    /// The part of a smoke test of everything.
    pub(crate) fn small(args: &Args) -> Self {
        Self {
            part: Vec::new(),
            runs: SMOKE_RUNS,
            seconds: 1,
            noise: None,
            clients: vec![1, 4],
            reference: None,
            cellblock: args.cellblock.clone(),
            python: args.python.clone(),
            smoke: true,
            json: false,
        }
    }

    /// With numbers that are just enough to see that everything runs, if that is all
    /// that is wanted.
    pub(super) fn sized(&self) -> Self {
        if !self.smoke {
            return self.clone();
        }
        Self { runs: SMOKE_RUNS, seconds: 1, clients: vec![1, 4], ..self.clone() }
    }

    /// Whether a kind of noise is to be measured.
    pub(super) fn wants_noise(&self, name: &str) -> bool {
        self.noise.as_ref().is_none_or(|part| name.contains(part))
    }

    /// Whether a part is to be measured.
    pub(super) fn wants(&self, part: Part) -> bool {
        self.part.is_empty() || self.part.contains(&part)
    }
}

fn place(text: &str) -> Result<Place, InvalidPlace> {
    text.parse()
}
