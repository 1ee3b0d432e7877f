//! Applies the plan: each step to the function that does it.

use std::{io, ops::Range};

use api::Control;

use super::{Failure, Init, files, lockdown, root::Builder};
use crate::{
    plan::{Plan, Step},
    wire::{FromInit, Weakened},
};

/// What came of a set-up.
pub(super) struct Applied {
    /// Steps that failed and whose control is waived.
    pub(super) weakened: Vec<Weakened>,
    /// The version of Landlock's interface that was had.
    pub(super) landlock_abi: u8,
}

impl Applied {
    /// As the host side is told.
    pub(super) fn ready(self) -> FromInit {
        FromInit::Ready { weakened: self.weakened, landlock_abi: self.landlock_abi }
    }
}

/// Applies every step, in order.
///
/// A failed step ends the set-up, unless the caller waived its control.
pub(super) fn apply(init: &Init) -> Result<Applied, Failure> {
    let mut builder = Builder::new().map_err(|error| Failure::Step { step: 0, error })?;
    apply_steps(init, &mut builder, 0..init.orders.plan.steps.len())
}

/// Applies some of the steps.
pub(super) fn apply_steps(
    init: &Init,
    builder: &mut Builder,
    wanted: Range<usize>,
) -> Result<Applied, Failure> {
    let plan = &init.orders.plan;
    let mut applied = Applied { weakened: Vec::new(), landlock_abi: 0 };
    for (number, step) in plan.steps.iter().enumerate().take(wanted.end).skip(wanted.start) {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let done = match step {
            Step::Files { .. } => {
                files::put_in(init, builder)?;
                Ok(())
            }
            Step::Landlock { writable, devices } => {
                lockdown::landlock(writable, devices).map(|abi| applied.landlock_abi = abi)
            }
            step => apply_one(init, builder, step),
        };
        match done {
            Ok(()) => {}
            Err(error) if is_waived(plan, step.control()) => {
                builder.fall_back(step).map_err(|error| Failure::Step { step: number, error })?;
                applied.weakened.push(Weakened { step: number, errno: super::errno(&error) });
            }
            Err(error) => return Err(Failure::Step { step: number, error }),
        }
    }
    Ok(applied)
}

pub(super) fn is_waived(plan: &Plan, control: Option<Control>) -> bool {
    control.is_some_and(|control| plan.waived.contains(&control))
}

fn apply_one(init: &Init, builder: &mut Builder, step: &Step) -> io::Result<()> {
    match step {
        Step::Overlay { source, parts } => builder.open_overlay(source, parts),
        Step::Copy { slot, source } => builder.copy(*slot, source),
        Step::Bind { slot, source } => builder.open_bind(*slot, source),
        Step::Mapped { slot, descriptor, .. } | Step::Opened { slot, descriptor, .. } => {
            builder.take(*slot, init.descriptor(*descriptor)?.try_clone()?);
            Ok(())
        }
        Step::BecomeUser { uid, gid } => lockdown::become_user(*uid, *gid),
        Step::PrivateMounts => Builder::make_private(),
        Step::Root { bytes, inodes } => builder.mount_root(*bytes, *inodes),
        Step::Directory { path, mode } => builder.directory(path, *mode),
        Step::Symlink { path, target } => builder.symlink(path, target),
        Step::File { path, text } => builder.file(path, text.as_bytes()),
        Step::Scratch { bytes, inodes, places, remains } => {
            let remains = remains.map(|number| init.descriptor(number)?.try_clone()).transpose()?;
            builder.scratch(*bytes, *inodes, places, remains)
        }
        Step::OwnMounts => builder.own_mounts(),
        Step::Attach { slot, target, kind, flags } => builder.attach(*slot, target, *kind, *flags),
        Step::Terminals { max } => builder.terminals(*max),
        Step::Proc { processes_only } => builder.proc(*processes_only),
        Step::Mask { path, kind } => builder.mask(path, *kind),
        Step::ReadOnlySysctls => builder.read_only_sysctls(),
        Step::BootId { text } => builder.boot_id(text),
        Step::NoNestedUserns => builder.write_proc("sys/user/max_user_namespaces", "0"),
        Step::FewWatches { instances, watches } => few_watches(builder, *instances, *watches),
        Step::HostName => Ok(rustix::system::sethostname(b"sandbox")?),
        Step::Loopback => sys::namespace::bring_loopback_up(),
        Step::CgroupNamespace => sys::namespace::unshare(sys::namespace::Namespace::Cgroup),
        Step::OwnClocks => own_clocks(builder),
        Step::Enter => builder.enter(),
        Step::SealRoot => builder.seal(),
        Step::OomFirst => builder.write_proc("self/oom_score_adj", "1000"),
        step => lockdown::apply(step),
    }
}

fn few_watches(builder: &Builder, instances: u32, watches: u32) -> io::Result<()> {
    for (name, limit) in [("instances", instances), ("watches", watches)] {
        match builder.write_proc(&format!("sys/user/max_inotify_{name}"), &limit.to_string()) {
            // The host kernel has no watches.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    Ok(())
}

/// Children see clocks that began at the sandbox's start.
fn own_clocks(builder: &Builder) -> io::Result<()> {
    use rustix::time::{ClockId, clock_gettime};
    sys::namespace::unshare(sys::namespace::Namespace::TimeForChildren)?;
    let mut offsets = String::new();
    for (clock, id) in [("monotonic", ClockId::Monotonic), ("boottime", ClockId::Boottime)] {
        // Whole seconds, so that the clock is never below zero.
        let seconds = clock_gettime(id).tv_sec;
        offsets.push_str(&format!("{clock} -{seconds} 0\n"));
    }
    builder.write_proc("self/timens_offsets", &offsets)
}
