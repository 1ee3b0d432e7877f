//! Namespaces of a process that runs already.

use std::{
    ffi::c_int,
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// A namespace that a running process may move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The current cgroups become the root of what is shown.
    Cgroup,
    /// Children get clocks of their own.
    TimeForChildren,
    /// Mounts of our own, at first the same.
    Mount,
}

/// Moves to a new namespace.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` where the host kernel lacks it.
pub fn unshare(namespace: Namespace) -> io::Result<()> {
    let flag = match namespace {
        Namespace::Cgroup => libc::CLONE_NEWCGROUP,
        Namespace::TimeForChildren => CLONE_NEWTIME,
        Namespace::Mount => libc::CLONE_NEWNS,
    };
    // SAFETY: takes a flag that touches neither memory nor descriptors.
    let result = unsafe { libc::unshare(flag) };
    crate::checked(result.into()).map(drop)
}

const CLONE_NEWTIME: c_int = 0x80;

/// Every namespace of a sandbox but that of its clocks.
const ENTERED: c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWCGROUP;

/// Enters every namespace of a process but that of its clocks. The process ids
/// are those of children only.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN` over them, `EINVAL` in a process with threads,
/// `ESRCH` where the process is gone.
pub fn enter(process: BorrowedFd<'_>) -> io::Result<()> {
    setns(process, ENTERED)
}

/// Lets children be born among the process ids of a process, or of a namespace.
///
/// # Errors
/// As [`enter`].
pub fn enter_pids_for_children(of: BorrowedFd<'_>) -> io::Result<()> {
    setns(of, libc::CLONE_NEWPID)
}

fn setns(of: BorrowedFd<'_>, namespaces: c_int) -> io::Result<()> {
    // SAFETY: takes a descriptor and flags, and touches no memory.
    let result = unsafe { libc::setns(of.as_raw_fd(), namespaces) };
    crate::checked(result.into()).map(drop)
}

/// Brings the loopback interface of the current network namespace up.
///
/// # Errors
/// `EPERM` without `CAP_NET_ADMIN` over the namespace.
pub fn bring_loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: `ifreq` is integers and a union of them; all zeroes is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = byte.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`, which lives until the call returns.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &request) };
    crate::checked(result.into()).map(drop)
}
