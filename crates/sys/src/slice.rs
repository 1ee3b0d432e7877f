//! How long a thread is let run before one that has just become ready may take its place.
//!
//! A host kernel before Linux 6.12 takes the call and does as before.

use std::{io, ptr, time::Duration};

/// What the kernel knows of a thread's scheduling, as far as it was at first.
#[repr(C)]
#[derive(Debug, Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// The bytes of it.
const SIZE: u32 = 48;
const _: () = assert!(size_of::<Attributes>() == SIZE as usize);

/// Ordinary scheduling, the only one that has slices.
const ORDINARY: u32 = 0;
const OURSELVES: libc::pid_t = 0;
const NO_FLAGS: libc::c_uint = 0;

/// Sets the calling thread's slice, and that of every thread and process that it makes
/// from now on. The kernel takes 0.1 to 100 ms, and the nearest of these for anything else.
///
/// # Errors
/// `EPERM` or `ENOSYS` where a filter is in the way; `Unsupported` where the thread is not
/// scheduled in the ordinary way.
pub fn set(slice: Duration) -> io::Result<()> {
    let mut attributes = Attributes::default();
    let place = ptr::from_mut(&mut attributes);
    // SAFETY: the kernel writes no more than `SIZE` bytes to `place`, which has as many, and
    // any bytes are valid numbers.
    let result =
        unsafe { libc::syscall(libc::SYS_sched_getattr, OURSELVES, place, SIZE, NO_FLAGS) };
    crate::checked(result)?;
    if attributes.policy != ORDINARY {
        return Err(io::ErrorKind::Unsupported.into());
    }
    attributes.runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    let place = ptr::from_ref(&attributes);
    // SAFETY: the kernel reads as many bytes at `place` as its first field says, which are there.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, OURSELVES, place, NO_FLAGS) };
    crate::checked(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_taken_over_by_what_is_started_later() {
        let known = || {
            let mut attributes = Attributes::default();
            let place = ptr::from_mut(&mut attributes);
            let (known, flags) = (libc::SYS_sched_getattr, NO_FLAGS);
            // SAFETY: the kernel writes no more than `SIZE` bytes to `place`, which has as many.
            let result = unsafe { libc::syscall(known, OURSELVES, place, SIZE, flags) };
            crate::checked(result).map(|_| attributes.runtime)
        };
        // On a thread of its own, so that no other test runs with it.
        let told = std::thread::spawn(move || {
            set(Duration::from_micros(300)).unwrap();
            (known().unwrap(), std::thread::spawn(move || known().unwrap()).join().unwrap())
        });
        let (own, childs) = told.join().unwrap();
        // Before Linux 6.12 nothing is told of it.
        assert!(own == 300_000 || own == 0, "{own}");
        assert_eq!(own, childs);
    }
}
