//! An init that runs nothing: it opens mounts of host paths, in namespaces that make
//! it their owner, for a host side that may not do so itself.

use std::os::fd::AsFd;

use super::{Failure, Init, root::Builder, setup};
use crate::wire::{self, FromInit};

/// Opens what the plan has, and hands it back.
pub(super) fn run(init: &Init) -> Result<(), Failure> {
    let mut builder = Builder::new().map_err(|error| Failure::Step { step: 0, error })?;
    setup::apply_steps(init, &mut builder, 0..init.orders.plan.steps.len())?;
    let mounts: Vec<_> = builder.give().collect();
    let mounts: Vec<_> = mounts.iter().map(AsFd::as_fd).collect();
    Ok(wire::send(init.control.as_fd(), &FromInit::Opened, &mounts)?)
}
