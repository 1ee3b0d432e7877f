//! A copy of the manager that builds the mounts of a forked sandbox from inside,
//! by the plan, and has the interpreter take its rights away.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::net::RecvFlags;

use super::{Failure, Init, Orders, errno, root::Builder, script::Script, setup, stage::Parcel};
use crate::{
    plan::{Plan, Step},
    wire::{self, FromInit},
};

/// Builds, tells the host side what came of it, and gives an exit status.
pub(super) fn run(
    manager: &Init,
    number: u32,
    kernel: BorrowedFd<'_>,
    setup: &OwnedFd,
    parcel: Parcel,
) -> i32 {
    let control = manager.control.as_fd();
    let said = match build(manager, kernel, setup, parcel) {
        Ok((script, scratch)) => {
            let Script { weakened, landlock_abi, .. } = script;
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

fn build(
    manager: &Init,
    kernel: BorrowedFd<'_>,
    setup: &OwnedFd,
    parcel: Parcel,
) -> Result<(Script, OwnedFd), Failure> {
    let first = |error| Failure::Step { step: 0, error };
    sys::namespace::enter(kernel).map_err(first)?;
    let control = manager.control.try_clone()?;
    let orders = Orders::read(parcel.orders)?;
    drop(parcel.channels);
    let init = manager.inside(control, orders, parcel.inherited);
    let mut builder = Builder::that_keeps_scratch().map_err(first)?;
    let end = confinement(&init.orders.plan);
    let applied = setup::apply_steps(&init, &mut builder, 0..end)?;
    let scratch = builder.kept_scratch().ok_or(Failure::Host)?;
    let mut script = Script::new(&init.orders.plan, end)?;
    script.weakened.extend(applied.weakened);
    let rules = script.rules.as_ref().map(AsFd::as_fd);
    wire::send_bytes(setup.as_fd(), script.text.as_bytes(), rules.as_slice())?;
    let answer = wire::receive(setup, RecvFlags::empty())?;
    let answer = answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    script.interpret(&answer.bytes)?;
    Ok((script, scratch))
}

/// Where what the interpreter does to itself begins.
fn confinement(plan: &Plan) -> usize {
    let is_first = |step: &Step| matches!(step, Step::CgroupNamespace);
    plan.steps.iter().position(is_first).unwrap_or(plan.steps.len())
}
