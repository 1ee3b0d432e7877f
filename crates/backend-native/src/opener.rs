//! Opens mounts of host paths where the host side is an ordinary user: by a process in
//! namespaces of its own, over which that user has the right to.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::Duration,
};

use policy::Policy;
use rustix::{
    net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair},
    process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid},
};
use sandbox::LaunchError;
use sys::spawn::{Spawn, Spawned, spawn};
use tokio::{net::UnixDatagram, time::timeout};

use crate::{
    build::opening,
    init::NAME,
    launch::{NEWNS, NEWUSER, interpret, lost, step_error},
    live::hear,
    native::Host,
    orders,
    plan::{HostPath, Plan},
    wire::{self, FromInit, ToInit},
};

/// How long it may take, for the reason that a launch may.
const OPENING_TIME_MAX: Duration = Duration::from_secs(20);

const CAP_SYS_ADMIN: u64 = 1 << 21;

/// The process, killed and reaped when this is dropped.
struct Opener(Spawned);

impl Drop for Opener {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = pidfd_send_signal(&self.0.pidfd, Signal::KILL);
        let _ = waitid(WaitId::PidFd(self.0.pidfd.as_fd()), WaitIdOptions::EXITED);
    }
}

/// Opens a mount of each path, if it still is what the host side saw.
///
/// # Errors
/// The process could not be started, or one could not be opened.
pub(crate) async fn open(
    host: &Host,
    policy: &Policy,
    paths: &[HostPath],
) -> Result<Vec<OwnedFd>, LaunchError> {
    let plan = opening(paths, policy);
    let (opener, control) = start(host, &plan)
        .map_err(|error| step_error("starting a process that opens shares", None, error))?;
    let heard = timeout(OPENING_TIME_MAX, hear(&control)).await;
    drop(opener);
    let heard = heard.map_err(|_| lost("opening shares took longer than 20 s"))?;
    let packet = heard.map_err(|error| step_error("opening shares", None, error))?;
    let packet = packet.ok_or_else(|| lost("the process that opens shares ended"))?;
    match packet.decode::<FromInit>() {
        Ok(FromInit::Opened) if packet.descriptors.len() == paths.len() => Ok(packet.descriptors),
        Ok(FromInit::Opened) => Err(lost("there are too few descriptors for the shares")),
        _ => {
            interpret(&plan, &packet)?;
            Err(lost("the process that opens shares spoke out of turn"))
        }
    }
}

fn start(host: &Host, plan: &Plan) -> io::Result<(Opener, UnixDatagram)> {
    let (control, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    let file = orders::file()?;
    orders::write(&orders::to_open(plan.clone()), &file)?;
    let numbers = [theirs.as_raw_fd(), file.as_raw_fd()].map(|number| number.to_string());
    let texts = [NAME].into_iter().chain(numbers.iter().map(String::as_str));
    let arguments = texts.map(CString::new).collect::<Result<Vec<_>, _>>()?;
    let arguments: Vec<_> = arguments.iter().map(CString::as_c_str).collect();
    let opener = Opener(spawn(&Spawn {
        namespaces: NEWUSER | NEWNS,
        cgroup: None,
        tasks: &[],
        control: theirs.as_fd(),
        parents_control: control.as_fd(),
        keep: &[file.as_fd()],
        executable: host.executable(),
        arguments: &arguments,
        capabilities: CAP_SYS_ADMIN,
    })?);
    rustix::io::ioctl_fionbio(&control, true)?;
    send(&control, b"g", SendFlags::NOSIGNAL)?;
    wire::send(control.as_fd(), &ToInit::Begin, &[])?;
    Ok((opener, UnixDatagram::from_std(control.into())?))
}
