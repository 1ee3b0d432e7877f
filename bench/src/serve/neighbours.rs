//! What a tenant notices of another one that makes noise: turns of the one, alone and
//! beside the other, in turn.

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
    server::{Kind, Server, make_key},
    wire::{Client, Request},
};
use crate::statistics::{Summary, summary};

/// How often one follows the other: what drifts falls on both.
const WINDOWS: u32 = 4;
/// Between two turns of the quiet tenant.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the noise goes on before anything is counted.
const NOISE_AHEAD: Duration = Duration::from_millis(300);
/// Clients of each kind of noise.
const CLIENTS: usize = 2;
/// Works for some time: on the processor, on pages, on output, on processes.
const NOISES: [&str; 4] = [
    "sum(n * n for n in range(400_000))",
    "bytearray(64 << 20).count(1)",
    "print('x' * 4_000_000)",
    "import os\nfor _ in range(20):\n    if not os.fork(): os._exit(0)\n    os.wait()",
];

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct Neighbours {
    /// Clients that made noise.
    pub(crate) clients: usize,
    pub(crate) alone_ms: Summary,
    pub(crate) beside_ms: Summary,
    /// Of the 99th percentiles.
    pub(crate) ratio: f64,
    pub(crate) budget: f64,
    pub(crate) met: bool,
}

/// Measures it.
///
/// # Errors
/// The server cannot be had, or the quiet tenant was refused something.
pub(super) fn measure(binary: &Path, state_dir: &Path, args: &ServeArgs) -> Result<Neighbours> {
    let keys = ["quiet", "noisy"].map(|tenant| make_key(binary, state_dir, tenant));
    let server = Server::start(Kind::Cellblock { binary, python: &args.python, state_dir })?;
    let [quiet, noisy] = keys;
    let of = |key| Target { place: server.place, dialect: Dialect::Own, key: Some(key) };
    let (quiet, noisy) = (of(quiet?), of(noisy?));
    let mut client = quiet.connect()?;
    let turn = quiet.turn(&live_session(&mut client, &quiet)?);
    let window = Duration::from_secs(args.seconds) / WINDOWS;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..WINDOWS {
        turns(&mut client, &turn, window, &mut alone)?;
        noise(&noisy, || turns(&mut client, &turn, window, &mut beside))?;
    }
    let none = "the quiet tenant had no turn";
    let (alone_ms, beside_ms) = (summary(&alone).context(none)?, summary(&beside).context(none)?);
    let ratio = beside_ms.p99 / alone_ms.p99;
    let clients = CLIENTS * (NOISES.len() + 1);
    let (budget, met) = (NEIGHBOURS, ratio <= NEIGHBOURS);
    Ok(Neighbours { clients, alone_ms, beside_ms, ratio, budget, met })
}

fn turns(
    client: &mut Client,
    request: &Request,
    window: Duration,
    times: &mut Vec<Option<f64>>,
) -> Result<()> {
    let end = Instant::now() + window;
    while Instant::now() < end {
        thread::sleep(PAUSE);
        let (answer, time) = client.time(request)?;
        check(&answer)?;
        times.push(Some(time.as_secs_f64() * 1e3));
    }
    Ok(())
}

/// Does something while the noisy tenant is at work.
fn noise(noisy: &Target, what: impl FnOnce() -> Result<()>) -> Result<()> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let is_over = &is_over;
        let codes = NOISES.iter().map(|code| Some(*code)).chain([None]);
        let clients = codes.flat_map(|code| [code; CLIENTS]);
        let threads: Vec<_> =
            clients.map(|code| scope.spawn(move || one(noisy, code, is_over))).collect();
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

/// A client that has code executed in its session, or makes runs.
fn one(noisy: &Target, code: Option<&str>, is_over: &AtomicBool) -> Result<()> {
    let mut client = noisy.connect()?;
    let Some(code) = code else {
        let run = noisy.run("print(1)");
        while !is_over.load(Ordering::Relaxed) {
            client.ask(&run)?.good()?;
        }
        return Ok(());
    };
    let session = live_session(&mut client, noisy)?;
    let request = noisy.code(&session, code);
    while !is_over.load(Ordering::Relaxed) {
        client.ask(&request)?.good()?;
    }
    client.ask(&noisy.delete(&session))?.good().map(drop)
}
