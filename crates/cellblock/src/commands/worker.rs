//! `worker`: carries out runs of projects that others put into the queue.

use super::{
    Context,
    serve::{reaches, signals},
};
use crate::{exit, failure::Failure, ledger::Ledger, log::Log, render};

/// Works until it is told to end; what is under way then comes to its end, unless it is
/// told a second time.
pub(super) fn run(context: &Context) -> Result<u8, Failure> {
    let process = |action| move |source| Failure::Process { action, source };
    let given = &context.config.settings.server;
    let _log = Log::begin(given.log_format, given.log_level.0).map_err(process("begin a log"))?;
    let ledger = Ledger::open(&context.config.settings, &context.vars)?;
    render::note("waiting for runs");
    let signals = ledger.inside(signals).map_err(process("wait for signals"))?;
    ledger.work(reaches(signals.clone(), 1), reaches(signals, 2))?;
    ledger.close();
    Ok(exit::SUCCESS)
}
