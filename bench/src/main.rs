//! Measures what sandboxes cost, alone and behind the server, beside bare processes and
//! beside peers; and lets them be used until something breaks.
//!
//! Everything that is compared runs in turn within one run of this program, so
//! that other work on the machine falls on all of it alike. Ratios count; times
//! are those of the machine at hand.

mod args;
mod budget;
mod fixture;
mod host;
mod inside;
mod machine;
mod measure;
mod program;
mod records;
mod report;
mod serve;
mod soak;
mod statistics;
mod subject;
mod table;
mod warm;

use std::{io::Write, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

use crate::{
    args::{Args, Command},
    budget::BUDGETS,
    fixture::Fixture,
    inside::Inside,
    machine::Machine,
    measure::measure,
    report::Report,
    serve::ServeArgs,
    subject::subjects,
    warm::args::WarmArgs,
};

fn main() -> ExitCode {
    // This program is every measured sandbox's init, too.
    if let Some(code) = inside::role() {
        return code;
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell if that fails.
            let _ = writeln!(std::io::stderr(), "bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    match &args.command {
        Some(Command::Warm(args)) => {
            let report = warm::run(&args.sized())?;
            print(args.json.then_some(&report), || warm::text(&report))
        }
        Some(Command::Serve(args)) => {
            let report = serve::run(args)?;
            print(args.json.then_some(&report), || serve::text(&report))
        }
        Some(Command::Records(args)) => {
            let report = records::run(args)?;
            print(args.json.then_some(&report), || records::text(&report))
        }
        Some(Command::Bare) => serve::bare(),
        Some(Command::Crowd(args)) => warm::hold(args),
        Some(Command::Soak(args)) => soak::run(args),
        None => cold(args),
    }
}

fn cold(args: &Args) -> Result<()> {
    let fixture = Fixture::make(args)?;
    let inside = Inside::build(&fixture)?;
    let subjects = subjects(args, &fixture, &inside)?;
    for subject in &subjects {
        subject.check(&inside).with_context(|| format!("{} cannot be measured", subject.name))?;
    }
    let machine = Machine::look();
    let mut report = Report { machine, modes: Vec::new(), warm: None, serve: None };
    for plan in args.plans() {
        let series = measure(&subjects, &inside, &plan)?;
        let name = match plan.mode {
            args::Mode::BackToBack => "back to back",
            args::Mode::Paced => "paced",
        };
        report.modes.push(report::Mode::of((name.to_owned(), plan.pause), &series, BUDGETS));
    }
    drop((inside, fixture));
    if args.smoke {
        report.warm = Some(warm::run(&WarmArgs::small(args.site()))?);
        report.serve = Some(serve::run(&ServeArgs::small(args))?);
        records::run(&records::RecordsArgs::small())?;
        soak::smoke(args.site())?;
    }
    report.machine.look_again();
    print(args.json.then_some(&report), || table::of(&report))
}

/// Prints a report as data, or as text.
fn print(data: Option<&impl Serialize>, text: impl FnOnce() -> String) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match data {
        Some(data) => {
            serde_json::to_writer_pretty(&mut out, data)?;
            writeln!(out)?;
        }
        None => write!(out, "{}", text())?,
    }
    Ok(())
}
