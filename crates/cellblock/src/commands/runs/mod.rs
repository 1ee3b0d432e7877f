//! `runs`: runs projects, and shows what is kept of everything that ran.

mod carry;
mod look;

use crate::{args::RunsCommand, failure::Failure, ledger::Ledger};

/// Carries out one of the verbs.
pub(super) fn run(ledger: &Ledger, command: &RunsCommand, as_json: bool) -> Result<u8, Failure> {
    match command {
        RunsCommand::Run(args) => carry::run(ledger, args),
        RunsCommand::Rerun { run, .. } => carry::rerun(ledger, run, as_json),
        RunsCommand::Cancel { run, .. } => carry::cancel(ledger, run, as_json),
        RunsCommand::List(args) => look::list(ledger, args),
        RunsCommand::Get { run, .. } => look::get(ledger, run, as_json),
        RunsCommand::Output { run, name, .. } => {
            look::output(ledger, run, name.as_deref(), as_json)
        }
        RunsCommand::Logs { run, follow, .. } => look::logs(ledger, run, *follow),
        RunsCommand::Compare { base, scenario, .. } => {
            look::compare(ledger, (base, scenario), as_json)
        }
    }
}
