//! The host side of a launch: from a policy to a sandbox whose payload waits.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use api::{Control, Enforcement, EnforcementLevel};
use policy::{Network, Policy};
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    pipe::{PipeFlags, pipe_with},
    process::Pid,
};
use sandbox::{LaunchError, Owner, Payload, Stdio};
use sys::spawn::{NOT_STARTED, Spawn, Spawned, spawn};

use crate::{
    build::{Facts, Purpose, build, build_for},
    cgroup::{Joining, Leaf, LeafLimits, Wanted},
    furnish,
    identity::Identity,
    init::NAME,
    live::Live,
    native::Host,
    orders::{self, Streams},
    plan::Plan,
    remedy,
    source::{self, Sources},
    sweep,
    verify::{self, Account},
    wire::{FromInit, Weakened},
};

/// How long a set-up may take. It takes milliseconds; a machine that is out of
/// memory or of processors may need more, but not this.
const SETUP_TIME_MAX: Duration = Duration::from_secs(20);

pub(crate) const NEWNS: u64 = 0x0002_0000;
const NEWUTS: u64 = 0x0400_0000;
const NEWIPC: u64 = 0x0800_0000;
pub(crate) const NEWUSER: u64 = 0x1000_0000;
const NEWPID: u64 = 0x2000_0000;
const NEWNET: u64 = 0x4000_0000;

/// Capabilities over its own namespaces that init needs for the set-up.
const SETUP_CAPABILITIES: [u32; 9] = [
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    8,  // CAP_SETPCAP: emptying the bounding set, locking securebits
    12, // CAP_NET_ADMIN: loopback
    18, // CAP_SYS_CHROOT
    19, // CAP_SYS_PTRACE: mounting /proc with hidden processes
    21, // CAP_SYS_ADMIN: mounts, host name
    24, // CAP_SYS_RESOURCE: the limit of user namespaces
    25, // CAP_SYS_TIME: the offsets of the clocks
];

/// Everything a launch has opened on the host side.
struct Opened {
    name: String,
    identity: Identity,
    leaf: Leaf,
    sources: Sources,
}

/// An error of the step that `what` names.
pub(crate) fn step_error(
    what: impl Into<String>,
    control: Option<Control>,
    source: io::Error,
) -> LaunchError {
    let hint = remedy::of_failure(control, &source);
    LaunchError::Step { step: what.into(), control, hint, source }
}

/// Makes the plan of a policy without launching anything.
pub(crate) fn plan(host: &Host, policy: &Policy) -> Result<Plan, LaunchError> {
    let sources = look_up(host, policy, None)?;
    Ok(build(policy, &facts(host, policy, &sources, (0, 0))))
}

pub(crate) fn look_up(
    host: &Host,
    policy: &Policy,
    id: Option<(u32, u32)>,
) -> Result<Sources, LaunchError> {
    source::look_up(policy.mounts(), id, host.wholes())
        .map_err(|(path, error)| step_error(format!("looking up {path}"), None, error))
}

pub(crate) fn facts(host: &Host, policy: &Policy, sources: &Sources, code: (u64, u64)) -> Facts {
    Facts {
        sources: sources.sources.clone(),
        devices: sources.devices.clone(),
        resolv_conf: match policy.network() {
            Network::None => String::new(),
            Network::Full => crate::native::resolv_conf(),
        },
        machine_id: crate::native::random_id().replace('-', ""),
        boot_id: crate::native::random_id(),
        code,
        memory_is_bounded: host.site().supports().memory,
    }
}

/// What the cgroup of a policy's sandbox limits.
pub(crate) fn leaf_limits(policy: &Policy) -> LeafLimits {
    let limits = policy.limits();
    LeafLimits {
        memory_bytes: limits.memory_bytes,
        pids: limits.pids,
        cpu_millis: limits.cpu_millis,
    }
}

/// An identity for a sandbox.
pub(crate) fn take_identity(host: &Host, policy: &Policy) -> Result<Identity, LaunchError> {
    if policy.has_shares() && !host.is_root() {
        // An ordinary user cannot map the ids of a mount.
        return Ok(Identity::callers());
    }
    let taken = host.ids().take();
    taken.map_err(|error| step_error("taking a user id", Some(Control::OwnUid), error))
}

impl Opened {
    fn open(host: &Host, policy: &Policy, owner: &Owner) -> Result<Self, LaunchError> {
        let identity = take_identity(host, policy)?;
        let id = (host.is_root() && identity.is_own).then_some(identity.id);
        let sources = look_up(host, policy, id)?;
        let name = sweep::new_name();
        let limits = leaf_limits(policy);
        let wanted = Wanted { owner, name: &name, limits: &limits, joining: Joining::Birth };
        let leaf = Leaf::make(host.site(), &wanted)
            .map_err(|error| step_error("making the cgroup", Some(Control::Memory), error))?;
        Ok(Self { name, identity, leaf, sources })
    }
}

/// Both ends of the standard streams.
pub(crate) struct Pipes {
    pub(crate) host: Stdio,
    pub(crate) guest: [OwnedFd; 3],
}

impl Pipes {
    pub(crate) fn make() -> io::Result<Self> {
        let (stdin, in_writer) = pipe_with(PipeFlags::CLOEXEC)?;
        let (out_reader, stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (err_reader, stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let host = Stdio { stdin: in_writer, stdout: out_reader, stderr: err_reader };
        Ok(Self { host, guest: [stdin, stdout, stderr] })
    }

    pub(crate) fn numbers(&self) -> Streams {
        let [stdin, stdout, stderr] = self.guest.each_ref().map(AsRawFd::as_raw_fd);
        Streams { stdin, stdout, stderr }
    }
}

/// What the two sides talk over, and what is passed on.
struct Channels {
    pipes: Pipes,
    orders: OwnedFd,
    control: OwnedFd,
    theirs: OwnedFd,
}

impl Channels {
    fn open() -> io::Result<Self> {
        let kind = (AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC);
        let (control, theirs) = socketpair(kind.0, kind.1, kind.2, None)?;
        Ok(Self { pipes: Pipes::make()?, orders: orders::file()?, control, theirs })
    }
}

/// What is to be made of an init.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A sandbox.
    Sandbox,
    /// The manager of a zygote.
    Manager,
}

/// An init that has followed its plan and waits.
pub(crate) struct Ready {
    pub(crate) live: Live,
    pub(crate) stdio: Stdio,
    pub(crate) plan: Plan,
    pub(crate) weakened: Vec<Weakened>,
    pub(crate) abi: u8,
    pub(crate) identity: Arc<Identity>,
    pub(crate) name: String,
    pub(crate) sources: Sources,
    /// The workspace, if it is the sandbox's own.
    pub(crate) workspace: Option<OwnedFd>,
}

/// Launches a sandbox.
pub(crate) async fn launch(
    host: &Host,
    policy: &Policy,
    payload: Payload,
) -> Result<Live, LaunchError> {
    let Ready { mut live, stdio, plan, weakened, abi, identity, name, sources, workspace } =
        set_up(host, policy, payload, Kind::Sandbox).await?;
    drop(sources);
    let measured =
        Measured { plan: &plan, weakened: &weakened, abi, identity: &identity, name: &name };
    let enforcement = enforce(host, policy, (live.pid(), live.leaf()), &measured)?;
    verify::shares(live.pid(), policy)?;
    live.ready(enforcement, stdio);
    live.keep(workspace);
    Ok(live)
}

/// Starts an init and lets it follow its plan.
pub(crate) async fn set_up(
    host: &Host,
    policy: &Policy,
    payload: Payload,
    kind: Kind,
) -> Result<Ready, LaunchError> {
    let opened = Opened::open(host, policy, &payload.owner)?;
    let failed = |error| step_error("opening the sandbox's descriptors", None, error);
    let channels = Channels::open().map_err(failed)?;
    let spawned = start(host, policy, &opened, &channels, &payload)?;
    let Opened { name, identity, leaf, sources } = opened;
    let Channels { pipes, orders, control, theirs } = channels;
    drop(theirs);
    let phases = payload.steps.iter().map(|step| step.phase).collect();
    let mut live = Live::new(spawned, control, leaf, phases)
        .map_err(|error| step_error("watching the sandbox", None, error))?;
    let identity = Arc::new(identity);
    live.hold(Arc::clone(&identity));
    // It becomes init meanwhile, and waits.
    live.go().map_err(|error| step_error("starting init", None, error))?;
    let facts = facts(host, policy, &sources, orders::code_size(&payload));
    let packed = match kind {
        Kind::Sandbox => {
            let plan = weaken(build_for(Purpose::Launch, policy, &facts), identity.id);
            orders::pack(plan, payload, pipes.numbers(), None)
        }
        Kind::Manager => {
            let plan = build_for(Purpose::Template { id: identity.id }, policy, &facts);
            orders::pack(plan, payload, pipes.numbers(), Some(namespaces(policy)))
        }
    };
    orders::write(&packed.orders, &orders).map_err(failed)?;
    let mapped = match kind {
        Kind::Sandbox if is_left_out(Control::UserNamespace) => Ok(()),
        Kind::Sandbox => identity.map(live.pid()),
        Kind::Manager => identity.map_with_others(host.ids(), live.pid()),
    };
    mapped
        .map_err(|error| step_error("writing the id maps", Some(Control::UserNamespace), error))?;
    live.begin().map_err(|error| step_error("starting init", None, error))?;
    let ready = tokio::time::timeout(SETUP_TIME_MAX, live.hear_setup()).await;
    drop((pipes.guest, orders, packed.files));
    let packet = ready.map_err(|_| lost("it took longer than 20 s"))??;
    let plan = packed.orders.plan;
    let (weakened, abi) = interpret(&plan, &packet)?;
    let sent = packet.descriptors.into_iter().next();
    let workspace = sent.filter(|_| !policy.workspace_is_shared());
    Ok(Ready { live, stdio: pipes.host, plan, weakened, abi, identity, name, sources, workspace })
}

pub(crate) fn lost(detail: &str) -> LaunchError {
    LaunchError::Lost { detail: detail.to_owned() }
}

/// Starts the process that becomes init, once it is told to.
fn start(
    host: &Host,
    policy: &Policy,
    opened: &Opened,
    channels: &Channels,
    payload: &Payload,
) -> Result<Spawned, LaunchError> {
    let mut keep: Vec<BorrowedFd<'_>> = channels.pipes.guest.iter().map(AsFd::as_fd).collect();
    keep.extend(orders::descriptors(payload));
    keep.extend(opened.sources.opened.iter().map(AsFd::as_fd));
    keep.push(channels.orders.as_fd());
    let numbers = [channels.theirs.as_raw_fd(), channels.orders.as_raw_fd()];
    let mut arguments = vec![CString::new(NAME).unwrap_or_default()];
    arguments.extend(numbers.iter().filter_map(|n| CString::new(n.to_string()).ok()));
    let arguments: Vec<_> = arguments.iter().map(CString::as_c_str).collect();
    let tasks = opened.leaf.tasks();
    spawn(&Spawn {
        namespaces: namespaces(policy) & !left_out_namespaces(),
        cgroup: opened.leaf.entry().filter(|_| !is_left_out(Control::Memory)),
        tasks: if is_left_out(Control::Memory) { &[] } else { &tasks },
        control: channels.theirs.as_fd(),
        parents_control: channels.control.as_fd(),
        keep: &keep,
        executable: host.executable(),
        arguments: &arguments,
        capabilities: setup_capabilities(),
    })
    .map_err(|error| step_error("making the namespaces", Some(Control::UserNamespace), error))
}

pub(crate) fn namespaces(policy: &Policy) -> u64 {
    let has_own = policy.network() == Network::None && !is_left_out(Control::Network);
    let network = if has_own { NEWNET } else { 0 };
    NEWUSER | NEWPID | NEWNS | NEWIPC | NEWUTS | network
}

#[cfg(not(feature = "knockout"))]
pub(crate) const fn weaken(plan: Plan, _id: (u32, u32)) -> Plan {
    plan
}

#[cfg(not(feature = "knockout"))]
const fn left_out_namespaces() -> u64 {
    0
}

#[cfg(not(feature = "knockout"))]
fn setup_capabilities() -> u64 {
    SETUP_CAPABILITIES.iter().fold(0, |set, number| set | 1 << number)
}

#[cfg(not(feature = "knockout"))]
pub(crate) const fn is_left_out(_control: Control) -> bool {
    false
}

#[cfg(feature = "knockout")]
pub(crate) fn weaken(mut plan: Plan, id: (u32, u32)) -> Plan {
    if let Some(layer) = crate::knockout::Layer::asked_for() {
        layer.knock_out(&mut plan, id);
    }
    plan
}

#[cfg(feature = "knockout")]
fn left_out_namespaces() -> u64 {
    let unless = |control, flag| if is_left_out(control) { flag } else { 0 };
    unless(Control::UserNamespace, NEWUSER) | unless(Control::PidNamespace, NEWPID)
}

/// Where they are over the whole machine, root may lack some.
#[cfg(feature = "knockout")]
fn setup_capabilities() -> u64 {
    let wanted = SETUP_CAPABILITIES.iter().fold(0, |set, number| set | 1 << number);
    let held = rustix::thread::capabilities(None).map_or(0, |sets| sets.permitted.bits());
    wanted & if is_left_out(Control::UserNamespace) { held } else { u64::MAX }
}

#[cfg(feature = "knockout")]
pub(crate) fn is_left_out(control: Control) -> bool {
    crate::knockout::Layer::asked_for().is_some_and(|layer| layer.control() == Some(control))
}

/// What init's first word means.
pub(crate) fn interpret(
    plan: &Plan,
    packet: &crate::wire::Packet,
) -> Result<(Vec<Weakened>, u8), LaunchError> {
    if let [NOT_STARTED, errno @ ..] = packet.bytes.as_slice() {
        let errno = <[u8; 4]>::try_from(errno).map_or(0, i32::from_ne_bytes);
        let error = io::Error::from_raw_os_error(errno);
        return Err(step_error("becoming init", None, error));
    }
    let nonsense = |_| LaunchError::Lost { detail: "its first word is nonsense".to_owned() };
    match packet.decode::<FromInit>().map_err(nonsense)? {
        FromInit::Ready { weakened, landlock_abi } => Ok((weakened, landlock_abi)),
        FromInit::Failed { step, errno } => {
            let step = plan.steps.get(usize::from(step));
            let text = step.map(ToString::to_string).unwrap_or_default();
            let control = step.and_then(crate::plan::Step::control);
            Err(step_error(text, control, io::Error::from_raw_os_error(errno)))
        }
        FromInit::FileFailed { path, errno } => Err(LaunchError::File {
            path: String::from_utf8_lossy(&path).into_owned(),
            source: io::Error::from_raw_os_error(errno),
        }),
        _ => Err(LaunchError::Lost { detail: "its first word is out of turn".to_owned() }),
    }
}

/// What init and the host side know of a set-up.
pub(crate) struct Measured<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) weakened: &'a [Weakened],
    pub(crate) abi: u8,
    pub(crate) identity: &'a Identity,
    pub(crate) name: &'a str,
}

/// What is enforced: what went wrong, what the host kernel says, what was read back.
pub(crate) fn enforce(
    host: &Host,
    policy: &Policy,
    (pid, leaf): (Pid, &Leaf),
    measured: &Measured<'_>,
) -> Result<Enforcement, LaunchError> {
    use EnforcementLevel::{Full, None as Not, Partial};
    let Measured { plan, weakened, abi, identity, name } = *measured;
    let mut report = Enforcement { backend: "native".to_owned(), ..Enforcement::default() };
    for lack in weakened {
        let step = plan.steps.get(usize::from(lack.step));
        if let Some((step, control)) = step.and_then(|step| Some((step, step.control()?))) {
            let error = io::Error::from_raw_os_error(lack.errno);
            report.set(control, Not, format!("{step}: {error}"));
        }
    }
    for control in Control::ALL.iter().copied().filter(|control| is_left_out(*control)) {
        report.set(control, Not, "left out for a test");
    }
    let account = Account::read(pid);
    account.report(&mut report, identity.id.0)?;
    if !is_left_out(Control::Memory) {
        host.report_limits(policy, &mut report);
    }
    if !is_left_out(Control::Memory) && !leaf.holds(&account.cgroups, name) {
        let detail = "the process is not in its cgroup".to_owned();
        return Err(LaunchError::NotEnforced { control: Control::Memory, detail });
    }
    match (identity.is_own, account.has_groups()) {
        (true, _) => report.set(Control::OwnUid, Full, format!("host uid {}", identity.id.0)),
        (false, _) => report.set(Control::OwnUid, Partial, "the caller's own uid"),
    }
    match policy.network() {
        Network::None if is_left_out(Control::Network) => {}
        Network::None => report.set(Control::Network, Full, "loopback only"),
        Network::Full => report.set(Control::Network, Not, "full network was asked for"),
    }
    let landlock = furnish::landlock(abi);
    let rest = [
        (Control::PidNamespace, "new namespace"),
        (Control::MountNamespace, "new namespace"),
        (Control::IpcNamespace, "new namespace"),
        (Control::UtsNamespace, "new namespace"),
        (Control::CgroupNamespace, "new namespace"),
        (Control::TimeNamespace, "new namespace"),
        (Control::PrivateView, "overlays"),
        (Control::MaskedProc, "own /proc, masked"),
        (Control::NoNestedUserns, "limit of the namespace is 0"),
        (Control::Landlock, landlock.as_str()),
        (Control::Workspace, "size and inode limits of its file system"),
        (Control::Rlimits, "set on each process"),
        (Control::Kill, "end of the pid namespace"),
    ];
    for (control, detail) in rest {
        if !report.controls.contains_key(&control) {
            report.set(control, Full, detail);
        }
    }
    let cores = Control::CoreScheduling;
    if policy.has_cores_alone() && !report.controls.contains_key(&cores) {
        report.set(cores, Full, "a cookie of its own");
    }
    if !is_left_out(Control::Memory) {
        leaf.guards().report(&mut report);
    }
    Ok(report)
}
