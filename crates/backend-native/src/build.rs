//! Makes a plan of a policy. Pure: what has to be looked up was looked up.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use api::{Access, Control, ProfileName};
use policy::{GuestPath, Mount, MountView, Network, Policy, guest, syscalls};

use crate::{
    identity::INSIDE,
    plan::{Flags, HostPath, Kind, Part, Plan, Rlimits, ScratchPlace, Slot, Step},
};

/// A host path that is to be mounted, as the host side found it.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub host: HostPath,
    pub kind: Kind,
    /// A directory above it of which one overlay gives it and others: making an
    /// overlay costs much more than taking a part of one.
    pub whole: Option<HostPath>,
    /// A descriptor of it with the owner's ids mapped to the sandbox's, where that is wanted.
    pub mapped: Option<i32>,
    /// A descriptor of a mount of it, where it was opened before and is not mapped.
    pub opened: Option<i32>,
}

impl Source {
    /// Whether the host side has opened a mount of it.
    pub(crate) const fn is_open(&self) -> bool {
        self.mapped.is_some() || self.opened.is_some()
    }
}

/// What a plan is made of besides the policy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// One for each mount of the policy, in the same order.
    pub sources: Vec<Source>,
    /// One for each of [`DEVICES`].
    pub devices: Vec<Source>,
    /// The text of the sandbox's `/etc/resolv.conf`.
    pub resolv_conf: String,
    /// The text of the sandbox's `/etc/machine-id`.
    pub machine_id: String,
    /// The text of the sandbox's `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// Bytes and number of files that go to the read-only place for code.
    pub code: (u64, u64),
    /// Whether a cgroup bounds the memory.
    pub memory_is_bounded: bool,
}

/// The device files of a sandbox. `/dev/tty` is none of them: its times tell
/// whoever has it when somebody types elsewhere.
pub(crate) const DEVICES: [&str; 5] =
    ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Terminals of a sandbox: enough for a multiplexer, and few, for their buffers
/// are the host kernel's memory, which the cgroup does not count.
const TERMINALS_MAX: u32 = 16;

/// Descriptors that watch files, and files that are watched: enough for the tools of
/// a project. What the host kernel gives is 128 and at least 8192, for root itself and
/// all sandboxes that it makes together.
const WATCHERS_MAX: u32 = 16;
const WATCHES_MAX: u32 = 8192;

const DEVICE_LINKS: [(&str, &str); 4] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
];

/// What `/proc` shows of the machine or of other people's work: directories, and files.
const MASKED_DIRECTORIES: [&str; 7] = ["acpi", "asound", "bus", "fs", "irq", "pressure", "scsi"];
const MASKED_FILES: [&str; 24] = [
    "buddyinfo",
    "cmdline",
    "config.gz",
    "diskstats",
    "interrupts",
    "iomem",
    "ioports",
    "kallsyms",
    "kcore",
    "key-users",
    "keys",
    "kmsg",
    "latency_stats",
    "locks",
    "modules",
    "pagetypeinfo",
    "partitions",
    "sched_debug",
    "slabinfo",
    "swaps",
    "sysrq-trigger",
    "timer_list",
    "vmallocinfo",
    "zoneinfo",
];

/// Room of the root for small files and directories, beside the code.
const ROOT_BYTES: u64 = 256 * 1024;
const ROOT_INODES: u64 = 1024;
const PAGE_BYTES: u64 = 4096;

const PASSWD: &str = "root:x:0:0:root:/root:/usr/sbin/nologin\n\
    user:x:1000:1000:user:/home/user:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n";
const HOSTS: &str = "127.0.0.1 localhost sandbox\n::1 localhost\n";
const NSSWITCH: &str = "passwd: files\ngroup: files\nhosts: files dns\n";

/// The directories of everything writable, beside the workspace.
const SCRATCH: [(&str, bool, bool); 3] =
    [("/dev/shm", true, true), (guest::HOME, false, false), ("/tmp", false, true)];

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A sandbox that is launched: all of it.
    Launch,
    /// The sandbox of a zygote, as the user of this id. What is made of it later
    /// takes the mounts here for the host's, so these are the host's own, and what
    /// would hide a part of `/proc` from it is left out.
    Template { id: (u32, u32) },
    /// A sandbox that is forked, in the mounts of a template, with what an
    /// earlier one left if there is something.
    Fork { remains: Option<i32> },
    /// More of the host in a forked sandbox that nobody has used: the mounts that the
    /// host side has opened, and the rules on files, which have to know of them.
    Furnish,
    /// A further pid namespace inside a sandbox.
    Enter,
}

/// Makes the plan of a launch.
pub(crate) fn build(policy: &Policy, facts: &Facts) -> Plan {
    build_for(Purpose::Launch, policy, facts)
}

/// Makes a plan.
pub(crate) fn build_for(purpose: Purpose, policy: &Policy, facts: &Facts) -> Plan {
    let mut builder = Builder { purpose, policy, facts, steps: Vec::new() };
    match purpose {
        Purpose::Enter => {
            builder.further_processes();
            builder.lock_down();
        }
        Purpose::Furnish => {
            builder.furnish();
            builder.add(builder.landlock());
        }
        Purpose::Launch | Purpose::Template { .. } | Purpose::Fork { .. } => {
            builder.open_mounts();
            builder.root();
            builder.system();
            builder.writable();
            builder.namespaces();
            builder.lock_down();
        }
    }
    complete(builder.steps, policy, facts)
}

/// Makes the plan of opening mounts of host paths for somebody else.
pub(crate) fn opening(hosts: &[HostPath], policy: &Policy) -> Plan {
    let bind = |(number, source): (usize, &HostPath)| Step::Bind {
        slot: Builder::slot(number),
        source: source.clone(),
    };
    let binds = hosts.iter().enumerate().map(bind);
    let steps = [Step::PrivateMounts].into_iter().chain(binds).collect();
    complete(steps, policy, &Facts::default())
}

fn complete(steps: Vec<Step>, policy: &Policy, facts: &Facts) -> Plan {
    let waived = Control::ALL.iter().copied().filter(|control| policy.may_miss(*control));
    Plan {
        steps,
        waived: waived.collect(),
        rlimits: rlimits(policy, facts.memory_is_bounded),
        env_vars: policy.env_vars().clone().into_iter().collect(),
        workspace: policy.workspace().clone(),
    }
}

/// The name of the workspace's directory in the file system of everything
/// writable; `None` where the workspace is a directory of the host.
pub(crate) fn workspace_place(policy: &Policy) -> Option<String> {
    (!policy.workspace_is_shared()).then(|| SCRATCH.len().to_string())
}

fn rlimits(policy: &Policy, memory_is_bounded: bool) -> Rlimits {
    let limits = policy.limits();
    Rlimits {
        open_files: limits.open_files,
        file_size_bytes: limits.file_size_bytes,
        processes: limits.pids + 1,
        cpu_seconds: limits.cpu_time.map(|time| time.as_secs() + 2),
        data_bytes: (!memory_is_bounded).then_some(limits.memory_bytes),
    }
}

struct Builder<'a> {
    purpose: Purpose,
    policy: &'a Policy,
    facts: &'a Facts,
    steps: Vec<Step>,
}

/// A guest path of ours: the constants of this file are such paths.
fn place(text: &str) -> Option<GuestPath> {
    GuestPath::new(text).ok()
}

fn attach(slot: Slot, mount: &Mount, kind: Kind) -> Step {
    let flags = Flags { writable: mount.access == Access::ReadWrite, ..Flags::default() };
    Step::Attach { slot, target: mount.target.clone(), kind, flags }
}

impl Builder<'_> {
    fn add(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn slot(number: usize) -> Slot {
        Slot(u16::try_from(number).unwrap_or(u16::MAX))
    }

    fn further_processes(&mut self) {
        self.add(Step::BecomeUser { uid: INSIDE, gid: INSIDE });
        self.add(Step::OwnMounts);
        self.proc();
        self.add(Step::ReadOnlySysctls);
        self.add(Step::BootId { text: self.facts.boot_id.clone() });
        self.steps.extend(place(guest::CODE).map(|code| Step::Files { code }));
    }

    fn furnish(&mut self) {
        self.add(Step::BecomeUser { uid: INSIDE, gid: INSIDE });
        let (mounts, sources) = (self.policy.mounts(), &self.facts.sources);
        let open = mounts.iter().zip(sources).enumerate().filter(|(_, (_, s))| s.is_open());
        for (number, (mount, source)) in open {
            let slot = Self::slot(number);
            let path = source.host.path.clone();
            self.steps.extend(source.mapped.map(|descriptor| {
                let source = path.clone();
                Step::Mapped { slot, descriptor, source }
            }));
            self.steps.extend(source.opened.map(|descriptor| {
                let source = path.clone();
                Step::Opened { slot, descriptor, source }
            }));
            self.steps.push(attach(slot, mount, source.kind));
        }
    }

    /// Host paths are opened first, while init is still who the caller is.
    fn open_mounts(&mut self) {
        self.add(Step::PrivateMounts);
        let mounts = self.policy.mounts();
        let mut whole: BTreeMap<PathBuf, (HostPath, Vec<Part>)> = BTreeMap::new();
        for (number, (mount, source)) in mounts.iter().zip(&self.facts.sources).enumerate() {
            let (slot, host) = (Self::slot(number), self.host(source, mount.target.as_path()));
            let step = match (source.mapped, mount.view, &source.whole, source.kind) {
                (Some(descriptor), ..) => Step::Mapped { slot, descriptor, source: host.path },
                (None, MountView::Private, ..) if self.is_template() => {
                    Step::Bind { slot, source: host }
                }
                (None, MountView::Private, Some(above), _) if self.purpose == Purpose::Launch => {
                    let path = host.path.strip_prefix(&above.path).unwrap_or(&host.path);
                    let part = Part { slot, path: path.to_owned(), source: host.clone() };
                    let group = whole.entry(above.path.clone());
                    group.or_insert_with(|| (above.clone(), Vec::new())).1.push(part);
                    continue;
                }
                (None, MountView::Private, _, Kind::Directory) => {
                    let part = Part { slot, path: PathBuf::new(), source: host.clone() };
                    Step::Overlay { source: host, parts: vec![part] }
                }
                (None, MountView::Private, _, Kind::File) => Step::Copy { slot, source: host },
                (None, MountView::Shared, ..) => Step::Bind { slot, source: host },
            };
            self.add(step);
        }
        let whole = whole.into_values();
        self.steps.extend(whole.map(|(source, parts)| Step::Overlay { source, parts }));
        for (number, device) in self.facts.devices.iter().enumerate() {
            let slot = Self::slot(mounts.len() + number);
            let source = self.host(device, &device.host.path);
            self.steps.push(Step::Bind { slot, source });
        }
        let (uid, gid) = match self.purpose {
            Purpose::Template { id } => id,
            _ => (INSIDE, INSIDE),
        };
        self.add(Step::BecomeUser { uid, gid });
    }

    /// Where a host path is found: in a template, at its target.
    fn host(&self, source: &Source, target: &Path) -> HostPath {
        match self.purpose {
            Purpose::Fork { .. } => HostPath { path: target.to_owned(), ..source.host.clone() },
            _ => source.host.clone(),
        }
    }

    const fn is_template(&self) -> bool {
        matches!(self.purpose, Purpose::Template { .. })
    }

    /// Whether programs may make terminals: their part of the host kernel is
    /// large, and little code asks for one.
    fn has_terminals(&self) -> bool {
        !self.is_template() && self.policy.profile() != ProfileName::Strict
    }

    fn root(&mut self) {
        let (code_bytes, code_files) = self.facts.code;
        let pages = code_bytes.div_ceil(PAGE_BYTES) + code_files;
        self.add(Step::Root {
            bytes: ROOT_BYTES + pages * PAGE_BYTES,
            inodes: ROOT_INODES + code_files,
        });
        for (path, target) in self.policy.symlinks() {
            self.add(Step::Symlink { path: path.clone(), target: target.clone() });
        }
        let hostname = "sandbox\n".to_owned();
        let files = [
            ("/etc/group", GROUP.to_owned()),
            ("/etc/hostname", hostname),
            ("/etc/hosts", HOSTS.to_owned()),
            ("/etc/machine-id", self.facts.machine_id.clone()),
            ("/etc/nsswitch.conf", NSSWITCH.to_owned()),
            ("/etc/passwd", PASSWD.to_owned()),
            ("/etc/resolv.conf", self.facts.resolv_conf.clone()),
        ];
        for (path, text) in files {
            self.steps.extend(place(path).map(|path| Step::File { path, text }));
        }
        if let Some(path) = place(guest::CODE).filter(|_| self.facts.code.1 > 0) {
            self.add(Step::Directory { path, mode: 0o755 });
        }
    }

    fn system(&mut self) {
        self.attach(|below_scratch| !below_scratch);
        let first = self.policy.mounts().len();
        for (number, path) in DEVICES.iter().enumerate().take(self.facts.devices.len()) {
            let flags = Flags { no_exec: true, devices: true, writable: false };
            let slot = Self::slot(first + number);
            self.steps.extend(place(path).map(|target| Step::Attach {
                slot,
                target,
                kind: Kind::File,
                flags,
            }));
        }
        for (path, target) in DEVICE_LINKS {
            let target = PathBuf::from(target);
            self.steps.extend(place(path).map(|path| Step::Symlink { path, target }));
        }
        if self.has_terminals() {
            self.add(Step::Terminals { max: TERMINALS_MAX });
            let path = place("/dev/ptmx");
            self.steps.extend(path.map(|path| Step::Symlink { path, target: "pts/ptmx".into() }));
        }
        self.proc();
    }

    fn proc(&mut self) {
        let processes_only = !self.is_template() && self.policy.profile() == ProfileName::Strict;
        self.add(Step::Proc { processes_only });
        if !processes_only && !self.is_template() {
            let directories = MASKED_DIRECTORIES.iter().map(|name| (name, Kind::Directory));
            let files = MASKED_FILES.iter().map(|name| (name, Kind::File));
            for (name, kind) in directories.chain(files) {
                let path = place(&format!("/proc/{name}"));
                self.steps.extend(path.map(|path| Step::Mask { path, kind }));
            }
        }
    }

    /// Attaches the mounts of the policy: first those of the root, later those
    /// that stand on the writable file system.
    fn attach(&mut self, wanted: impl Fn(bool) -> bool) {
        let scratch = self.scratch_places();
        for (number, (mount, source)) in
            self.policy.mounts().iter().zip(&self.facts.sources).enumerate()
        {
            let target = mount.target.as_path();
            let on_scratch = scratch.iter().any(|p| target.starts_with(p.target.as_path()));
            if wanted(on_scratch) {
                self.steps.push(attach(Self::slot(number), mount, source.kind));
            }
        }
    }

    fn scratch_places(&self) -> Vec<ScratchPlace> {
        let fixed = SCRATCH.iter().filter_map(|(path, no_exec, sticky)| {
            Some(ScratchPlace { target: place(path)?, no_exec: *no_exec, sticky: *sticky })
        });
        let target = self.policy.workspace().clone();
        let workspace = ScratchPlace { target, no_exec: false, sticky: false };
        fixed.chain((!self.policy.workspace_is_shared()).then_some(workspace)).collect()
    }

    fn writable(&mut self) {
        let limits = self.policy.limits();
        self.add(Step::Scratch {
            bytes: limits.workspace_bytes,
            inodes: limits.workspace_inodes,
            places: self.scratch_places(),
            remains: match self.purpose {
                Purpose::Fork { remains } => remains,
                _ => None,
            },
        });
        self.attach(|below_scratch| below_scratch);
    }

    fn namespaces(&mut self) {
        self.add(Step::HostName);
        if self.policy.network() == Network::None {
            self.add(Step::Loopback);
        }
        if !matches!(self.purpose, Purpose::Fork { .. }) {
            self.add(Step::CgroupNamespace);
            self.add(Step::OwnClocks);
        }
        if !self.is_template() {
            self.add(Step::NoNestedUserns);
            self.add(Step::FewWatches { instances: WATCHERS_MAX, watches: WATCHES_MAX });
            self.add(Step::ReadOnlySysctls);
            self.add(Step::BootId { text: self.facts.boot_id.clone() });
        }
        self.add(Step::Enter);
        if !matches!(self.purpose, Purpose::Fork { .. }) {
            self.steps.extend(place(guest::CODE).map(|code| Step::Files { code }));
        }
        self.add(Step::SealRoot);
    }

    fn landlock(&self) -> Step {
        let writable = self.scratch_places().into_iter().map(|place| place.target);
        let shared = self.policy.mounts().iter();
        let shared = shared.filter(|mount| mount.access == Access::ReadWrite);
        let writable = writable.chain(shared.map(|mount| mount.target.clone())).collect();
        let devices = place("/dev").into_iter().collect();
        Step::Landlock { writable, devices }
    }

    fn lock_down(&mut self) {
        if matches!(self.purpose, Purpose::Fork { .. }) {
            self.add(Step::CgroupNamespace);
        }
        if self.policy.has_cores_alone() && !self.is_template() {
            self.add(Step::CoreScheduling);
        }
        self.add(Step::NoCoreDumps);
        match self.purpose {
            // It is inherited, and what is forked is a program, not an init.
            Purpose::Fork { .. } | Purpose::Furnish => {}
            // What is forked from it gets the rest; it needs its rights for that.
            Purpose::Template { .. } => {
                self.add(Step::OomFirst);
                return self.add(Step::NotDumpable);
            }
            Purpose::Enter => self.add(Step::NotDumpable),
            Purpose::Launch => {
                self.add(Step::OomFirst);
                self.add(Step::NotDumpable);
            }
        }
        self.add(Step::LockSecureBits);
        self.add(Step::DropCapabilities);
        self.add(Step::NoNewPrivs);
        let profile = self.policy.profile();
        let program = syscalls::compile(profile, syscalls::Arch::HOST);
        let (profile, audit) = (profile.to_string(), self.policy.audits());
        let filter = Step::SyscallFilter { profile, program, audit };
        // What is forked waits to be handed out, and who it is for decides where it
        // may write.
        let last = match self.purpose {
            Purpose::Fork { .. } => [filter, self.landlock()],
            _ => [self.landlock(), filter],
        };
        self.steps.extend(last);
    }
}

#[cfg(test)]
mod tests;
