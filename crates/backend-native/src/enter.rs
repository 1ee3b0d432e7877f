//! A further sandbox inside one that was forked, from the host side.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use api::Control;
use policy::Policy;
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::Pid,
};
use sandbox::{LaunchError, Payload};
use sys::spawn::Spawned;
use tokio::{net::UnixDatagram, time::timeout};

use crate::{
    build::{Facts, Purpose, build_for},
    forked::{Child, pid_of},
    identity::INSIDE,
    launch::{Pipes, facts, interpret, is_left_out, lost, step_error, weaken},
    live::{Live, hear},
    orders,
    source::Sources,
    verify::Account,
    wire::{DESCRIPTORS_MAX, FromInit, ToInit},
};

/// How long an entry may take, for the reason that a fork may.
const ENTRY_TIME_MAX: Duration = Duration::from_secs(20);

/// Makes a further sandbox inside.
pub(crate) async fn enter(
    child: &Child,
    policy: &Policy,
    payload: Payload,
) -> Result<Live, LaunchError> {
    let failed = |error| step_error("opening the descriptors of a command", None, error);
    let stage = &child.stage;
    let leaf = child.leaf().ok_or_else(|| lost("the sandbox is gone"))?;
    let pipes = Pipes::make().map_err(failed)?;
    let (control, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|error| failed(error.into()))?;
    let phases = payload.steps.iter().map(|step| step.phase).collect();
    let facts = Facts {
        boot_id: child.boot_id.clone(),
        ..facts(&stage.host, policy, &Sources::default(), (0, 0))
    };
    let plan = weaken(build_for(Purpose::Enter, policy, &facts), (INSIDE, INSIDE));
    let packed = orders::pack(plan, payload, pipes.numbers(), None);
    let file = orders::file().map_err(failed)?;
    orders::write(&packed.orders, &file).map_err(failed)?;
    let extra: Vec<&OwnedFd> = pipes.guest.iter().chain(&packed.files).collect();
    let tasks = if is_left_out(Control::Memory) { Vec::new() } else { leaf.tasks() };
    if extra.len() + tasks.len() + 2 > DESCRIPTORS_MAX {
        return Err(failed(rustix::io::Errno::TOOBIG.into()));
    }
    let message = ToInit::Enter {
        number: child.listed.number,
        cgroups: u8::try_from(tasks.len()).unwrap_or(u8::MAX),
        descriptors: extra.iter().map(|fd| fd.as_raw_fd()).collect(),
    };
    let descriptors: Vec<BorrowedFd<'_>> = [file.as_fd(), theirs.as_fd()]
        .into_iter()
        .chain(tasks)
        .chain(extra.iter().map(AsFd::as_fd))
        .collect();
    let said = stage.say(&message, &descriptors).await;
    said.map_err(|error| step_error("asking to enter the sandbox", None, error))?;
    drop(descriptors);
    drop((theirs, file));
    let (spawned, control) = timeout(ENTRY_TIME_MAX, hear_entered(control, &packed.orders.plan))
        .await
        .map_err(|_| lost("the entry took longer than 20 s"))??;
    let mut live = Live::inside(spawned, control, Arc::clone(leaf), phases)
        .map_err(|error| step_error("watching the command", None, error))?;
    let ready = timeout(ENTRY_TIME_MAX, live.hear_setup()).await;
    drop((pipes.guest, packed.files));
    let packet = ready.map_err(|_| lost("the entry took longer than 20 s"))??;
    interpret(&packed.orders.plan, &packet)?;
    // What it must have in common with the sandbox is reported there; what it
    // has to have of its own is looked at here.
    let mut enforcement = sandbox::Forked::enforcement(child).clone();
    if child.setup.is_some() || enforcement.controls.is_empty() {
        return Err(lost("the sandbox has no account of what is enforced"));
    }
    let uid = child.host_uid();
    enforcement.controls.retain(|control, _| !Account::TELLS_OF.contains(control));
    Account::read(live.pid()).report(&mut enforcement, uid)?;
    live.ready(enforcement, pipes.host);
    Ok(live)
}

/// Waits for the first word of what entered: that an init is there.
async fn hear_entered(
    control: OwnedFd,
    plan: &crate::plan::Plan,
) -> Result<(Spawned, OwnedFd), LaunchError> {
    let failed = |error: io::Error| step_error("watching the command", None, error);
    rustix::io::ioctl_fionbio(&control, true).map_err(|error| failed(error.into()))?;
    let again = control.try_clone().map_err(failed)?;
    let socket = UnixDatagram::from_std(again.into()).map_err(failed)?;
    let packet = hear(&socket).await.map_err(failed)?;
    let packet = packet.ok_or_else(|| lost("the sandbox ended"))?;
    match packet.decode::<FromInit>() {
        Ok(FromInit::Entered) => {}
        Ok(_) => {
            interpret(plan, &packet)?;
            return Err(lost("its first word is out of turn"));
        }
        Err(error) => return Err(failed(error)),
    }
    let pidfd = packet.descriptors.into_iter().next();
    let pidfd = pidfd.ok_or_else(|| lost("it came without a descriptor"))?;
    let pid: Pid = pid_of(&pidfd).ok_or_else(|| lost("it ended at once"))?;
    Ok((Spawned { pid, pidfd }, control))
}
