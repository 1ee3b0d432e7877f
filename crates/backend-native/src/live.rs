//! A live sandbox, from the host side.

use std::{
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use api::{Enforcement, Phase, Usage};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    net::RecvFlags,
    process::{Pid, Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid},
};
use sandbox::{BoxFuture, Exit, LaunchError, ProcessStatus, Sandbox, SandboxError, Stdio};
use sys::spawn::Spawned;
use tokio::{
    io::Interest,
    net::{UnixDatagram, unix::pipe},
    time::timeout,
};

use crate::{
    cgroup::Leaf,
    identity::Identity,
    reaper, remains,
    wire::{self, FILES_MAX, FromInit, Packet, Status, ToInit},
};

/// How long the end of a killed sandbox may take before we give up waiting. The
/// host kernel needs about 30 microseconds a process.
const KILL_TIME_MAX: Duration = Duration::from_millis(500);

/// How long init may take to open a file. It takes microseconds; one of a share may be
/// somewhere else altogether.
const FILE_TIME_MAX: Duration = Duration::from_secs(20);

/// A live sandbox. Dropping it kills and reaps every process in it.
#[derive(Debug)]
pub(crate) struct Live {
    pid: Pid,
    pidfd: OwnedFd,
    // A socket of packets in order, not of datagrams; waiting for it is the same.
    control: UnixDatagram,
    // Not a pipe but a counter of events; waiting for it is the same, too.
    oom: Option<pipe::Receiver>,
    leaf: Arc<Leaf>,
    /// Whether others are in the leaf as well, who go on when this one ends.
    shares_leaf: bool,
    before: Before,
    phases: Vec<Phase>,
    step: usize,
    enforcement: Enforcement,
    stdio: Option<Stdio>,
    started: Option<Instant>,
    ended: Option<(Exit, Duration)>,
    /// Whether we have killed it, or tried.
    is_killed: bool,
    is_reaped: bool,
    /// The workspace, if it is the sandbox's own: what it holds outlives init by this.
    workspace: Option<OwnedFd>,
    // Freed last: another sandbox may have the id once this one is gone.
    identity: Option<Arc<Identity>>,
}

/// What a leaf had counted before.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Before {
    cpu_time: Duration,
    oom_kills: u64,
}

impl Before {
    /// What it has counted up to now.
    pub(crate) fn of(leaf: &Leaf) -> Self {
        let cpu_time = leaf.readings().cpu_time.unwrap_or_default();
        Self { cpu_time, oom_kills: leaf.oom_kills() }
    }

    /// Whether there was a death for want of memory since.
    pub(crate) fn was_out_of_memory(self, leaf: &Leaf) -> bool {
        leaf.oom_kills() > self.oom_kills
    }

    /// What was used since.
    pub(crate) fn usage(self, leaf: &Leaf, wall: Duration) -> Usage {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let readings = leaf.readings();
        let cpu_time = readings.cpu_time.map(|time| time.saturating_sub(self.cpu_time));
        Usage {
            wall_time_ms: millis(wall),
            cpu_time_ms: cpu_time.map(millis),
            memory_peak_bytes: readings.memory_peak_bytes,
            pids_peak: readings.pids_peak,
        }
    }
}

impl Live {
    pub(crate) fn new(
        spawned: Spawned,
        control: OwnedFd,
        leaf: Leaf,
        phases: Vec<Phase>,
    ) -> io::Result<Self> {
        Self::in_leaf(spawned, control, Arc::new(leaf), phases)
    }

    /// One that is inside another, in its leaf.
    pub(crate) fn inside(
        spawned: Spawned,
        control: OwnedFd,
        leaf: Arc<Leaf>,
        phases: Vec<Phase>,
    ) -> io::Result<Self> {
        let before = Before::of(&leaf);
        let mut live = Self::in_leaf(spawned, control, leaf, phases)?;
        live.shares_leaf = true;
        live.before = before;
        Ok(live)
    }

    fn in_leaf(
        spawned: Spawned,
        control: OwnedFd,
        leaf: Arc<Leaf>,
        phases: Vec<Phase>,
    ) -> io::Result<Self> {
        let watched = || -> io::Result<_> {
            rustix::io::ioctl_fionbio(&control, true)?;
            let control = UnixDatagram::from_std(control.into())?;
            // Of its own: what went on in the leaf before is not about this one.
            let oom = leaf.watch_oom()?;
            Ok((control, oom.map(pipe::Receiver::from_owned_fd_unchecked).transpose()?))
        };
        let (control, oom) = match watched() {
            Ok(watched) => watched,
            Err(error) => {
                // The child ends, for its control socket is closed; it has to be reaped.
                let _ = pidfd_send_signal(&spawned.pidfd, Signal::KILL);
                let _ = waitid(WaitId::PidFd(spawned.pidfd.as_fd()), WaitIdOptions::EXITED);
                return Err(error);
            }
        };
        Ok(Self {
            pid: spawned.pid,
            pidfd: spawned.pidfd,
            control,
            oom,
            leaf,
            shares_leaf: false,
            before: Before::default(),
            phases,
            step: 0,
            enforcement: Enforcement::default(),
            stdio: None,
            started: None,
            ended: None,
            is_killed: false,
            is_reaped: false,
            workspace: None,
            identity: None,
        })
    }

    pub(crate) const fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn leaf(&self) -> &Leaf {
        &self.leaf
    }

    /// Lets the child go on to become init.
    pub(crate) fn go(&self) -> io::Result<()> {
        rustix::net::send(&self.control, b"g", rustix::net::SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Another handle of the control socket.
    pub(crate) fn control_again(&self) -> io::Result<UnixDatagram> {
        let again = self.control.as_fd().try_clone_to_owned()?;
        UnixDatagram::from_std(again.into())
    }

    /// Lets init start what it is there for, without waiting for its end.
    pub(crate) fn start(&mut self) -> io::Result<()> {
        self.started = Some(Instant::now());
        self.say(&ToInit::Start)
    }

    /// Keeps an identity until this is gone.
    pub(crate) fn hold(&mut self, identity: Arc<Identity>) {
        self.identity = Some(identity);
    }

    /// Lets init read its orders and follow them.
    pub(crate) fn begin(&self) -> io::Result<()> {
        self.say(&ToInit::Begin)
    }

    /// Waits for init's first word.
    pub(crate) async fn hear_setup(&self) -> Result<Packet, LaunchError> {
        let lost = |detail: String| LaunchError::Lost { detail };
        match self.hear().await {
            Ok(Some(packet)) => Ok(packet),
            Ok(None) if self.before.was_out_of_memory(&self.leaf) => {
                Err(lost("the memory limit is too small for it".to_owned()))
            }
            Ok(None) => Err(lost("its first process is gone".to_owned())),
            Err(error) => Err(lost(error.to_string())),
        }
    }

    /// The set-up is done and was found good.
    pub(crate) fn ready(&mut self, enforcement: Enforcement, stdio: Stdio) {
        self.enforcement = enforcement;
        self.stdio = Some(stdio);
    }

    /// Keeps the workspace for when init is gone.
    pub(crate) fn keep(&mut self, workspace: Option<OwnedFd>) {
        self.workspace = workspace;
    }

    /// The next packet; `None` once init is gone.
    async fn hear(&self) -> io::Result<Option<Packet>> {
        hear(&self.control).await
    }

    fn say(&self, message: &ToInit) -> io::Result<()> {
        wire::send(self.control.as_fd(), message, &[])
    }

    /// The next thing that concerns the payload's end.
    async fn next(&self) -> Happening {
        let oom = async {
            match &self.oom {
                Some(oom) => drop(oom.readable().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = oom => Happening::OutOfMemory,
            heard = self.hear() => match heard {
                Ok(Some(packet)) => Happening::Word(packet),
                Ok(None) => Happening::Gone,
                Err(error) => Happening::Nonsense(error),
            },
        }
    }

    async fn await_exit(&mut self) -> Result<Exit, SandboxError> {
        if let Some((exit, _)) = self.ended {
            return Ok(exit);
        }
        if self.started.is_none() {
            self.started = Some(Instant::now());
            match self.say(&ToInit::Start) {
                // Gone already is found out below.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(lost(&error.to_string()));
                }
                _ => {}
            }
        }
        let mut exit = loop {
            match self.next().await {
                Happening::Word(packet) => match self.interpret(&packet)? {
                    Some(exit) => break exit,
                    None => continue,
                },
                Happening::OutOfMemory => break self.killed(true),
                Happening::Gone => {
                    // Nobody inside can end init: it was us, the lack of memory, or a
                    // failure, and only the first two are about the payload.
                    let was_killed = self.is_killed || self.before.was_out_of_memory(&self.leaf);
                    let exit = self.killed(false);
                    // The end of the sandbox around it is one like any other kill.
                    if !was_killed && !self.shares_leaf {
                        return Err(lost("its first process is gone"));
                    }
                    break exit;
                }
                Happening::Nonsense(error) => return Err(lost(&error.to_string())),
            }
        };
        let was_killed = exit.status == ProcessStatus::Signaled(Signal::KILL.as_raw());
        exit.out_of_memory |= was_killed && self.before.was_out_of_memory(&self.leaf);
        let started = self.started.unwrap_or_else(Instant::now);
        self.ended = Some((exit, started.elapsed()));
        Ok(exit)
    }

    /// Kills what is left, and says how the payload ended by that.
    fn killed(&mut self, out_of_memory: bool) -> Exit {
        self.end();
        let status = ProcessStatus::Signaled(Signal::KILL.as_raw());
        Exit { phase: self.phase(), status, out_of_memory }
    }

    /// What a word of init means; `None` where the payload goes on.
    fn interpret(&mut self, packet: &Packet) -> Result<Option<Exit>, SandboxError> {
        let message = packet.decode().map_err(|_| lost("its word is nonsense"))?;
        match message {
            FromInit::Begins { step } if usize::from(step) < self.phases.len() => {
                self.step = usize::from(step);
                Ok(None)
            }
            FromInit::Ended { step, status } => {
                self.step = usize::from(step);
                let status = process_status(status);
                Ok(Some(Exit { phase: self.phase(), status, out_of_memory: false }))
            }
            FromInit::NotRun { step, errno } => Err(SandboxError::Program {
                step: usize::from(step),
                source: io::Error::from_raw_os_error(errno),
            }),
            FromInit::NoDirectory { errno } => {
                Err(SandboxError::Directory { source: io::Error::from_raw_os_error(errno) })
            }
            _ => Err(lost("its word is out of turn")),
        }
    }

    async fn receive_files(&mut self, path: &Path) -> Result<Vec<(PathBuf, File)>, SandboxError> {
        let failed = |source| SandboxError::File { path: path.display().to_string(), source };
        if self.is_killed {
            // On a machine with too much to do its end may have taken longer than we waited.
            self.end();
        }
        if let (true, Some(workspace)) = (self.is_reaped, &self.workspace) {
            return remains::files(workspace, path).map_err(failed);
        }
        let request = ToInit::Open { path: path.as_os_str().as_bytes().to_vec() };
        self.say(&request).map_err(failed)?;
        let mut files = Vec::new();
        while files.len() <= FILES_MAX {
            let packet = timeout(FILE_TIME_MAX, self.hear()).await.map_err(|_| self.stuck())?;
            let packet = packet.map_err(failed)?;
            let packet = packet.ok_or_else(|| lost("its first process is gone"))?;
            let message = packet.decode().map_err(failed)?;
            match (message, packet.descriptors.into_iter().next()) {
                (FromInit::File { path }, Some(descriptor)) => {
                    let path = PathBuf::from(std::ffi::OsString::from_vec(path));
                    files.push((path, File::from(descriptor)));
                }
                (FromInit::FilesEnd { errno: 0 }, _) => return Ok(files),
                (FromInit::FilesEnd { errno }, _) => {
                    return Err(failed(io::Error::from_raw_os_error(errno)));
                }
                _ => return Err(lost("its word is out of turn")),
            }
        }
        Err(failed(Errno::TOOBIG.into()))
    }

    /// What it says may come at any time now, and would be taken for the next answer.
    fn stuck(&mut self) -> SandboxError {
        self.end();
        lost("its first process does not answer")
    }

    /// Waits for init's end, which comes when everything in the sandbox is dead.
    fn await_end(&self) {
        let limit = Timespec { tv_sec: 0, tv_nsec: KILL_TIME_MAX.subsec_nanos().into() };
        let mut wait = [PollFd::new(&self.pidfd, PollFlags::IN)];
        // Neither a signal to us nor want of memory is a reason to leave early, and they do not
        // come for ever.
        while matches!(poll(&mut wait, Some(&limit)), Err(Errno::INTR | Errno::AGAIN)) {}
    }

    /// Kills every process and waits until all are gone.
    fn end(&mut self) {
        self.is_killed = true;
        if self.is_reaped {
            return;
        }
        if !self.shares_leaf {
            self.leaf.kill();
        }
        // Gone already is as good.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        self.await_end();
        // Init is reaped only when its whole pid namespace is empty.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
        let reaped = waitid(WaitId::PidFd(self.pidfd.as_fd()), options);
        self.is_reaped = !matches!(reaped, Ok(None));
    }
}

/// The next packet of a control socket; `None` once the other side is gone.
pub(crate) async fn hear(control: &UnixDatagram) -> io::Result<Option<Packet>> {
    loop {
        control.readable().await?;
        let receive = || wire::receive(control, RecvFlags::DONTWAIT);
        match control.try_io(Interest::READABLE, receive) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            done => return done,
        }
    }
}

/// How a process ended, as init says it: within what the host kernel can say.
pub(crate) fn process_status(status: Status) -> ProcessStatus {
    match status {
        Status::Exited(code) => ProcessStatus::Exited(code & 0xff),
        Status::Signaled(signal) => ProcessStatus::Signaled(signal.clamp(1, 64)),
    }
}

fn lost(detail: &str) -> SandboxError {
    SandboxError::Lost { detail: detail.to_owned() }
}

enum Happening {
    Word(Packet),
    OutOfMemory,
    Gone,
    Nonsense(io::Error),
}

impl Sandbox for Live {
    fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    fn stdio(&mut self) -> Option<Stdio> {
        self.stdio.take()
    }

    fn run(&mut self) -> BoxFuture<'_, Result<Exit, SandboxError>> {
        Box::pin(self.await_exit())
    }

    fn signal(&self, signal: api::Signal) -> Result<(), SandboxError> {
        if self.started.is_none() || self.ended.is_some() {
            return Ok(());
        }
        let said = self.say(&ToInit::Signal { number: signal.number() });
        said.map_err(|error| lost(&error.to_string()))
    }

    fn usage(&self) -> Usage {
        let wall = match (&self.ended, self.started) {
            (Some((_, time)), _) => *time,
            (None, Some(started)) => started.elapsed(),
            (None, None) => Duration::ZERO,
        };
        self.before.usage(&self.leaf, wall)
    }

    fn phase(&self) -> Phase {
        self.phases.get(self.step).copied().unwrap_or(Phase::Run)
    }

    fn open_files<'a>(
        &'a mut self,
        path: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<(PathBuf, File)>, SandboxError>> {
        Box::pin(self.receive_files(path))
    }

    fn kill(&mut self) {
        self.end();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
        if !self.is_reaped {
            let held = (Arc::clone(&self.leaf), self.identity.take());
            reaper::keep_until_gone(self.pidfd.as_fd(), held);
        }
    }
}
