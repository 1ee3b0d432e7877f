//! Signals of the process as a whole.

use std::{
    ffi::c_int,
    io, mem,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
};

/// The highest signal number of Linux.
const SIGNAL_MAX: c_int = 64;

/// Gives every signal its default action and lets every one through: a program
/// starts with the dispositions that its parent happened to have otherwise.
pub fn reset() {
    for number in 1..=SIGNAL_MAX {
        // SAFETY: installs no handler of ours. Numbers that cannot be changed
        // (SIGKILL, SIGSTOP, those of libc) are refused, which is fine.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
    let empty = empty_set();
    // SAFETY: reads one set that lives until the call returns.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, ptr::null_mut()) };
}

/// Gives every signal that somebody may send its default action, whatever the caller of
/// this program had ignored: a child would lose those that come before its own [`reset`].
/// Writing to who is gone goes on being an error.
pub fn heed() {
    for number in 1..libc::SIGSYS {
        if number != libc::SIGPIPE {
            // SAFETY: installs no handler of ours. SIGKILL and SIGSTOP are refused.
            unsafe { libc::signal(number, libc::SIG_DFL) };
        }
    }
}

/// Holds the ends of children back as signals and gives them as readable bytes.
///
/// # Errors
/// Out of descriptors.
pub fn child_ends() -> io::Result<OwnedFd> {
    signals_as_bytes(&[libc::SIGCHLD])
}

/// Holds the signals that ask a program to end (`SIGINT`, `SIGTERM`, `SIGHUP`)
/// back and gives them as readable bytes: each reads as a record of 128 bytes
/// whose first four are the signal's number.
///
/// # Errors
/// Out of descriptors.
pub fn ends_asked_for() -> io::Result<OwnedFd> {
    signals_as_bytes(&[libc::SIGINT, libc::SIGTERM, libc::SIGHUP])
}

fn signals_as_bytes(signals: &[c_int]) -> io::Result<OwnedFd> {
    let mut set = empty_set();
    for signal in signals {
        // SAFETY: `set` is an initialised set and the numbers are signals.
        unsafe { libc::sigaddset(&raw mut set, *signal) };
    }
    // SAFETY: reads one set that lives until the call returns.
    unsafe { libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) };
    let flags = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    // SAFETY: as above; -1 asks for a new descriptor.
    let fd = unsafe { libc::signalfd(-1, &raw const set, flags) };
    crate::checked(fd.into())?;
    // SAFETY: the call made this descriptor for us, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn empty_set() -> libc::sigset_t {
    // SAFETY: a set of signals is plain bits, for which all zeroes is a value.
    let mut set: libc::sigset_t = unsafe { mem::zeroed() };
    // SAFETY: writes to one set.
    unsafe { libc::sigemptyset(&raw mut set) };
    set
}

/// Kills every process that this one may signal, but itself. As the first
/// process of a pid namespace that is every other process in it.
///
/// # Errors
/// `ESRCH` where there is none.
pub fn kill_all_others() -> io::Result<()> {
    // SAFETY: takes two integers.
    let result = unsafe { libc::kill(-1, libc::SIGKILL) };
    crate::checked(result.into()).map(drop)
}

/// Ends the process at once, with no destructor and no flush.
pub fn exit_now(status: c_int) -> ! {
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(status) }
}
