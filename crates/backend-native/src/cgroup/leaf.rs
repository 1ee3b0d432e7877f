//! One sandbox's cgroups.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use sandbox::Owner;

use super::{
    files,
    guards::{self, Guards},
    owners::Share,
    site::{Controller, Site},
};

/// What a leaf limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LeafLimits {
    pub memory_bytes: u64,
    pub pids: u64,
    pub cpu_millis: Option<u64>,
}

/// What a leaf is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// Whose sandbox it is for.
    pub owner: &'a Owner,
    pub name: &'a str,
    pub limits: &'a LeafLimits,
    pub joining: Joining,
}

/// What the host kernel counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Readings {
    pub cpu_time: Option<Duration>,
    pub memory_peak_bytes: Option<u64>,
    pub pids_peak: Option<u64>,
}

/// How processes get into a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// They are born in it.
    Birth,
    /// They write to its files. Cgroups that neither limit nor count are left out:
    /// to join one of version 2 waits for a grace period of the whole machine.
    Writing,
}

/// One sandbox's cgroups, made and limited before any process is in them.
/// Dropping it removes them; they must be empty then.
#[derive(Debug)]
pub(crate) struct Leaf {
    v1: BTreeMap<Controller, PathBuf>,
    v2: Option<PathBuf>,
    tasks: Vec<OwnedFd>,
    entry: Option<OwnedFd>,
    guards: Guards,
    // Given back last: it can be removed once there is no leaf in it.
    share: Arc<Share>,
}

/// Init has to fit beside the payload.
const PIDS_OF_INIT: u64 = 1;

/// What a fork costs its zygote's leaf for as long as it lives: tables of its pages,
/// its network, its mounts. Of a small interpreter it is a fifth of this.
const FORK_BYTES: u64 = 4 << 20;

/// The most that are forked from one zygote and alive at one time.
const FORKS_MAX: u64 = 10_000;

/// The period in which a share of the processors is counted.
const CPU_PERIOD_US: u64 = 100_000;

/// A cgroup is busy for a moment after its last process was reaped; on a machine
/// with ten times more to do than it can, for a long one.
const REMOVAL_TIME_MAX: Duration = Duration::from_secs(2);

impl Leaf {
    /// Makes the cgroups of one sandbox, with its limits.
    ///
    /// # Errors
    /// One could not be made, or a limit did not hold.
    pub(crate) fn make(site: &Site, wanted: &Wanted<'_>) -> io::Result<Self> {
        let share = Share::of(site, wanted.owner)?;
        let mut leaf = Self {
            v1: BTreeMap::new(),
            v2: None,
            tasks: Vec::new(),
            entry: None,
            guards: Guards { fair: share.is_fair(), ..Guards::default() },
            share,
        };
        leaf.make_v1(site, wanted)?;
        leaf.make_v2(site, wanted)?;
        Ok(leaf)
    }

    fn make_v1(&mut self, site: &Site, wanted: &Wanted<'_>) -> io::Result<()> {
        let Wanted { name, limits, joining, .. } = *wanted;
        for (controller, hierarchy) in &site.v1 {
            // Whoever is forked stays in that of the process it is forked from.
            if joining == Joining::Writing && controller.is_spare() {
                continue;
            }
            let directory = self.share.v1(hierarchy).join(name);
            let is_new = !self.v1.values().any(|held| *held == directory);
            if is_new {
                fs::create_dir(&directory)?;
            }
            self.v1.insert(*controller, directory.clone());
            match controller {
                Controller::Memory => limit_memory_v1(&directory, limits.memory_bytes)?,
                Controller::Pids => {
                    files::set_number(&directory, "pids.max", limits.pids + PIDS_OF_INIT)?;
                }
                Controller::Cpu => limit_cpu_v1(&directory, limits.cpu_millis)?,
                Controller::CpuAccounting => {}
                Controller::Devices => {
                    guards::holds_devices(&directory)?;
                    self.guards.devices = true;
                }
                Controller::HugePages => self.guards.huge_pages = guards::limit_huge(&directory)?,
            }
            if is_new {
                // Opened by us, so the child may write to it whoever it is then.
                let tasks = File::options().write(true).open(directory.join("tasks"))?;
                self.tasks.push(tasks.into());
            }
        }
        Ok(())
    }

    fn make_v2(&mut self, site: &Site, wanted: &Wanted<'_>) -> io::Result<()> {
        let Wanted { name, limits, joining, .. } = *wanted;
        let Some(place) = &site.v2 else { return Ok(()) };
        if joining == Joining::Writing && place.controllers.is_empty() {
            return Ok(());
        }
        let directory = self.share.v2(place).join(name);
        fs::create_dir(&directory)?;
        self.v2 = Some(directory.clone());
        self.guards.childless = guards::forbid_children(&directory)?;
        if place.huge_pages {
            self.guards.huge_pages = guards::limit_huge(&directory)?;
        }
        let has = |name| place.controllers.contains(&name);
        if has("memory") {
            files::write(&directory, "memory.oom.group", "1")?;
            optional(files::write(&directory, "memory.swap.max", "0"))?;
            optional(files::write(&directory, "memory.zswap.max", "0"))?;
        }
        limit_v2(&directory, limits)?;
        match joining {
            Joining::Birth => self.entry = Some(File::open(&directory)?.into()),
            Joining::Writing => {
                let processes = File::options().write(true).open(directory.join("cgroup.procs"))?;
                self.tasks.push(processes.into());
            }
        }
        Ok(())
    }

    /// Directory of the version 2 cgroup to be born in.
    pub(crate) fn entry(&self) -> Option<BorrowedFd<'_>> {
        self.entry.as_ref().map(AsFd::as_fd)
    }

    /// Files of the version 1 cgroups to join.
    pub(crate) fn tasks(&self) -> Vec<BorrowedFd<'_>> {
        self.tasks.iter().map(AsFd::as_fd).collect()
    }

    /// Becomes readable when the memory limit is hit from now on, and stays so; version 1
    /// only. In version 2 the host kernel kills the whole leaf by itself.
    ///
    /// # Errors
    /// The host kernel gives no sign.
    pub(crate) fn watch_oom(&self) -> io::Result<Option<OwnedFd>> {
        let directory = self.v1.get(&Controller::Memory);
        directory.map(|directory| watch_oom_v1(directory)).transpose()
    }

    /// How many processes were killed for want of memory.
    pub(crate) fn oom_kills(&self) -> u64 {
        let v1 = self.v1.get(&Controller::Memory);
        let v1 = v1.and_then(|path| files::read_keyed(path, "memory.oom_control", "oom_kill"));
        let v2 = self.v2.as_ref();
        let v2 = v2.and_then(|path| files::read_keyed(path, "memory.events", "oom_kill"));
        v1.or(v2).unwrap_or(0)
    }

    /// What it holds beside its limits.
    pub(crate) const fn guards(&self) -> Guards {
        self.guards
    }

    /// What was used up to now.
    pub(crate) fn readings(&self) -> Readings {
        let number = |controller, name| {
            self.v1.get(&controller).and_then(|path| files::read_number(path, name))
        };
        let v2 = |name| self.v2.as_ref().and_then(|path| files::read_number(path, name));
        let v2_cpu = || files::read_keyed(self.v2.as_ref()?, "cpu.stat", "usage_usec");
        Readings {
            cpu_time: number(Controller::CpuAccounting, "cpuacct.usage")
                .map(Duration::from_nanos)
                .or_else(|| v2_cpu().map(Duration::from_micros)),
            memory_peak_bytes: number(Controller::Memory, "memory.max_usage_in_bytes")
                .or_else(|| v2("memory.peak")),
            pids_peak: number(Controller::Pids, "pids.peak")
                .or_else(|| v2("pids.peak"))
                .map(|peak| peak.saturating_sub(PIDS_OF_INIT)),
        }
    }

    /// Changes the limits of a leaf that is in use.
    ///
    /// # Errors
    /// The host kernel did not take one.
    pub(crate) fn limit(&self, limits: &LeafLimits) -> io::Result<()> {
        if let Some(directory) = self.v1.get(&Controller::Memory) {
            change_memory_v1(directory, limits.memory_bytes)?;
        }
        if let Some(directory) = self.v1.get(&Controller::Pids) {
            files::set_number(directory, "pids.max", limits.pids + PIDS_OF_INIT)?;
        }
        match (self.v1.get(&Controller::Cpu), limits.cpu_millis) {
            (Some(directory), millis @ Some(_)) => limit_cpu_v1(directory, millis)?,
            (Some(directory), None) => files::write(directory, "cpu.cfs_quota_us", "-1")?,
            (None, Some(_)) if self.v2.is_none() => return Err(io::ErrorKind::Unsupported.into()),
            (None, _) => {}
        }
        self.v2.as_ref().map_or(Ok(()), |directory| limit_v2(directory, limits))
    }

    /// Gives the leaf of a zygote room for what its forks cost it. None of them may
    /// be the death of all: of the processes in it one at a time is killed.
    ///
    /// # Errors
    /// As of [`Leaf::limit`].
    pub(crate) fn make_room_for_forks(&self, limits: &LeafLimits) -> io::Result<()> {
        let memory_bytes = limits.memory_bytes.saturating_add(FORKS_MAX * FORK_BYTES);
        let pids = limits.pids.saturating_add(FORKS_MAX);
        self.limit(&LeafLimits { memory_bytes, pids, ..*limits })?;
        let v2 = self.v2.as_ref();
        v2.map_or(Ok(()), |place| optional(files::write(place, "memory.oom.group", "0")))
    }

    /// Whether a process's own account of its cgroups shows all of these.
    pub(crate) fn holds(&self, cgroups: &str, name: &str) -> bool {
        let lines = cgroups.lines().filter(|line| line.ends_with(&format!("/{name}"))).count();
        let mut directories: Vec<_> = self.v1.values().chain(&self.v2).collect();
        directories.dedup();
        lines >= directories.len()
    }

    /// Kills every process, also stopped and frozen ones. Only version 2 can;
    /// elsewhere the end of init does it.
    pub(crate) fn kill(&self) {
        if let Some(directory) = &self.v2 {
            // Refused only where the file is missing, before Linux 5.14.
            let _ = files::write(directory, "cgroup.kill", "1");
        }
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        self.entry = None;
        self.tasks.clear();
        for directory in self.v1.values().chain(&self.v2) {
            let deadline = Instant::now() + REMOVAL_TIME_MAX;
            while let Err(error) = files::remove(directory) {
                if error.raw_os_error() != Some(rustix::io::Errno::BUSY.raw_os_error())
                    || Instant::now() > deadline
                {
                    // The sweep at the next start takes what is left.
                    break;
                }
                thread::sleep(Duration::from_micros(200));
            }
        }
    }
}

/// Sets the limits of the controllers that a version 2 cgroup has.
fn limit_v2(directory: &std::path::Path, limits: &LeafLimits) -> io::Result<()> {
    let has = |name| directory.join(name).exists();
    if has("memory.max") {
        files::set_number(directory, "memory.max", limits.memory_bytes)?;
    }
    if has("pids.max") {
        files::set_number(directory, "pids.max", limits.pids + PIDS_OF_INIT)?;
    }
    if !has("cpu.max") {
        return Ok(());
    }
    let quota = limits.cpu_millis.map(|millis| (millis * CPU_PERIOD_US / 1000).to_string());
    let text = format!("{} {CPU_PERIOD_US}", quota.as_deref().unwrap_or("max"));
    files::write(directory, "cpu.max", &text)?;
    match files::read(directory, "cpu.max")?.trim() == text {
        true => Ok(()),
        false => Err(io::Error::other("cpu.max did not take")),
    }
}

/// The limit of memory alone can never be above that of memory and swap.
fn change_memory_v1(directory: &std::path::Path, bytes: u64) -> io::Result<()> {
    let held = files::read_number(directory, "memory.limit_in_bytes").unwrap_or(u64::MAX);
    if bytes > held {
        let text = bytes.to_string();
        optional(files::write(directory, "memory.memsw.limit_in_bytes", &text))?;
    }
    limit_memory_v1(directory, bytes)
}

/// A file that only some kernels have: missing is fine, refused is not.
fn optional(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn limit_memory_v1(directory: &std::path::Path, bytes: u64) -> io::Result<()> {
    files::set_number(directory, "memory.limit_in_bytes", bytes)?;
    optional(files::write(directory, "memory.memsw.limit_in_bytes", &bytes.to_string()))?;
    optional(files::write(directory, "memory.swappiness", "0"))
}

fn limit_cpu_v1(directory: &std::path::Path, millis: Option<u64>) -> io::Result<()> {
    let Some(millis) = millis else { return Ok(()) };
    files::set_number(directory, "cpu.cfs_period_us", CPU_PERIOD_US)?;
    files::set_number(directory, "cpu.cfs_quota_us", millis * CPU_PERIOD_US / 1000)
}

/// Asks for a sign when the leaf's memory has run out.
fn watch_oom_v1(directory: &std::path::Path) -> io::Result<OwnedFd> {
    use rustix::event::{EventfdFlags, eventfd};
    let sign = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let control = File::open(directory.join("memory.oom_control"))?;
    let request = format!("{} {}", sign.as_raw_fd(), control.as_raw_fd());
    files::write(directory, "cgroup.event_control", &request)?;
    Ok(sign)
}
