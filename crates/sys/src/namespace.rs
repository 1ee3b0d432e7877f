//! Namespaces of a process that runs already.

use std::{ffi::c_int, io, mem, os::fd::AsRawFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// A namespace that a running process may move to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The current cgroups become the root of what is shown.
    Cgroup,
    /// Children get clocks of their own.
    TimeForChildren,
}

/// Moves to a new namespace.
///
/// # Errors
/// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` where the host kernel lacks it.
pub fn unshare(namespace: Namespace) -> io::Result<()> {
    let flag = match namespace {
        Namespace::Cgroup => libc::CLONE_NEWCGROUP,
        Namespace::TimeForChildren => CLONE_NEWTIME,
    };
    // SAFETY: takes a flag that touches neither memory nor descriptors.
    let result = unsafe { libc::unshare(flag) };
    crate::checked(result.into()).map(drop)
}

const CLONE_NEWTIME: c_int = 0x80;

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
