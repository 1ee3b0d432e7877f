//! A copy of the manager that builds the mounts of a forked sandbox from inside,
//! by the plan, and has the interpreter take its rights away.

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
    let (control, number) = (manager.control.as_fd(), site.number);
    let said = match build(manager, site) {
        Ok((applied, scratch)) => {
            let setup::Applied { weakened, landlock_abi } = applied;
            let message = FromInit::Built { number, weakened, landlock_abi };
            wire::send(control, &message, &[scratch.as_fd()])
        }
        Err(failure) => {
            let (step, errno) = match failure {
                Failure::Step { step, error } => (Some(step), errno(&error)),
                Failure::File { error, .. } => (None, errno(&error)),
                Failure::Host => (None, rustix::io::Errno::PIPE.raw_os_error()),
            };
            wire::send(control, &FromInit::NotBuilt { number, step, errno }, &[])
        }
    };
    i32::from(said.is_err())
}

fn build(manager: &Init, site: Site<'_>) -> Result<(setup::Applied, OwnedFd), Failure> {
    let first = |error| Failure::Step { step: 0, error };
    sys::namespace::enter(site.kernel).map_err(first)?;
    let control = manager.control.try_clone()?;
    let end = confinement(&site.plan);
    let init = manager.inside(control, orders::of_plan(site.plan), site.inherited);
    let mut builder = Builder::that_keeps_scratch().map_err(first)?;
    let mut applied = setup::apply_steps(&init, &mut builder, 0..end)?;
    let scratch = builder.kept_scratch().ok_or(Failure::Host)?;
    let rules = rules(&init.orders.plan, &mut applied)?;
    let rules = rules.as_ref().map(AsFd::as_fd);
    wire::send_bytes(site.setup.as_fd(), b"confine", rules.as_slice())?;
    let answer = wire::receive(site.setup, RecvFlags::empty())?;
    let answer = answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    applied.weakened.extend(site.script.interpret(&answer.bytes)?);
    Ok((applied, scratch))
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
