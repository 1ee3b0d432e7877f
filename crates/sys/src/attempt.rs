//! Forbidden system calls, made to see them refused.
//!
//! Each is made with arguments that name no memory, or memory of our own, so
//! that it harms nothing where it is allowed after all.

use std::{ffi::c_long, io};

/// A call that a sandbox must refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// A new user namespace.
    UnshareUser,
    /// A new mount namespace.
    UnshareMount,
    /// `clone3` with no arguments: refused before they are looked at.
    Clone3,
    /// A file system at `/tmp`.
    MountTmpfs,
    /// Taking `/proc` away.
    UnmountProc,
    /// Tracing by the parent.
    Ptrace,
    /// A program for the kernel's virtual machine.
    Bpf,
    /// A ring of asynchronous calls.
    IoUring,
    /// The kernel's key rings.
    KeyCtl,
    /// Page faults handled by a program.
    UserFaultFd,
    /// Hardware counters.
    PerfEventOpen,
    /// A filter of one's own.
    Seccomp,
    /// The kernel's log.
    Syslog,
    /// A new host name.
    SetHostName,
    /// Restarting the machine; an argument makes it invalid in any case.
    Reboot,
    /// A number that no system call has.
    Unknown,
}

impl Attempt {
    /// Every attempt.
    pub const ALL: [Self; 16] = [
        Self::UnshareUser,
        Self::UnshareMount,
        Self::Clone3,
        Self::MountTmpfs,
        Self::UnmountProc,
        Self::Ptrace,
        Self::Bpf,
        Self::IoUring,
        Self::KeyCtl,
        Self::UserFaultFd,
        Self::PerfEventOpen,
        Self::Seccomp,
        Self::Syslog,
        Self::SetHostName,
        Self::Reboot,
        Self::Unknown,
    ];

    /// The call's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnshareUser => "unshare(user)",
            Self::UnshareMount => "unshare(mount)",
            Self::Clone3 => "clone3",
            Self::MountTmpfs => "mount",
            Self::UnmountProc => "umount2",
            Self::Ptrace => "ptrace",
            Self::Bpf => "bpf",
            Self::IoUring => "io_uring_setup",
            Self::KeyCtl => "keyctl",
            Self::UserFaultFd => "userfaultfd",
            Self::PerfEventOpen => "perf_event_open",
            Self::Seccomp => "seccomp",
            Self::Syslog => "syslog",
            Self::SetHostName => "sethostname",
            Self::Reboot => "reboot",
            Self::Unknown => "unknown",
        }
    }

    /// Makes the call.
    ///
    /// # Errors
    /// What the host kernel answered.
    pub fn make(self) -> io::Result<()> {
        let path = |text: &'static std::ffi::CStr| text.as_ptr() as c_long;
        let (number, arguments) = match self {
            Self::UnshareUser => (libc::SYS_unshare, [libc::CLONE_NEWUSER as c_long, 0, 0, 0]),
            Self::UnshareMount => (libc::SYS_unshare, [libc::CLONE_NEWNS as c_long, 0, 0, 0]),
            Self::Clone3 => (libc::SYS_clone3, [0; 4]),
            Self::MountTmpfs => {
                (libc::SYS_mount, [path(c"none"), path(c"/tmp"), path(c"tmpfs"), 0])
            }
            Self::UnmountProc => (libc::SYS_umount2, [path(c"/proc"), 0, 0, 0]),
            Self::Ptrace => (libc::SYS_ptrace, [libc::PTRACE_TRACEME.into(), 0, 0, 0]),
            Self::Bpf => (libc::SYS_bpf, [0; 4]),
            Self::IoUring => (libc::SYS_io_uring_setup, [1, 0, 0, 0]),
            Self::KeyCtl => (libc::SYS_keyctl, [0; 4]),
            Self::UserFaultFd => (libc::SYS_userfaultfd, [0; 4]),
            Self::PerfEventOpen => (libc::SYS_perf_event_open, [0; 4]),
            Self::Seccomp => (libc::SYS_seccomp, [2, 0, 0, 0]),
            Self::Syslog => (libc::SYS_syslog, [10, 0, 0, 0]),
            Self::SetHostName => (libc::SYS_sethostname, [path(c"x"), 1, 0, 0]),
            Self::Reboot => (libc::SYS_reboot, [0; 4]),
            Self::Unknown => (9999, [0; 4]),
        };
        // SAFETY: every argument is an integer or a static C string, or null where
        // the call takes a pointer, so no memory of ours is written to.
        let result = unsafe {
            libc::syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], 0, 0)
        };
        crate::checked(result).map(drop)
    }
}
