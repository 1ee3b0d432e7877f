//! Runs the payload's steps, one after another, and reaps whatever ends.

use std::{
    convert::Infallible,
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{ffi::OsStrExt, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{Pid, Signal, WaitOptions, wait},
};
use sys::fork::Fork;

use super::{ActionOrder, Init, StepOrder, errno, lockdown, probe};
use crate::wire::{FromInit, Status, ToInit};

/// Status of a child whose program could not be executed; the pipe tells why.
const NOT_RUN: i32 = 127;

/// Runs every step until one fails, and reports the end. Then nothing but init
/// is alive, and nobody holds the payload's streams.
pub(super) fn run(init: &mut Init) -> io::Result<()> {
    let ends = sys::signal::child_ends()?;
    let count = init.orders.steps.len();
    for number in 0..count {
        let step = u16::try_from(number).unwrap_or(u16::MAX);
        if number > 0 {
            init.say(&FromInit::Begins { step })?;
        }
        let (child, not_run) = start(init, number)?;
        if number + 1 == count {
            close_streams(init);
        }
        let status = match await_end(init, &ends, child)? {
            Some(status) => status,
            None => return Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        };
        end_all_others()?;
        if let Some(refusal) = Refusal::read(not_run) {
            close_streams(init);
            return init.say(&refusal.told(step));
        }
        if number + 1 == count || status != Status::Exited(0) {
            close_streams(init);
            return init.say(&FromInit::Ended { step, status });
        }
    }
    close_streams(init);
    init.say(&FromInit::Ended { step: 0, status: Status::Exited(0) })
}

fn close_streams(init: &mut Init) {
    for number in [init.orders.stdin, init.orders.stdout, init.orders.stderr] {
        init.close(number);
    }
}

/// Forks a child for a step. The pipe is readable once the child's program runs
/// (and then empty) or could not be executed (and then holds the error).
fn start(init: &Init, number: usize) -> io::Result<(Pid, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    match init.alone.fork()? {
        Fork::Parent(child) => Ok((child, reader)),
        Fork::Child => {
            let refusal = become_step(init, &init.orders.steps[number]);
            // Init is waiting; if it is not, this process is about to end as well.
            let _ = File::from(writer).write_all(&refusal.bytes());
            sys::signal::exit_now(NOT_RUN)
        }
    }
}

/// Why a step did not begin, as its child tells init.
#[derive(Clone, Copy)]
struct Refusal {
    /// Whether it is about the directory and not the program.
    is_directory: bool,
    errno: i32,
}

impl Refusal {
    fn bytes(self) -> [u8; 5] {
        let [a, b, c, d] = self.errno.to_ne_bytes();
        [u8::from(self.is_directory), a, b, c, d]
    }

    /// Reads what a child has told before it ended; `None` if its program was run.
    fn read(pipe: OwnedFd) -> Option<Self> {
        let mut bytes = [0; 5];
        File::from(pipe).read_exact(&mut bytes).ok()?;
        let [is_directory, errno @ ..] = bytes;
        Some(Self { is_directory: is_directory == 1, errno: i32::from_ne_bytes(errno) })
    }

    const fn told(self, step: u16) -> FromInit {
        match self {
            Self { is_directory: true, errno } => FromInit::NoDirectory { errno },
            Self { errno, .. } => FromInit::NotRun { step, errno },
        }
    }
}

/// The child: becomes the step's program, or ends. Returns only why it did not.
fn become_step(init: &Init, step: &StepOrder) -> Refusal {
    let refusal = |is_directory, error| Refusal { is_directory, errno: errno(&error) };
    if let ActionOrder::Command { directory, .. } = &step.action
        && let Err(error) = rustix::process::chdir(directory.as_slice())
    {
        return refusal(true, error.into());
    }
    match prepare_and_exec(init, step) {
        Ok(never) => match never {},
        Err(error) => refusal(false, error),
    }
}

fn prepare_and_exec(init: &Init, step: &StepOrder) -> io::Result<Infallible> {
    rustix::process::setsid()?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    sys::signal::reset();
    let stderr = init.descriptor(init.orders.stderr)?.try_clone()?;
    let stdout = match step.is_compile {
        true => stderr.try_clone()?,
        false => init.descriptor(init.orders.stdout)?.try_clone()?,
    };
    let limits = lockdown::limits(&init.orders.plan.rlimits);
    limits.iter().try_for_each(|limit| limit.apply(None))?;
    match &step.action {
        ActionOrder::Command { program, args, .. } => {
            let stdin = match step.is_compile {
                true => Stdio::null(),
                false => init.descriptor(init.orders.stdin)?.try_clone()?.into(),
            };
            let mut command = Command::new(OsStr::from_bytes(program));
            command.args(args).env_clear();
            command.envs(init.orders.plan.env_vars.iter().map(|(name, value)| (name, value)));
            command.stdin(stdin).stdout(stdout).stderr(stderr);
            Err(command.exec())
        }
        builtin => run_builtin(init, builtin, [stdout.as_fd(), stderr.as_fd()]),
    }
}

/// Goes on as a program of our own, with nothing open that belongs to init.
fn run_builtin(
    init: &Init,
    action: &ActionOrder,
    [stdout, stderr]: [BorrowedFd<'_>; 2],
) -> io::Result<Infallible> {
    let null = File::open("/dev/null")?;
    let streams = [null.as_fd(), stdout, stderr];
    match action {
        ActionOrder::StripTypes { source, target } => {
            let strip = init.builtins.strip_types;
            let words = [source, target].map(|path| OsStr::from_bytes(path));
            let work = |[source, target]: [&OsStr; 2]| strip_types(strip, source, target);
            sys::inherited::end_with_streams_only(streams, work, words)
        }
        _ => sys::inherited::end_with_streams_only(streams, |[]| probe::run(), []),
    }
}

type StripTypes = fn(&str) -> Result<String, String>;

/// Turns TypeScript into JavaScript, with the rights of any other program here.
fn strip_types(strip: StripTypes, source: &OsStr, target: &OsStr) -> i32 {
    let [source, target] = [source, target].map(Path::new);
    let done = std::fs::read_to_string(source)
        .map_err(|error| error.to_string())
        .and_then(|text| strip(&text))
        .and_then(|text| std::fs::write(target, text).map_err(|error| error.to_string()));
    match done {
        Ok(()) => 0,
        Err(message) => {
            let name = source.file_name().map(PathBuf::from).unwrap_or_default();
            // Nobody listening is no reason to end differently.
            let _ = writeln!(io::stderr(), "{}: {message}", name.display());
            1
        }
    }
}

/// Waits for a child's end, reaping every other process that ends meanwhile.
/// `None` where the host side is gone.
fn await_end(init: &Init, ends: &OwnedFd, child: Pid) -> io::Result<Option<Status>> {
    loop {
        if let Some(status) = reap(child)? {
            return Ok(Some(status));
        }
        let word = PollFlags::IN | PollFlags::RDHUP;
        let mut waits = [PollFd::new(&init.control, word), PollFd::new(ends, PollFlags::IN)];
        match poll(&mut waits, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_heard = !waits[0].revents().is_empty();
        if is_heard && !obey(init, child)? {
            return Ok(None);
        }
        let mut records = [0; 1024];
        let _ = rustix::io::read(ends.as_fd(), &mut records);
    }
}

/// Does what the host side says while a step is under way; whether it is still there.
fn obey(init: &Init, child: Pid) -> io::Result<bool> {
    match super::hear_now(&init.control)? {
        Some(ToInit::Signal { number }) => pass_on(child, number),
        Some(_) => return Err(io::ErrorKind::InvalidData.into()),
        None => return Ok(false),
    }
    Ok(true)
}

/// Sends a signal to a step's process group. Its first process has not been reaped,
/// so the number is still that of its group.
fn pass_on(child: Pid, number: i32) {
    let allowed = api::Signal::try_from(number).ok();
    let Some(signal) = allowed.and_then(|signal| Signal::from_named_raw(signal.number())) else {
        return;
    };
    // A child that was born this moment leads no group yet.
    if rustix::process::kill_process_group(child, signal) == Err(Errno::SRCH) {
        // Gone already is as good.
        let _ = rustix::process::kill_process(child, signal);
    }
}

/// Reaps what has ended; the status of `child` if it is among it.
fn reap(child: Pid) -> io::Result<Option<Status>> {
    let mut found = None;
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) if pid == child => {
                found = status
                    .exit_status()
                    .map(Status::Exited)
                    .or_else(|| status.terminating_signal().map(Status::Signaled));
            }
            Ok(Some(_)) | Err(Errno::INTR) => {}
            Ok(None) | Err(Errno::CHILD) => return Ok(found),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Kills every other process and reaps them all. New ones cannot appear: the
/// signal reaches all at once, and whoever has it no longer forks.
fn end_all_others() -> io::Result<()> {
    loop {
        match sys::signal::kill_all_others() {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => return Ok(()),
            Err(error) => return Err(error),
        }
        match wait(WaitOptions::empty()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::CHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
