//! Starts a program as the first process of new namespaces.
//!
//! Between `clone3` and `execveat` the child allocates nothing, takes no lock and
//! runs no destructor: it makes system calls on data that the parent prepared. So
//! this is sound in a program with threads too.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_long, c_ulong},
    io, mem,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use crate::{checked, lasting};

/// The most descriptors that may be handed to the child or written to by it.
/// They are copied to the child's stack view, so the number is bounded.
const DESCRIPTORS_MAX: usize = 4096;

/// Exit status of a child that could not become its program.
const EXIT_NOT_STARTED: c_int = 71;

/// libc's constant of this name is an `int`, in which it does not fit.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// First byte of the child's word that it could not become its program; the
/// error's number follows, four bytes in the host's order.
pub const NOT_STARTED: u8 = 0xff;

/// What to start, and in what.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// `CLONE_NEW…` flags of the namespaces to be new.
    pub namespaces: u64,
    /// Directory of the version 2 cgroup to be born in.
    pub cgroup: Option<BorrowedFd<'a>>,
    /// `tasks` files of version 1 cgroups to join before anything else.
    pub tasks: &'a [BorrowedFd<'a>],
    /// The child waits for one byte from this socket before it goes on, and
    /// ends if there is none. It survives `execve`.
    pub control: BorrowedFd<'a>,
    /// The parent's end of that socket. The child has a copy of it, too, and
    /// lets go of it first: it would wait for itself otherwise.
    pub parents_control: BorrowedFd<'a>,
    /// Descriptors that survive `execve`, with their numbers.
    pub keep: &'a [BorrowedFd<'a>],
    /// The program.
    pub executable: BorrowedFd<'a>,
    /// Its arguments, its name first.
    pub arguments: &'a [&'a CStr],
    /// Bit set of the capabilities that it keeps through `execve`.
    pub capabilities: u64,
}

/// A child that was started.
#[derive(Debug)]
pub struct Spawned {
    /// Its process id, as the caller sees it.
    pub pid: rustix::process::Pid,
    /// A descriptor of it, held since its birth.
    pub pidfd: OwnedFd,
}

/// The child's view of [`Spawn`]: raw, and ready before the clone.
struct Prepared {
    control: RawFd,
    parents_control: RawFd,
    tasks: Vec<RawFd>,
    keep: Vec<RawFd>,
    executable: RawFd,
    arguments: Vec<CString>,
    capabilities: u64,
    namespaces: u64,
    cgroup: Option<RawFd>,
}

/// Starts a child. Its env vars are empty; it dies with this process.
///
/// # Errors
/// `clone3` failed: `EPERM` where user namespaces are forbidden, `ENOSPC` where
/// there are too many, `EBADF` or `EACCES` for the cgroup. Failures after the
/// clone show as the end of the child without a word on the control socket.
pub fn spawn(spawn: &Spawn<'_>) -> io::Result<Spawned> {
    if spawn.keep.len() + spawn.tasks.len() > DESCRIPTORS_MAX {
        return Err(io::Error::from_raw_os_error(libc::EMFILE));
    }
    let prepared = Prepared::new(spawn);
    // The descriptors stay open meanwhile: their owners are borrowed until it is done.
    lasting::on_thread(move || start(&prepared))?
}

fn start(prepared: &Prepared) -> io::Result<Spawned> {
    let mut argv: Vec<_> = prepared.arguments.iter().map(|text| text.as_ptr()).collect();
    argv.push(ptr::null());
    let mut pidfd: RawFd = -1;
    // SAFETY: `clone_args` is plain integers, for which all zeroes is a value.
    let mut arguments: libc::clone_args = unsafe { mem::zeroed() };
    arguments.flags = prepared.namespaces | libc::CLONE_PIDFD as u64;
    arguments.pidfd = ptr::from_mut(&mut pidfd) as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    if let Some(cgroup) = prepared.cgroup {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = u64::from(cgroup.unsigned_abs());
    }
    // SAFETY: `clone3` reads `size_of` bytes of `arguments`, which live until it
    // returns, and writes one int to `pidfd`. Without CLONE_VM the child has its
    // own copy of memory, and it runs nothing but `become_program` below.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            ptr::from_ref(&arguments),
            mem::size_of::<libc::clone_args>(),
        )
    };
    if pid == 0 {
        become_program(prepared, &argv);
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(checked(pid)?).unwrap_or(0))
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    // SAFETY: CLONE_PIDFD made this descriptor for us, and nobody else owns it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Spawned { pid, pidfd })
}

impl Prepared {
    fn new(spawn: &Spawn<'_>) -> Self {
        let raw = |fds: &[BorrowedFd<'_>]| fds.iter().map(AsRawFd::as_raw_fd).collect();
        Self {
            control: spawn.control.as_raw_fd(),
            parents_control: spawn.parents_control.as_raw_fd(),
            tasks: raw(spawn.tasks),
            keep: raw(spawn.keep),
            executable: spawn.executable.as_raw_fd(),
            arguments: spawn.arguments.iter().map(|text| CString::from(*text)).collect(),
            capabilities: spawn.capabilities,
            namespaces: spawn.namespaces,
            cgroup: spawn.cgroup.map(|fd| fd.as_raw_fd()),
        }
    }
}

/// The child. Nothing here may allocate, lock or unwind.
fn become_program(prepared: &Prepared, argv: &[*const c_char]) -> ! {
    let control = prepared.control;
    die_with_parent();
    let_go(prepared.parents_control);
    if !told_to_go(control) {
        give_up(control, 0);
    }
    for fd in &prepared.tasks {
        if !join_cgroup(*fd) {
            give_up(control, errno());
        }
    }
    if !keep_capabilities(prepared.capabilities) {
        give_up(control, errno());
    }
    keep_open(control);
    for fd in &prepared.keep {
        keep_open(*fd);
    }
    let no_env_vars: [*const c_char; 1] = [ptr::null()];
    // SAFETY: the path is an empty C string (the descriptor is the program); both
    // arrays end in null and point to C strings that outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            prepared.executable as c_long,
            c"".as_ptr(),
            argv.as_ptr(),
            no_env_vars.as_ptr(),
            libc::AT_EMPTY_PATH as c_long,
        );
    }
    give_up(control, errno())
}

fn die_with_parent() {
    // SAFETY: takes two integers and touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as c_ulong) };
}

fn let_go(fd: RawFd) {
    // SAFETY: the child's copy has no owner here: nothing of the parent's values
    // is ever dropped in the child.
    unsafe { libc::close(fd) };
}

/// Waits for the byte; false where the parent is gone.
fn told_to_go(control: RawFd) -> bool {
    let mut byte = 0_u8;
    loop {
        // SAFETY: reads at most one byte into `byte`.
        let count = unsafe { libc::read(control, ptr::from_mut(&mut byte).cast(), 1) };
        if count >= 0 || errno() != libc::EINTR {
            return count == 1;
        }
    }
}

fn join_cgroup(tasks: RawFd) -> bool {
    // SAFETY: writes one byte of a static string. "0" means the writer itself.
    unsafe { libc::write(tasks, c"0".as_ptr().cast(), 1) == 1 }
}

fn keep_open(fd: RawFd) {
    // SAFETY: changes a flag of a descriptor number; a bad number is an error, ignored.
    unsafe { libc::fcntl(fd, libc::F_SETFD, 0) };
}

fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// Version 3 header and data of `capset`.
const CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// Puts the capabilities into the inheritable and ambient sets.
fn keep_capabilities(capabilities: u64) -> bool {
    let low = (capabilities & 0xffff_ffff) as u32;
    let high = (capabilities >> 32) as u32;
    let header: [u32; 2] = [CAPABILITY_VERSION_3, 0];
    // effective, permitted, inheritable; low words first, then high words
    let data: [u32; 6] = [low, low, low, high, high, high];
    // SAFETY: the kernel reads 8 bytes of header and 24 of data, both on our stack.
    let set = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
    let mut good = set == 0;
    for number in 0..64_u32 {
        if capabilities & (1 << number) != 0 {
            good &= raise_ambient(number);
        }
    }
    good
}

fn raise_ambient(capability: u32) -> bool {
    let operation = libc::PR_CAP_AMBIENT_RAISE as c_ulong;
    let zero: c_ulong = 0;
    // SAFETY: takes integers and touches no memory.
    unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, operation, c_ulong::from(capability), zero, zero) == 0
    }
}

/// Tells the parent the error, if there is one, and ends.
fn give_up(control: RawFd, error: c_int) -> ! {
    let [a, b, c, d] = error.to_ne_bytes();
    let message = [NOT_STARTED, a, b, c, d];
    if error != 0 {
        // SAFETY: sends five bytes from our stack.
        unsafe {
            libc::send(control, message.as_ptr().cast(), message.len(), libc::MSG_NOSIGNAL);
        }
    }
    // SAFETY: ends the process without running anything of it.
    unsafe { libc::_exit(EXIT_NOT_STARTED) }
}
