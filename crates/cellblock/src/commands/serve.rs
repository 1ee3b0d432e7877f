//! `serve`: the engine over HTTP, until it is told to end.

use std::{io, time::Duration};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use super::Context;
use crate::{
    exit,
    failure::Failure,
    log::Log,
    render,
    wire::{self, House},
};

/// The fewest threads that answer: one may be held for some milliseconds by what it
/// launches, and the others go on.
const THREADS_MIN: usize = 4;
/// How long threads that are inside of a system call may hold the end back.
const THREADS_END_MAX: Duration = Duration::from_secs(1);

/// Serves until it is told to end.
pub(super) fn run(context: &Context) -> Result<u8, Failure> {
    let process = |action| move |source| Failure::Process { action, source };
    let given = &context.config.settings.server;
    let _log = Log::begin(given.log_format, given.log_level.0).map_err(process("begin a log"))?;
    wire::run_in_short_slices();
    let runtime = runtime().map_err(process("start an event loop"))?;
    let served = runtime.block_on(async {
        let signals = signals().map_err(process("wait for signals"))?;
        let server = House::serve(&context.config.settings, &context.vars).await?;
        let address = server.address().map_err(process("learn where it listens"))?;
        render::note(&format!("listening on http://{address}"));
        server.run(reaches(signals.clone(), 1), reaches(signals, 2)).await;
        Ok(exit::SUCCESS)
    });
    runtime.shutdown_timeout(THREADS_END_MAX);
    served
}

pub(super) fn runtime() -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.max(THREADS_MIN);
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// Counts how often this process is told to end.
pub(super) fn signals() -> io::Result<watch::Receiver<u32>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (count, counted) = watch::channel(0_u32);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            count.send_modify(|count| *count = count.saturating_add(1));
        }
    });
    Ok(counted)
}

/// Waits until this process was told to end so often.
pub(super) async fn reaches(mut signals: watch::Receiver<u32>, times: u32) {
    // The one that counts goes on as long as the event loop does.
    let _ = signals.wait_for(|count| *count >= times).await;
}
