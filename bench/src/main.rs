//! Measures what a cold run costs, beside a bare process and beside peers.
//!
//! Everything that is compared runs in turn within one run of this program, so
//! that other work on the machine falls on all of it alike. Ratios count; times
//! are those of the machine at hand.

mod args;
mod budget;
mod fixture;
mod inside;
mod machine;
mod measure;
mod program;
mod report;
mod statistics;
mod subject;
mod table;

use std::{io::Write, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;

use crate::{
    args::Args, fixture::Fixture, inside::Inside, machine::Machine, measure::measure,
    report::Report, subject::subjects,
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
    let fixture = Fixture::make(args)?;
    let inside = Inside::build(&fixture)?;
    let subjects = subjects(args, &fixture, &inside)?;
    for subject in &subjects {
        subject.check(&inside).with_context(|| format!("{} cannot be measured", subject.name))?;
    }
    let mut report = Report { machine: Machine::look(), modes: Vec::new() };
    for plan in args.plans() {
        let series = measure(&subjects, &inside, &plan)?;
        report.modes.push(report::Mode::of(&plan, &series));
    }
    report.machine.look_again();
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", table::of(&report))?;
    }
    Ok(())
}
