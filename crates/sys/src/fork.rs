//! `fork` where it is sound: in a process that has one thread.

use std::{
    ffi::c_int,
    fs, io, mem,
    os::fd::{FromRawFd, OwnedFd},
    ptr,
};

use rustix::process::Pid;

/// Proof that the process had one thread when it was made. Threads come only
/// from that thread, so whoever holds this and starts none still has one.
#[derive(Debug)]
pub struct SingleThreaded(());

/// Which side of a fork this is.
#[derive(Debug)]
pub enum Fork {
    /// The new process.
    Child,
    /// The old process, and the new one's id.
    Parent(Pid),
}

/// Which side of a birth this is.
#[derive(Debug)]
pub enum Birth {
    /// The new process.
    Child,
    /// The old process, and a descriptor of the new one.
    Parent(OwnedFd),
}

impl SingleThreaded {
    /// Counts the process's threads.
    ///
    /// # Errors
    /// There is more than one, or `/proc` is not there to count them.
    pub fn prove() -> io::Result<Self> {
        match fs::read_dir("/proc/self/task")?.count() {
            1 => Ok(Self(())),
            _ => Err(io::Error::other("the process has more than one thread")),
        }
    }

    /// The proof of a copy that was made of the process, which has one thread as well.
    #[must_use]
    pub const fn prove_by(_parent: &Self) -> Self {
        Self(())
    }

    /// Makes a copy of this process.
    ///
    /// # Errors
    /// The host kernel refused: `EAGAIN` at a limit of processes, `ENOMEM`.
    pub fn fork(&self) -> io::Result<Fork> {
        // SAFETY: with one thread no lock can be held by a thread that the child
        // lacks, so the child may run ordinary code; `self` proves that.
        let pid = unsafe { libc::fork() };
        let pid = i32::try_from(crate::checked(pid.into())?).unwrap_or(0);
        Ok(Pid::from_raw(pid).map_or(Fork::Child, Fork::Parent))
    }

    /// Makes a copy of this process that is the first of a new pid namespace and
    /// a child of this process's parent; and a descriptor of it.
    ///
    /// # Errors
    /// As [`SingleThreaded::fork`], and without `CAP_SYS_ADMIN`.
    pub fn fork_sibling_as_init(&self) -> io::Result<Birth> {
        let mut tid: *mut c_int = ptr::null_mut();
        // SAFETY: writes one address into `tid`.
        let known = unsafe { libc::prctl(libc::PR_GET_TID_ADDRESS, &raw mut tid) };
        let mut flags = libc::CLONE_NEWPID | libc::CLONE_PARENT | libc::CLONE_PIDFD;
        if known == 0 && !tid.is_null() {
            // As libc's own `fork` does it: its note of the thread's id is renewed.
            flags |= libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID;
        }
        let mut pidfd: c_int = -1;
        // SAFETY: `clone_args` is plain integers, for which all zeroes is a value.
        let mut arguments: libc::clone_args = unsafe { mem::zeroed() };
        arguments.flags = u64::from(flags.unsigned_abs());
        arguments.pidfd = (&raw mut pidfd).expose_provenance() as u64;
        arguments.child_tid = tid.expose_provenance() as u64;
        // SAFETY: as of `fork`: with one thread no lock can be held by another. The
        // kernel writes to `pidfd` here, and in the child to libc's own note.
        let pid = unsafe {
            libc::syscall(
                libc::SYS_clone3,
                &raw const arguments,
                mem::size_of::<libc::clone_args>(),
            )
        };
        if crate::checked(pid)? == 0 {
            return Ok(Birth::Child);
        }
        // SAFETY: CLONE_PIDFD made this descriptor for us, and nobody else owns it.
        Ok(Birth::Parent(unsafe { OwnedFd::from_raw_fd(pidfd) }))
    }
}
