//! `serve`: the engine over HTTP, until it is told to end.

use std::io;

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};

use super::Context;
use crate::{exit, failure::Failure, render, wire::House};

/// The fewest threads that answer: one may be held for some milliseconds by what it
/// launches, and the others go on.
const THREADS_MIN: usize = 4;

/// Serves until it is told to end.
pub(super) fn run(context: &Context) -> Result<u8, Failure> {
    let process = |action| move |source| Failure::Process { action, source };
    let runtime = runtime().map_err(process("start an event loop"))?;
    runtime.block_on(async {
        let end = ending().map_err(process("wait for signals"))?;
        let server = House::serve(&context.config.settings, &context.vars).await?;
        let address = server.address().map_err(process("learn where it listens"))?;
        render::note(&format!("listening on http://{address}"));
        server.run(end).await;
        Ok(exit::SUCCESS)
    })
}

fn runtime() -> io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = processors.max(THREADS_MIN);
    Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

/// Waits until this process is told to end.
fn ending() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
