//! A copy of the manager that builds the mounts of a forked sandbox from inside,
//! by the plan, and has the interpreter take its rights away; later another one that
//! adds to them.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::RecvFlags;

use super::{Failure, Init, errno, lockdown, root::Builder, script::Script, setup};
use crate::{
    orders,
    plan::{Plan, Step},
    wire::{self, FromInit},
};

/// A forked sandbox that is to be built.
pub(super) struct Site<'a> {
    pub(super) number: u32,
    pub(super) kernel: BorrowedFd<'a>,
    /// Where its interpreter waits for word that it may confine itself.
    pub(super) setup: &'a OwnedFd,
    pub(super) plan: Plan,
    pub(super) script: &'a Script,
    pub(super) inherited: Vec<(i32, OwnedFd)>,
}

/// Builds, tells the host side what came of it, and gives an exit status.
pub(super) fn run(manager: &Init, site: Site<'_>) -> i32 {
    let (control, number, setup) = (manager.control.as_fd(), site.number, site.setup);
    let said = match build(manager, site) {
        Ok((applied, scratch, rules)) => {
            let setup::Applied { weakened, landlock_abi } = applied;
            let message = FromInit::Built { number, weakened, landlock_abi };
            let given: Vec<_> =
                [&scratch, setup].into_iter().chain(&rules).map(AsFd::as_fd).collect();
            wire::send(control, &message, &given)
        }
        Err(failure) => refuse(control, number, failure),
    };
    i32::from(said.is_err())
}

/// Tells the host side that it could not be done.
fn refuse(control: BorrowedFd<'_>, number: u32, failure: Failure) -> io::Result<()> {
    let (step, errno) = match failure {
        Failure::Step { step, error } => (Some(step), errno(&error)),
        Failure::File { error, .. } => (None, errno(&error)),
        Failure::Host => (None, rustix::io::Errno::PIPE.raw_os_error()),
    };
    wire::send(control, &FromInit::NotBuilt { number, step, errno }, &[])
}

type Built = (setup::Applied, OwnedFd, Option<OwnedFd>);

fn build(manager: &Init, site: Site<'_>) -> Result<Built, Failure> {
    let first = |error| Failure::Step { step: 0, error };
    sys::namespace::enter(site.kernel).map_err(first)?;
    let control = manager.control.try_clone()?;
    let end = confinement(&site.plan);
    let init = manager.inside(control, orders::of_plan(site.plan), site.inherited);
    let mut builder = Builder::that_keeps_scratch().map_err(first)?;
    let mut applied = setup::apply_steps(&init, &mut builder, 0..end)?;
    let scratch = builder.kept_scratch().ok_or(Failure::Host)?;
    let rules = rules(&init.orders.plan, &mut applied)?;
    wire::send_bytes(site.setup.as_fd(), b"confine", &[])?;
    let answer = wire::receive(site.setup, RecvFlags::empty())?;
    let answer = answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    applied.weakened.extend(site.script.interpret(&answer.bytes)?);
    Ok((applied, scratch, rules))
}

/// A forked sandbox that is to show more of the host.
pub(super) struct Furnishing<'a> {
    pub(super) number: u32,
    pub(super) kernel: BorrowedFd<'a>,
    pub(super) plan: Plan,
    pub(super) inherited: Vec<(i32, OwnedFd)>,
}

/// Shows it there, tells the host side what came of it, and gives an exit status.
pub(super) fn furnish(manager: &Init, site: Furnishing<'_>) -> i32 {
    let (control, number) = (manager.control.as_fd(), site.number);
    let said = match add(manager, site) {
        Ok(rules) => {
            let rules = rules.as_ref().map(AsFd::as_fd);
            wire::send(control, &FromInit::Furnished { number }, rules.as_slice())
        }
        Err(failure) => refuse(control, number, failure),
    };
    i32::from(said.is_err())
}

fn add(manager: &Init, site: Furnishing<'_>) -> Result<Option<OwnedFd>, Failure> {
    let first = |error| Failure::Step { step: 0, error };
    sys::namespace::enter(site.kernel).map_err(first)?;
    let control = manager.control.try_clone()?;
    let init = manager.inside(control, orders::of_plan(site.plan), site.inherited);
    let plan = &init.orders.plan;
    let is_rules = |step: &Step| matches!(step, Step::Landlock { .. });
    let end = plan.steps.iter().position(is_rules).unwrap_or(plan.steps.len());
    let mut builder = Builder::of_entered().map_err(first)?;
    let mut applied = setup::apply_steps(&init, &mut builder, 0..end)?;
    rules(plan, &mut applied)
}

/// The Landlock ruleset that the interpreter is to put on itself. Where there is
/// none and its control is waived, the interpreter fails to, and that is told.
fn rules(plan: &Plan, applied: &mut setup::Applied) -> Result<Option<OwnedFd>, Failure> {
    for (number, step) in plan.steps.iter().enumerate() {
        let Step::Landlock { writable, devices } = step else { continue };
        return match lockdown::landlock_rules(writable, devices) {
            Ok((rules, abi)) => {
                applied.landlock_abi = abi;
                Ok(Some(rules))
            }
            Err(_) if setup::is_waived(plan, step.control()) => Ok(None),
            Err(error) => {
                Err(Failure::Step { step: u16::try_from(number).unwrap_or(u16::MAX), error })
            }
        };
    }
    Ok(None)
}

/// Where what the interpreter does to itself begins.
pub(super) fn confinement(plan: &Plan) -> usize {
    let is_first = |step: &Step| matches!(step, Step::CgroupNamespace);
    plan.steps.iter().position(is_first).unwrap_or(plan.steps.len())
}
