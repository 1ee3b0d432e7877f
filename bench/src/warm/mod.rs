//! Measures what is forked from parked interpreters: fresh sandboxes, turns, how many
//! a second, what they hold.

pub(crate) mod args;
mod budget;
mod crowd;
mod fresh;
pub(crate) mod house;
mod memory;
mod peer;
mod rate;
mod report;
pub(crate) mod rounds;
pub(crate) mod site;
mod turns;

use anyhow::Result;

use self::{
    args::{Part, WarmArgs},
    site::Site,
};
use crate::{budget::Budget, machine::Machine, report::Mode};

pub(crate) use self::{
    crowd::{CrowdArgs, hold},
    report::{Report, text},
};

/// Measures what is wanted.
///
/// # Errors
/// Something is missing, or a subject failed.
pub(crate) fn run(args: &WarmArgs) -> Result<Report> {
    let site = Site::make(&args.site, !args.smoke)?;
    let mut report = Report::begin(Machine::look());
    if !site.has_pandas {
        let place = site.environments.display();
        report.notes.push(format!("there is no environment with pandas in {place}: left out"));
    }
    if args.wants(Part::Fresh) {
        let subjects = |_| fresh::subjects(&site);
        report.rounds.extend(rounds_of("fresh", args, budget::FRESH, subjects)?);
    }
    if args.wants(Part::Turns) {
        let subjects = |are_many| turns::subjects(&site, are_many);
        report.rounds.extend(rounds_of("turns", args, budget::TURNS, subjects)?);
    }
    if args.wants(Part::Rate) {
        report.rates = rate::measure(&site, args)?;
    }
    if args.wants(Part::Memory) {
        report.memory = memory::measure(&site, args)?;
    }
    report.machine.look_again();
    Ok(report)
}

fn rounds_of(
    part: &str,
    args: &WarmArgs,
    budgets: &[Budget],
    subjects: impl Fn(bool) -> Result<Vec<Box<dyn rounds::Subject>>>,
) -> Result<Vec<Mode>> {
    let mut modes = Vec::new();
    for pace in args::paces(args.runs) {
        let mut subjects = subjects(pace.pause.is_zero())?;
        let series = rounds::measure(&mut subjects, pace)?;
        modes.push(Mode::of((format!("{part}, {}", pace.name), pace.pause), &series, budgets));
    }
    Ok(modes)
}
