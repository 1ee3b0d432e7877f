//! The parked interpreter, as its manager sees it.

use std::{
    convert::Infallible,
    ffi::OsStr,
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt, process::CommandExt},
    },
    process::{Command, Stdio},
};

use policy::syscalls;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::{AddressFamily, RecvFlags, SocketFlags, SocketType, socketpair},
    process::{Pid, Signal},
};
use sys::fork::Fork;

use super::{ActionOrder, Init, errno, lockdown, script::Script};
use crate::{
    plan::Step,
    wire::{self, Packet},
};

/// How long a fork may take in the interpreter: it takes a millisecond.
const FORK_SECONDS_MAX: i64 = 10;
/// The most complaints of a zygote, and the longest, in characters.
const COMPLAINTS_MAX: usize = 20;
const COMPLAINT_CHARS_MAX: usize = 200;

/// The least that an answer can be: the host kernel's highest error, negative.
const ERRNO_MIN: i32 = -4095;

/// A parked interpreter.
pub(super) struct Zygote {
    pub(super) pid: Pid,
    socket: OwnedFd,
    pub(super) is_alive: bool,
    is_parked: bool,
    /// The script that it has.
    script: String,
}

/// A forked interpreter that has not been confined yet.
pub(super) struct Newborn {
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
}

/// What a newborn holds: its channels and the cgroups to join.
pub(super) struct Gifts<'a> {
    pub(super) setup: BorrowedFd<'a>,
    /// Control, standard output and error, then the cgroups.
    pub(super) rest: &'a [OwnedFd],
}

impl Zygote {
    /// Starts the interpreter: without capabilities and a way to get them, under a
    /// filter that leaves it what a fork takes.
    pub(super) fn start(init: &Init, namespaces: u64) -> io::Result<Self> {
        let (socket, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        match init.alone.fork()? {
            Fork::Parent(pid) => {
                let (is_alive, is_parked, script) = (true, false, String::new());
                Ok(Self { pid, socket, is_alive, is_parked, script })
            }
            Fork::Child => {
                drop(socket);
                let Err(error) = become_interpreter(init, &theirs, namespaces);
                // Whoever waits for its first word learns that there is none.
                sys::signal::exit_now(errno(&error).clamp(1, 127))
            }
        }
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What it says unasked: that it is parked, and what it could not load. There is
    /// nothing else that it has to say, and one that does is ended.
    pub(super) fn complaints(&mut self) -> Option<Vec<String>> {
        let heard = self.hear();
        if self.is_parked || !matches!(heard, Ok(Some(_))) {
            self.end();
            return None;
        }
        self.is_parked = true;
        let packet = heard.ok().flatten()?;
        let text = String::from_utf8_lossy(&packet.bytes);
        let lines = text.lines().skip(1).take(COMPLAINTS_MAX);
        let short = |line: &str| line.chars().take(COMPLAINT_CHARS_MAX).collect();
        Some(lines.map(short).collect())
    }

    fn hear(&self) -> io::Result<Option<Packet>> {
        match wire::receive(&self.socket, RecvFlags::DONTWAIT) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            heard => heard,
        }
    }

    /// Forks it; what is born follows the script.
    pub(super) fn fork(&mut self, gifts: &Gifts<'_>, script: &Script) -> io::Result<Newborn> {
        if !self.is_alive {
            return Err(Errno::SRCH.into());
        }
        if let Err(error) = self.order(gifts, script) {
            if wire::is_gone(&error) {
                self.end();
            }
            return Err(error);
        }
        self.answer().unwrap_or_else(|error| {
            // It must not answer later, to somebody else.
            self.end();
            Err(error)
        })
    }

    fn order(&mut self, gifts: &Gifts<'_>, script: &Script) -> io::Result<()> {
        let all: Vec<_> =
            [gifts.setup].into_iter().chain(gifts.rest.iter().map(AsFd::as_fd)).collect();
        if self.script != script.text {
            let message = ["script\n", &script.text].concat();
            wire::send_bytes(self.socket.as_fd(), message.as_bytes(), &[])?;
            self.script.clone_from(&script.text);
        }
        wire::send_bytes(self.socket.as_fd(), b"fork", &all)
    }

    /// Waits for its answer to an order to fork, which may be that it cannot.
    fn answer(&self) -> io::Result<io::Result<Newborn>> {
        let limit = Timespec { tv_sec: FORK_SECONDS_MAX, tv_nsec: 0 };
        let mut wait = [PollFd::new(&self.socket, PollFlags::IN)];
        if poll(&mut wait, Some(&limit))? == 0 {
            return Err(Errno::TIMEDOUT.into());
        }
        let packet = self.hear()?.ok_or(Errno::SRCH)?;
        let number = <[u8; 4]>::try_from(packet.bytes.as_slice()).map(i32::from_le_bytes);
        match (number, packet.descriptors.into_iter().next()) {
            (Ok(pid @ 1..), Some(pidfd)) => {
                let pid = Pid::from_raw(pid).ok_or(Errno::PROTO)?;
                Ok(Ok(Newborn { pid, pidfd }))
            }
            (Ok(errno @ ERRNO_MIN..=-1), _) => Ok(Err(io::Error::from_raw_os_error(-errno))),
            _ => Err(Errno::PROTO.into()),
        }
    }

    /// Ends it; it is reaped like every other child. Once it is, its number may be
    /// somebody else's.
    pub(super) fn end(&mut self) {
        if self.is_alive {
            self.is_alive = false;
            // Gone already is as good.
            let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        }
    }
}

fn become_interpreter(init: &Init, socket: &OwnedFd, namespaces: u64) -> io::Result<Infallible> {
    rustix::process::setsid()?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    sys::signal::reset();
    // No other: what a maker of user namespaces has for processes, signals and locked
    // memory becomes the limit of all who are in them together.
    lockdown::zygote_limit(&init.orders.plan.rlimits).map_or(Ok(()), |limit| limit.apply(None))?;
    let Some(ActionOrder::Command { program, args, directory }) =
        init.orders.steps.first().map(|step| &step.action)
    else {
        return Err(Errno::INVAL.into());
    };
    let stream = |number| init.descriptor(number)?.try_clone();
    let mut command = Command::new(OsStr::from_bytes(program));
    command.args(args).arg(socket.as_raw_fd().to_string()).arg(namespaces.to_string());
    command.current_dir(OsStr::from_bytes(directory)).env_clear();
    command.envs(init.orders.plan.env_vars.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null());
    command.stdout(stream(init.orders.stdout)?).stderr(stream(init.orders.stderr)?);
    rustix::io::fcntl_setfd(socket, rustix::io::FdFlags::empty())?;
    for step in [Step::LockSecureBits, Step::DropCapabilities, Step::NoNewPrivs] {
        lockdown::apply(&step)?;
    }
    let program = syscalls::compile_for_zygote(syscalls::Arch::HOST);
    let profile = "zygote".to_owned();
    lockdown::apply(&Step::SyscallFilter { profile, program, audit: false })?;
    Err(command.exec())
}
