//! A user namespace that only states a mapping of ids, for a mount to use.

use std::{
    fs::{self, File},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{Signal, pidfd_send_signal},
};
use sys::spawn::{Spawn, spawn};

/// The namespace; the process that it was made with is gone.
#[derive(Debug)]
pub(crate) struct IdMap(OwnedFd);

const CLONE_NEWUSER: u64 = 0x1000_0000;

impl IdMap {
    /// Maps an owner on disk to an id on the host.
    ///
    /// # Errors
    /// The namespace could not be made or mapped.
    pub(crate) fn new(owner: (u32, u32), id: (u32, u32)) -> io::Result<Self> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let child = spawn(&Spawn {
            namespaces: CLONE_NEWUSER,
            cgroup: None,
            tasks: &[],
            control: theirs.as_fd(),
            parents_control: ours.as_fd(),
            keep: &[],
            executable: theirs.as_fd(),
            arguments: &[],
            capabilities: 0,
        })?;
        drop(theirs);
        let place = format!("/proc/{}", child.pid.as_raw_nonzero());
        let mapped = fs::write(format!("{place}/gid_map"), format!("{} {} 1\n", owner.1, id.1))
            .and_then(|()| {
                fs::write(format!("{place}/uid_map"), format!("{} {} 1\n", owner.0, id.0))
            })
            .and_then(|()| File::open(format!("{place}/ns/user")));
        // It would end where nobody can tell it to go on, but processes that are made at
        // the same time have copies of our end, and may wait in the same way.
        pidfd_send_signal(&child.pidfd, Signal::KILL)?;
        rustix::process::waitid(
            rustix::process::WaitId::PidFd(child.pidfd.as_fd()),
            rustix::process::WaitIdOptions::EXITED,
        )?;
        Ok(Self(mapped?.into()))
    }

    /// The namespace.
    pub(crate) fn namespace(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
