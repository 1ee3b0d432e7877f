//! `runs`: runs projects, and shows what is kept of everything that ran.

mod carry;
mod look;

use super::Context;
use crate::{
    args::{LedgerArgs, RunsCommand},
    failure::Failure,
    ledger::Ledger,
};

/// Where a verb looks, and how it reports.
pub(super) fn ledger(command: &RunsCommand) -> &LedgerArgs {
    match command {
        RunsCommand::Run(args) => &args.ledger,
        RunsCommand::List(args) => &args.ledger,
        RunsCommand::Get { ledger, .. }
        | RunsCommand::Output { ledger, .. }
        | RunsCommand::Cancel { ledger, .. }
        | RunsCommand::Logs { ledger, .. }
        | RunsCommand::Compare { ledger, .. }
        | RunsCommand::Rerun { ledger, .. } => ledger,
    }
}

/// Carries out one of the verbs.
pub(super) fn run(command: &RunsCommand, context: &Context) -> Result<u8, Failure> {
    let opened = Ledger::open(&context.config.settings, &context.vars)?;
    let as_json = ledger(command).format.json;
    let status = match command {
        RunsCommand::Run(args) => carry::run(&opened, args),
        RunsCommand::Rerun { run, .. } => carry::rerun(&opened, run, as_json),
        RunsCommand::Cancel { run, .. } => carry::cancel(&opened, run, as_json),
        RunsCommand::List(args) => look::list(&opened, args),
        RunsCommand::Get { run, .. } => look::get(&opened, run, as_json),
        RunsCommand::Output { run, name, .. } => {
            look::output(&opened, run, name.as_deref(), as_json)
        }
        RunsCommand::Logs { run, follow, .. } => look::logs(&opened, run, *follow),
        RunsCommand::Compare { base, scenario, .. } => {
            look::compare(&opened, (base, scenario), as_json)
        }
    };
    opened.close();
    status
}
