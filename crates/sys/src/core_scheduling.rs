//! Core scheduling: who may run beside whom on the threads of a processor core.
//!
//! Tasks carry a cookie, and threads of one core run tasks of one cookie at a
//! time. Taking a cookie of one's own is a [`Confinement`](crate::confine::Confinement).

use std::{ffi::c_ulong, io, ptr};

/// Scopes of a call: one thread, or all threads of a process.
const THREAD: c_ulong = 0;
pub(crate) const PROCESS: u64 = 1;

/// The calling thread's cookie; zero where it never got one.
///
/// # Errors
/// `EINVAL` where the host kernel was built without core scheduling, `ENODEV`
/// where it sees no core with more than one thread.
pub fn cookie() -> io::Result<u64> {
    let mut cookie = 0_u64;
    let operation = c_ulong::from(libc::PR_SCHED_CORE_GET.unsigned_abs());
    let ourselves: c_ulong = 0;
    // SAFETY: the kernel writes eight bytes to the last argument, which is a `u64`.
    let result = unsafe {
        libc::prctl(libc::PR_SCHED_CORE, operation, ourselves, THREAD, ptr::from_mut(&mut cookie))
    };
    crate::checked(result.into()).map(|_| cookie)
}
