//! What a tenant notices of another one whose code does its worst: turns of the one,
//! alone and beside each kind of it, in turn.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    args::ServeArgs,
    asks::{Dialect, Target, check, live_session},
    budget::NEIGHBOURS,
    noise::{Noise, make},
    server::{Kind, Server, make_key},
    wire::{Client, Request},
};
use crate::statistics::{Summary, summary};

/// How often one follows the other: what drifts falls on both.
const WINDOWS: u32 = 2;
/// Between two turns of the quiet tenant.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the noise goes on before anything is counted.
const NOISE_AHEAD: Duration = Duration::from_millis(300);

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Neighbours {
    pub(crate) budget: f64,
    pub(crate) rows: Vec<Row>,
}

/// What was found beside one kind of noise.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) noise: &'static str,
    pub(crate) alone_ms: Summary,
    pub(crate) beside_ms: Summary,
    /// Of the 99th percentiles.
    pub(crate) ratio: f64,
    pub(crate) met: bool,
}

/// Measures it.
///
/// # Errors
/// The server cannot be had, or a tenant was refused something.
pub(super) fn measure(binary: &Path, state_dir: &Path, args: &ServeArgs) -> Result<Neighbours> {
    let keys = ["quiet", "noisy"].map(|tenant| make_key(binary, state_dir, tenant));
    let server = Server::start(Kind::Cellblock { binary, python: &args.python, state_dir })?;
    let [quiet, noisy] = keys;
    let of = |key| Target { place: server.place, dialect: Dialect::Own, key: Some(key) };
    let (quiet, noisy) = (of(quiet?), of(noisy?));
    let mut client = quiet.connect()?;
    let turn = quiet.turn(&live_session(&mut client, &quiet)?);
    let mut quiet = Quiet { client, turn, window: Duration::from_secs(args.seconds) / WINDOWS };
    let kinds = Noise::ALL.iter().map(|noise| (noise.name, std::slice::from_ref(noise)));
    let all = kinds.chain([("all of them at once", Noise::ALL.as_slice())]);
    let wanted = all.filter(|(name, _)| args.wants_noise(name));
    let rows = wanted.map(|(name, noises)| row(&mut quiet, &noisy, (name, noises)));
    Ok(Neighbours { budget: NEIGHBOURS, rows: rows.collect::<Result<_>>()? })
}

fn row(
    quiet: &mut Quiet,
    noisy: &Target,
    (name, noises): (&'static str, &'static [Noise]),
) -> Result<Row> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        quiet.turns(&mut alone)?;
        beside_noise(noisy, noises, || quiet.turns(&mut beside)).context(name)?;
    }
    let none = "the quiet tenant had no turn";
    let (alone_ms, beside_ms) = (summary(&alone).context(none)?, summary(&beside).context(none)?);
    let ratio = beside_ms.p99 / alone_ms.p99;
    Ok(Row { noise: name, alone_ms, beside_ms, ratio, met: ratio <= NEIGHBOURS })
}

/// The tenant that is measured.
struct Quiet {
    client: Client,
    turn: Request,
    window: Duration,
}

impl Quiet {
    fn turns(&mut self, times: &mut Vec<Option<f64>>) -> Result<()> {
        let end = Instant::now() + self.window;
        while Instant::now() < end {
            thread::sleep(PAUSE);
            let (answer, time) = self.client.time(&self.turn)?;
            check(&answer)?;
            times.push(Some(time.as_secs_f64() * 1e3));
        }
        Ok(())
    }
}

/// Does something while the noisy tenant is at work, with a client for each kind.
fn beside_noise(
    noisy: &Target,
    noises: &'static [Noise],
    what: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let threads: Vec<_> =
            noises.iter().map(|noise| scope.spawn(move || make(noise, noisy, is_over))).collect();
        thread::sleep(NOISE_AHEAD);
        let done = what();
        is_over.store(true, Ordering::Relaxed);
        for thread in threads {
            let ended = thread.join().map_err(|_| anyhow::anyhow!("a client has panicked"))?;
            ended.context("the noisy tenant")?;
        }
        done
    })
}
