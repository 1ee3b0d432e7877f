//! `worker`: carries out runs of projects that others put into the queue.

use tokio::sync::watch;

use super::{Context, serve};
use crate::{exit, failure::Failure, ledger::Ledger, log::Log, render};

/// Works until it is told to end; what is under way then comes to its end, unless it is
/// told a second time.
pub(super) fn run(context: &Context) -> Result<u8, Failure> {
    let process = |action| move |source| Failure::Process { action, source };
    let given = &context.config.settings.server;
    let _log = Log::begin(given.log_format, given.log_level.0).map_err(process("begin a log"))?;
    let ledger = Ledger::open(&context.config.settings, &context.vars)?;
    render::note("waiting for runs");
    ledger.work(told_to_end())?;
    ledger.close();
    Ok(exit::SUCCESS)
}

async fn told_to_end() {
    let Ok(signals) = serve::signals() else { return };
    let mut signals: watch::Receiver<u32> = signals;
    let _ = signals.wait_for(|count| *count >= 1).await;
}
