//! Typed wrappers over Linux: the one crate with `unsafe`.
//!
//! One system call each, where rustix has no safe one. No policy, no logging, no
//! decision: callers say what they want in types and get an `io::Result`.
//!
//! | module | calls |
//! |---|---|
//! | [`spawn`] | `clone3`, and everything the child does until `execveat` |
//! | [`fork`] | `fork` of a process with one thread |
//! | [`inherited`] | taking over descriptors that came through `execve` |
//! | [`mount`] | `mount_setattr` |
//! | [`namespace`] | `unshare`, `setns`, bringing loopback up |
//! | [`confine`] | what a process takes away from itself, as data too |
//! | [`core_scheduling`] | `prctl(PR_SCHED_CORE)` |
//! | [`seccomp`] | instructions of a filter |
//! | [`mod@slice`] | `sched_setattr` |
//! | [`signal`] | `sigaction`, `sigprocmask`, `signalfd4`, `kill(-1)` |
//! | [`attempt`] | forbidden calls, made to see them refused |

pub mod attempt;
pub mod confine;
pub mod core_scheduling;
pub mod fork;
pub mod inherited;
mod lasting;
pub mod mount;
pub mod namespace;
pub mod seccomp;
pub mod signal;
pub mod slice;
pub mod spawn;

use std::io;

/// The value a libc call returned, or the error it left in `errno`.
fn checked(value: libc::c_long) -> io::Result<libc::c_long> {
    if value == -1 { Err(io::Error::last_os_error()) } else { Ok(value) }
}
