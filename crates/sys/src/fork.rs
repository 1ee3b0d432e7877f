//! `fork` where it is sound: in a process that has one thread.

use std::{fs, io};

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
}
