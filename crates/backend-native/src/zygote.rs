//! A parked interpreter, from the host side.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use policy::{Mount, MountView, Network, Policy};
use rustix::process::{Pid, Signal, pidfd_send_signal};
use sandbox::{
    BoxFuture, Forked, LaunchError, Owner, Payload, ProcessStatus, Remains, Template, Zygote,
};
use tokio::{
    io::Interest,
    net::UnixDatagram,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    forked,
    launch::{self, Kind, Ready, leaf_limits, look_up, lost, step_error},
    live::{self, Live},
    native::Host,
    source::Sources,
    wire::{self, FromInit, Packet, ToInit, Weakened},
};

/// How long an interpreter may take to load what it is to have loaded.
const PARK_TIME_MAX: Duration = Duration::from_secs(120);
/// What is kept of what it writes meanwhile, for the message if it fails.
const SAID_BYTES_MAX: usize = 8 * 1024;

/// A parked interpreter. Dropping it ends the interpreter; its manager lives on
/// with what was forked.
pub(crate) struct Parked {
    stage: Arc<Stage>,
    complaints: Vec<String>,
}

/// The namespaces that an interpreter is parked in, with their manager. Everything
/// that was forked holds them.
pub(crate) struct Stage {
    pub(crate) host: Arc<Host>,
    /// Whose it is, and whose all that is forked here.
    pub(crate) owner: Owner,
    /// What the host's paths led to when the interpreter was parked: what is
    /// forked sees the same, whatever the host has made of them since.
    sources: Sources,
    pub(crate) mounts: Vec<Mount>,
    network: Network,
    control: UnixDatagram,
    table: Arc<Table>,
    next: AtomicU32,
    tasks: [JoinHandle<()>; 2],
    pub(crate) manager: Pid,
    // Last: everything forked is gone by then.
    _live: Live,
}

/// What is known of what was forked.
#[derive(Default)]
struct Table {
    forks: Mutex<HashMap<u32, Entry>>,
    is_alive: AtomicBool,
}

struct Entry {
    births: mpsc::Sender<Birth>,
    ended: watch::Sender<Option<ProcessStatus>>,
}

/// What is heard of a fork that is under way.
#[derive(Debug)]
pub(crate) enum Birth {
    /// The process is there.
    Born(OwnedFd),
    /// It is as planned.
    Built {
        weakened: Vec<Weakened>,
        landlock_abi: u8,
        /// What is writable in it, and the socket to its interpreter.
        given: [OwnedFd; 2],
        /// Those for what is writable.
        rules: Option<OwnedFd>,
    },
    /// It shows what was asked for; with other rules.
    Furnished(Option<OwnedFd>),
    /// It could not be made.
    NotBuilt { step: Option<u16>, errno: i32 },
}

/// A fork's place in the table; dropping it takes the entry out.
pub(crate) struct Listed {
    pub(crate) number: u32,
    pub(crate) births: mpsc::Receiver<Birth>,
    pub(crate) ended: watch::Receiver<Option<ProcessStatus>>,
    table: Arc<Table>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.table.lock().remove(&self.number);
        // What was born while nobody waited any more.
        while let Ok(birth) = self.births.try_recv() {
            if let Birth::Born(pidfd) = birth {
                // Gone already is as good.
                let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            }
        }
    }
}

impl Table {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u32, Entry>> {
        // Whoever panicked with it left a table that is whole.
        self.forks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what the manager says.
    fn take(&self, packet: Packet) -> io::Result<()> {
        let message = packet.decode()?;
        let mut descriptors = packet.descriptors.into_iter();
        let (first, second) = (descriptors.next(), descriptors.next());
        match (message, first) {
            (FromInit::Born { number }, Some(pidfd)) => match self.lock().get(&number) {
                Some(entry) => drop(entry.births.try_send(Birth::Born(pidfd))),
                // Nobody wants it any more.
                None => drop(pidfd_send_signal(&pidfd, Signal::KILL)),
            },
            (FromInit::Built { number, weakened, landlock_abi }, Some(scratch))
                if second.is_some() =>
            {
                let given = [Some(scratch), second].map(|fd| fd.ok_or(io::ErrorKind::InvalidData));
                let [scratch, setup] = given;
                let (given, rules) = ([scratch?, setup?], descriptors.next());
                self.tell(number, Birth::Built { weakened, landlock_abi, given, rules });
            }
            // We are out of descriptors, which is about this one alone.
            (FromInit::Born { number } | FromInit::Built { number, .. }, _) => {
                let errno = rustix::io::Errno::MFILE.raw_os_error();
                self.tell(number, Birth::NotBuilt { step: None, errno });
            }
            (FromInit::Furnished { number }, rules) => self.tell(number, Birth::Furnished(rules)),
            (FromInit::NotBuilt { number, step, errno }, _) => {
                self.tell(number, Birth::NotBuilt { step, errno });
            }
            (FromInit::KernelEnded { number, status }, _) => {
                let status = live::process_status(status);
                if let Some(entry) = self.lock().get(&number) {
                    entry.ended.send_replace(Some(status));
                }
            }
            (FromInit::ZygoteGone, _) => self.is_alive.store(false, Ordering::Release),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    }

    fn tell(&self, number: u32, birth: Birth) {
        if let Some(entry) = self.lock().get(&number) {
            // It holds all that can come of one fork.
            let _ = entry.births.try_send(birth);
        }
    }

    /// The manager is gone, and with it all that was forked.
    fn close(&self) {
        self.is_alive.store(false, Ordering::Release);
        for (_, entry) in self.lock().drain() {
            let killed = ProcessStatus::Signaled(Signal::KILL.as_raw());
            entry.ended.send_if_modified(|ended| ended.replace(killed).is_none());
        }
    }
}

impl Parked {
    pub(crate) async fn start(
        host: Arc<Host>,
        policy: &Policy,
        template: Template,
    ) -> Result<Self, LaunchError> {
        let action = sandbox::Action::Command(template.command);
        let step = sandbox::Step { phase: api::Phase::Run, action };
        let owner = template.owner;
        let payload = Payload { owner: owner.clone(), files: template.files, steps: vec![step] };
        let Ready { mut live, stdio, sources, .. } =
            launch::set_up(&host, policy, payload, Kind::Manager).await?;
        let watching = |error| step_error("watching the zygote", None, error);
        let (said, listener) = listen(stdio).map_err(watching)?;
        let control = live.control_again().map_err(watching)?;
        live.start().map_err(watching)?;
        let parked = tokio::time::timeout(PARK_TIME_MAX, hear_parked(&control)).await;
        let complaints = match parked {
            Ok(Some(complaints)) => complaints,
            Ok(None) => return Err(lost(&explain("the zygote ended", &said))),
            Err(_) => return Err(lost(&explain("the zygote took too long to load", &said))),
        };
        let room = live.leaf().make_room_for_forks(&leaf_limits(policy));
        room.map_err(|error| step_error("making room in the cgroup", None, error))?;
        let table = Arc::new(Table::default());
        table.is_alive.store(true, Ordering::Release);
        let reader = live.control_again().map_err(watching)?;
        let reader = tokio::spawn(dispatch(reader, Arc::clone(&table)));
        let manager = live.pid();
        let stage = Stage {
            host,
            owner,
            sources,
            mounts: policy.mounts().to_vec(),
            network: policy.network(),
            control,
            table,
            next: AtomicU32::new(1),
            tasks: [reader, listener],
            manager,
            _live: live,
        };
        Ok(Self { stage: Arc::new(stage), complaints })
    }
}

/// Waits until the interpreter is parked.
async fn hear_parked(control: &UnixDatagram) -> Option<Vec<String>> {
    match live::hear(control).await.ok()??.decode().ok()? {
        FromInit::Parked { complaints } => Some(complaints),
        _ => None,
    }
}

async fn dispatch(control: UnixDatagram, table: Arc<Table>) {
    while let Ok(Some(packet)) = live::hear(&control).await {
        if table.take(packet).is_err() {
            break;
        }
    }
    table.close();
}

type Said = Arc<Mutex<Vec<u8>>>;

/// Takes what the interpreter writes, so that it never waits for a reader.
fn listen(stdio: sandbox::Stdio) -> io::Result<(Said, JoinHandle<()>)> {
    use tokio::{io::AsyncReadExt, net::unix::pipe::Receiver};
    let open = |fd: OwnedFd| {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Receiver::from_owned_fd(fd)
    };
    let (mut out, mut err) = (open(stdio.stdout)?, open(stdio.stderr)?);
    let said = Said::default();
    let kept = Arc::clone(&said);
    let task = tokio::spawn(async move {
        let (mut first, mut second) = ([0; 1024], [0; 1024]);
        loop {
            let bytes = tokio::select! {
                Ok(count @ 1..) = out.read(&mut first) => &first[..count],
                Ok(count @ 1..) = err.read(&mut second) => &second[..count],
                else => return,
            };
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let room = SAID_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    });
    Ok((said, task))
}

fn explain(what: &str, said: &Said) -> String {
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    match String::from_utf8_lossy(&said).trim() {
        "" => what.to_owned(),
        text => format!("{what}; it said: {text}"),
    }
}

impl Stage {
    /// Takes a place in the table for something to be forked.
    pub(crate) fn list(&self) -> Listed {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // One birth, and what came of it.
        let (birth_sender, births) = mpsc::channel(2);
        let (ended_sender, ended) = watch::channel(None);
        let entry = Entry { births: birth_sender, ended: ended_sender };
        self.table.lock().insert(number, entry);
        Listed { number, births, ended, table: Arc::clone(&self.table) }
    }

    /// Says something to the manager.
    pub(crate) async fn say(
        &self,
        message: &ToInit,
        descriptors: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        loop {
            self.control.writable().await?;
            let send = || wire::send(self.control.as_fd(), message, descriptors);
            match self.control.try_io(Interest::WRITABLE, send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => {
                    if done.as_ref().is_err_and(wire::is_gone) {
                        self.table.is_alive.store(false, Ordering::Release);
                    }
                    return done;
                }
            }
        }
    }

    /// The sources of a fork's mounts, those of shares mapped to its id.
    pub(crate) fn sources(
        &self,
        policy: &Policy,
        id: Option<(u32, u32)>,
    ) -> Result<Sources, LaunchError> {
        let is_share = |mount: &Mount| mount.view == MountView::Shared;
        if id.is_some() && self.mounts.iter().any(is_share) {
            return look_up(&self.host, policy, id);
        }
        let Sources { sources, devices, .. } = &self.sources;
        let (sources, devices) = (sources.clone(), devices.clone());
        Ok(Sources { sources, devices, opened: Vec::new() })
    }

    /// Whether a policy is one that this template serves.
    pub(crate) fn serves(&self, policy: &Policy) -> bool {
        policy.mounts() == self.mounts && policy.network() == self.network
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.table.is_alive.load(Ordering::Acquire)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // It is gone, or it goes with the manager: either is as good.
        let retire = || wire::send(self.stage.control.as_fd(), &ToInit::Retire, &[]);
        let _ = self.stage.control.try_io(Interest::WRITABLE, retire);
        self.stage.table.is_alive.store(false, Ordering::Release);
    }
}

impl Zygote for Parked {
    fn fork<'a>(
        &'a self,
        policy: &'a Policy,
        remains: &'a mut Option<Remains>,
    ) -> BoxFuture<'a, Result<Box<dyn Forked>, LaunchError>> {
        Box::pin(async move {
            let forked = forked::fork(Arc::clone(&self.stage), policy, remains).await?;
            Ok(Box::new(forked) as Box<dyn Forked>)
        })
    }

    fn is_alive(&self) -> bool {
        self.stage.is_alive()
    }

    fn complaints(&self) -> &[String] {
        &self.complaints
    }
}
