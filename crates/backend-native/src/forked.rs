//! A sandbox that was forked from a zygote, from the host side.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::{Control, Enforcement, EnforcementLevel, Phase, Usage};
use policy::{Network, Policy};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, ResolveFlags},
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Resource, Rlimit, Signal, pidfd_send_signal, prlimit},
};
use sandbox::{
    BoxFuture, Exit, Forked, KernelEnds, LaunchError, LiveLimits, Payload, ProcessStatus, Remains,
    Sandbox, SandboxError,
};
use tokio::{net::unix::pipe, time::timeout};

use crate::{
    build::{Purpose, build_for, workspace_place},
    cgroup::{Joining, Leaf, LeafLimits, Wanted},
    enter,
    furnish::{Setup, has_landlock},
    identity::{INSIDE, Identity},
    launch::{
        Measured, enforce, facts, is_left_out, leaf_limits, lost, step_error, take_identity, weaken,
    },
    live::Before,
    orders,
    plan::{HostPath, Plan},
    reaper, sweep, text,
    verify::own_namespaces,
    wire::ToInit,
    zygote::{Birth, Listed, Stage},
};

/// How long a fork may take. It takes milliseconds; a machine that is out of
/// processors may need more, but not this.
const FORK_TIME_MAX: Duration = Duration::from_secs(20);
/// How long the end of a killed sandbox may take before we give up waiting.
const KILL_TIME_MAX: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };

/// A sandbox that was forked. Dropping it kills and reaps every process in it.
pub(crate) struct Child {
    pub(crate) stage: Arc<Stage>,
    pub(crate) listed: Listed,
    pub(crate) process: Process,
    ends: Option<KernelEnds>,
    pub(crate) enforcement: Enforcement,
    /// Until it is known to be sealed.
    pub(crate) setup: Option<Setup>,
    /// Whether its plan has rules on files.
    pub(crate) has_landlock: bool,
    since: Since,
    born: Instant,
    /// The id of the machine's start that it shows.
    pub(crate) boot_id: String,
    workspace: Option<OwnedFd>,
    // Freed last: another sandbox may have these once this one is gone.
    pub(crate) grip: Option<Grip>,
}

/// What its leaf had counted before it, and a sign that memory ran out since.
struct Since {
    before: Before,
    oom: Option<OwnedFd>,
}

impl Since {
    fn now(leaf: &Leaf) -> io::Result<Self> {
        Ok(Self { before: Before::of(leaf), oom: leaf.watch_oom()? })
    }
}

/// What a sandbox holds of the host beside its processes, and what a later one
/// can take over.
pub(crate) struct Grip {
    /// The first process of the sandbox before, which may not be quite gone.
    last: Option<OwnedFd>,
    scratch: Option<OwnedFd>,
    /// The host paths that it shows beside its zygote's.
    pub(crate) shares: Vec<HostPath>,
    pub(crate) leaf: Arc<Leaf>,
    identity: Identity,
    name: String,
}

/// A forked process, killed when this is dropped.
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
    /// Whether its end was waited for as long as it is.
    was_awaited: AtomicBool,
}

impl Process {
    fn new(pidfd: OwnedFd) -> Result<Self, LaunchError> {
        let Some(pid) = pid_of(&pidfd) else {
            // Gone, or we are out of descriptors to see it with.
            let _ = pidfd_send_signal(&pidfd, Signal::KILL);
            return Err(lost("it ended at once"));
        };
        Ok(Self { pid, pidfd, was_awaited: AtomicBool::new(false) })
    }

    fn is_gone(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&now)) == Ok(1)
    }

    /// Kills it, and so all of its sandbox, and waits until all are gone.
    fn end(&self) {
        // Gone already is as good.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
        if self.was_awaited.swap(true, Ordering::Relaxed) {
            return;
        }
        let mut wait = [PollFd::new(&self.pidfd, PollFlags::IN)];
        while matches!(poll(&mut wait, Some(&KILL_TIME_MAX)), Err(Errno::INTR | Errno::AGAIN)) {}
    }
}

/// The process id behind a descriptor; `None` once the process is gone.
pub(crate) fn pid_of(pidfd: &OwnedFd) -> Option<Pid> {
    let information = text::of(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()));
    let line = information.lines().find_map(|line| line.strip_prefix("Pid:"))?;
    Pid::from_raw(line.trim().parse().ok().filter(|number| *number > 0)?)
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.process.end();
        if let Some(grip) = self.grip.take()
            && !self.process.is_gone()
        {
            reaper::keep_until_gone(self.process.pidfd.as_fd(), grip);
        }
    }
}

impl Grip {
    fn new(stage: &Stage, policy: &Policy) -> Result<Self, LaunchError> {
        let identity = take_identity(&stage.host, policy)?;
        let name = sweep::new_name();
        let wanted = Wanted {
            owner: &stage.owner,
            name: &name,
            limits: &leaf_limits(policy),
            joining: Joining::Writing,
        };
        let leaf = Leaf::make(stage.host.site(), &wanted)
            .map_err(|error| step_error("making the cgroup", Some(Control::Memory), error))?;
        let leaf = Arc::new(leaf);
        Ok(Self { last: None, scratch: None, shares: Vec::new(), leaf, identity, name })
    }

    /// Waits until the sandbox before is gone with all that it held: where it had much,
    /// that takes longer than its end was waited for.
    async fn vacate(&mut self) -> Result<(), LaunchError> {
        let Some(last) = self.last.take() else { return Ok(()) };
        let failed = |error| step_error("waiting for the end of the sandbox before", None, error);
        // Not a pipe; waiting for it is the same.
        let last = pipe::Receiver::from_owned_fd_unchecked(last).map_err(failed)?;
        match timeout(FORK_TIME_MAX, last.readable()).await {
            Ok(gone) => gone.map(drop).map_err(failed),
            Err(_) => Err(lost("the sandbox before does not end")),
        }
    }

    fn take_over(remains: Remains) -> Result<Self, LaunchError> {
        let grip = remains.downcast::<Self>();
        grip.map(|grip| *grip).map_err(|_| lost("what was left is another backend's"))
    }
}

/// The kernel's channels, both ends.
struct Channels {
    host: KernelEnds,
    guest: [OwnedFd; 3],
}

impl Channels {
    fn open() -> io::Result<Self> {
        let (control, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let (stdout, out) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, err) = pipe_with(PipeFlags::CLOEXEC)?;
        Ok(Self { host: KernelEnds { control, stdout, stderr }, guest: [theirs, out, err] })
    }
}

/// Forks a sandbox. What remained of an earlier one stays where it was until something
/// is born that may have moved its files.
pub(crate) async fn fork(
    stage: Arc<Stage>,
    policy: &Policy,
    remains: &mut Option<Remains>,
) -> Result<Child, LaunchError> {
    if !stage.serves(policy) {
        let detail = "the policy has other mounts or another network".to_owned();
        return Err(LaunchError::CannotFork { detail });
    }
    if !stage.is_alive() {
        return Err(LaunchError::CannotFork { detail: "the zygote is gone".to_owned() });
    }
    let mut grip = match remains.take() {
        Some(earlier) => Grip::take_over(earlier)?,
        None => Grip::new(&stage, policy)?,
    };
    match fork_with(stage, policy, &mut grip).await {
        Ok(mut child) => {
            child.grip = Some(grip);
            Ok(child)
        }
        Err(error) => {
            // Only what was taken over has files before it is born.
            *remains = grip.scratch.is_some().then(|| Box::new(grip) as Remains);
            Err(error)
        }
    }
}

/// A sandbox that has no grip of its own yet.
async fn fork_with(
    stage: Arc<Stage>,
    policy: &Policy,
    grip: &mut Grip,
) -> Result<Child, LaunchError> {
    grip.vacate().await?;
    let failed = |error| step_error("opening the sandbox's descriptors", None, error);
    let since = Since::now(&grip.leaf).map_err(failed)?;
    let Channels { host: ends, guest } = Channels::open().map_err(failed)?;
    let id = (stage.host.is_root() && grip.identity.is_own).then_some(grip.identity.id);
    let sources = stage.sources(policy, id)?;
    let purpose = Purpose::Fork { remains: grip.scratch.as_ref().map(AsRawFd::as_raw_fd) };
    let facts = facts(&stage.host, policy, &sources, (0, 0));
    let plan = weaken(build_for(purpose, policy, &facts), (INSIDE, INSIDE));
    let boot_id = facts.boot_id;
    let file = orders::file().map_err(failed)?;
    let orders = orders::of_plan(plan);
    orders::write(&orders, &file).map_err(failed)?;
    let extra: Vec<_> = sources.opened.iter().chain(&grip.scratch).collect();
    let tasks = if is_left_out(Control::Memory) { Vec::new() } else { grip.leaf.tasks() };
    let descriptors: Vec<BorrowedFd<'_>> = [file.as_fd()]
        .into_iter()
        .chain(guest.iter().map(AsFd::as_fd))
        .chain(tasks.iter().copied())
        .chain(extra.iter().map(AsFd::as_fd))
        .collect();
    let mut listed = stage.list();
    let message = ToInit::Fork {
        number: listed.number,
        id: grip.identity.id,
        cgroups: u8::try_from(tasks.len()).unwrap_or(u8::MAX),
        descriptors: extra.iter().map(|fd| fd.as_raw_fd()).collect(),
    };
    let said = stage.say(&message, &descriptors).await;
    said.map_err(|error| step_error("asking the zygote to fork", None, error))?;
    drop(descriptors);
    drop((guest, file, sources));
    let plan = orders.plan;
    let mut process = None;
    let built = birth(&mut listed, &plan, &mut process).await;
    if process.is_some() {
        grip.scratch = None;
    }
    let built = built?;
    let process = process.ok_or_else(|| lost("it was built before it was born"))?;
    let has_landlock = has_landlock(&plan);
    let enforcement = look_at(&stage, policy, (&process, grip), (&plan, &built))?;
    let workspace = workspace_place(policy).map(|place| open_below(&built.scratch, &place));
    let workspace = workspace.transpose().map_err(failed)?;
    grip.scratch = Some(built.scratch);
    Ok(Child {
        stage,
        listed,
        process,
        ends: Some(ends),
        enforcement,
        setup: Some(built.setup),
        has_landlock,
        since,
        born: Instant::now(),
        boot_id,
        workspace,
        grip: None,
    })
}

struct Built {
    weakened: Vec<crate::wire::Weakened>,
    scratch: OwnedFd,
    setup: Setup,
}

/// Looks from outside at what was forked, and tells what is enforced; of the rules on
/// files later, since it has not put them on itself.
fn look_at(
    stage: &Stage,
    policy: &Policy,
    (process, grip): (&Process, &Grip),
    (plan, built): (&Plan, &Built),
) -> Result<Enforcement, LaunchError> {
    let own_network = policy.network() == Network::None && !is_left_out(Control::Network);
    own_namespaces(process.pid, stage.manager, own_network)?;
    let measured = Measured {
        plan,
        weakened: &built.weakened,
        abi: built.setup.landlock_abi,
        identity: &grip.identity,
        name: &grip.name,
    };
    let mut enforcement = enforce(&stage.host, policy, (process.pid, &grip.leaf), &measured)?;
    if enforcement.level(Control::TimeNamespace) == EnforcementLevel::Full {
        let detail = "that of its zygote, whose clocks began with it";
        enforcement.set(Control::TimeNamespace, EnforcementLevel::Full, detail);
    }
    if has_landlock(plan) {
        enforcement.controls.remove(&Control::Landlock);
    }
    Ok(enforcement)
}

/// Waits for the process, and for what is built around it.
async fn birth(
    listed: &mut Listed,
    plan: &Plan,
    process: &mut Option<Process>,
) -> Result<Built, LaunchError> {
    let Listed { births, ended, .. } = listed;
    loop {
        let next = async {
            tokio::select! {
                // What was said before its end comes first.
                biased;
                birth = births.recv() => Ok(birth),
                // Whoever builds around it ends with it, and says nothing.
                Ok(_) = ended.wait_for(Option::is_some) => Err(lost("it ended at once")),
            }
        };
        match timeout(FORK_TIME_MAX, next)
            .await
            .map_err(|_| lost("the fork took longer than 20 s"))??
        {
            Some(Birth::Born(pidfd)) => *process = Some(Process::new(pidfd)?),
            Some(Birth::Built { weakened, landlock_abi, given: [scratch, socket], rules }) => {
                let setup = Setup { socket, rules, landlock_abi, is_sent: false };
                return Ok(Built { weakened, scratch, setup });
            }
            Some(Birth::NotBuilt { step, errno }) => return Err(not_built(plan, step, errno)),
            Some(Birth::Furnished(_)) => return Err(lost("its word is out of turn")),
            None => return Err(lost("the zygote's manager is gone")),
        }
    }
}

/// The error of a plan that a fork could not follow.
pub(crate) fn not_built(plan: &Plan, step: Option<u16>, errno: i32) -> LaunchError {
    let step = step.and_then(|step| plan.steps.get(usize::from(step)));
    let text = step.map_or_else(|| "forking".to_owned(), ToString::to_string);
    let control = step.and_then(crate::plan::Step::control);
    step_error(text, control, io::Error::from_raw_os_error(errno))
}

fn open_below(scratch: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    Ok(rustix::fs::openat2(scratch, name, flags, Mode::empty(), resolve)?)
}

impl Child {
    pub(crate) fn leaf(&self) -> Option<&Arc<Leaf>> {
        self.grip.as_ref().map(|grip| &grip.leaf)
    }

    /// The user id that its processes have on the host.
    pub(crate) fn host_uid(&self) -> u32 {
        self.grip.as_ref().map_or(u32::MAX, |grip| grip.identity.id.0)
    }

    /// The id that the files of shares are shown as.
    pub(crate) fn mapped_id(&self) -> Option<(u32, u32)> {
        let identity = &self.grip.as_ref()?.identity;
        (self.stage.host.is_root() && identity.is_own).then_some(identity.id)
    }

    fn limit_process(&self, resource: Resource, value: u64) -> io::Result<()> {
        let limit = Rlimit { current: Some(value), maximum: Some(value) };
        prlimit(Some(self.process.pid), resource, limit)?;
        Ok(())
    }
}

impl Forked for Child {
    fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    fn ends(&mut self) -> Option<KernelEnds> {
        self.ends.take()
    }

    fn furnish<'a>(
        &'a mut self,
        policy: &'a Policy,
        stdin: Option<OwnedFd>,
    ) -> BoxFuture<'a, Result<(), LaunchError>> {
        Box::pin(self.furnish_with(policy, stdin))
    }

    fn check_sealed(&mut self) -> Result<(), LaunchError> {
        self.take_seal()
    }

    fn limit(&mut self, limits: &LiveLimits) -> Result<(), SandboxError> {
        let refused = |error: io::Error| SandboxError::Lost {
            detail: format!("its limits could not be changed: {error}"),
        };
        let leaf_limits = LeafLimits {
            memory_bytes: limits.memory_bytes,
            pids: limits.pids,
            cpu_millis: limits.cpu_millis,
        };
        if let Some(leaf) = self.leaf() {
            leaf.limit(&leaf_limits).map_err(refused)?;
        }
        self.limit_process(Resource::Nofile, limits.open_files).map_err(refused)?;
        self.limit_process(Resource::Fsize, limits.file_size_bytes).map_err(refused)
    }

    fn interrupt(&self) {
        // Gone already is found out by whoever waits for it.
        let _ = pidfd_send_signal(&self.process.pidfd, Signal::INT);
    }

    fn ended(&self) -> BoxFuture<'_, Exit> {
        Box::pin(async move {
            let mut ended = self.listed.ended.clone();
            // It fails only where nobody is left to say it.
            let status = ended.wait_for(Option::is_some).await.ok().and_then(|status| *status);
            let status = status.unwrap_or(ProcessStatus::Signaled(Signal::KILL.as_raw()));
            let was_killed = status == ProcessStatus::Signaled(Signal::KILL.as_raw());
            let out_of_memory = was_killed && self.was_out_of_memory();
            Exit { phase: Phase::Run, status, out_of_memory }
        })
    }

    fn memory_ran_out(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let sign = self.since.oom.as_ref().and_then(|sign| sign.try_clone().ok());
            // Not a pipe but a counter of events; waiting for it is the same.
            match sign.and_then(|sign| pipe::Receiver::from_owned_fd_unchecked(sign).ok()) {
                Some(sign) if sign.readable().await.is_ok() => {}
                _ => std::future::pending().await,
            }
        })
    }

    fn was_out_of_memory(&self) -> bool {
        self.leaf().is_some_and(|leaf| self.since.before.was_out_of_memory(leaf))
    }

    fn usage(&self) -> Usage {
        let wall = self.born.elapsed();
        self.leaf().map(|leaf| self.since.before.usage(leaf, wall)).unwrap_or_default()
    }

    fn enter<'a>(
        &'a self,
        policy: &'a Policy,
        payload: Payload,
    ) -> BoxFuture<'a, Result<Box<dyn Sandbox>, LaunchError>> {
        Box::pin(async move {
            let live = enter::enter(self, policy, payload).await?;
            Ok(Box::new(live) as Box<dyn Sandbox>)
        })
    }

    fn workspace(&self) -> Option<BorrowedFd<'_>> {
        self.workspace.as_ref().map(AsFd::as_fd)
    }

    fn kill(&mut self) {
        self.process.end();
    }

    fn into_remains(self: Box<Self>) -> Remains {
        let mut child = *self;
        // It is killed where this function ends.
        let last = child.process.pidfd.try_clone().ok();
        match child.grip.take() {
            Some(grip) => Box::new(Grip { last, ..grip }),
            None => Box::new(()),
        }
    }
}
