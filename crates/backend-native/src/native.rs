//! The native backend: what this host can enforce, and launching.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::Arc,
};

use api::{Control, Enforcement, EnforcementLevel};
use policy::{HostSupport, Policy, Support};
use sandbox::{Backend, BoxFuture, LaunchError, Payload, Sandbox, SharedZygote, Template};

use crate::{
    cgroup::Site, identity::IdSource, launch, remedy, source, sweep, text, zygote::Parked,
};

/// Namespaces, mounts, Landlock, seccomp and cgroups of the host kernel itself.
#[derive(Clone, Debug)]
pub struct Native {
    host: Arc<Host>,
}

/// What was found out about the host, and what every launch needs of it.
#[derive(Debug)]
pub(crate) struct Host {
    executable: OwnedFd,
    site: Site,
    ids: IdSource,
    is_root: bool,
    wholes: Vec<PathBuf>,
    support: HostSupport,
}

/// Why the native backend cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// Our own binary, which is every sandbox's init, cannot be opened.
    #[error("our own program cannot be opened to start sandboxes with it")]
    Executable(#[source] io::Error),
    /// What says which user ids this process has to give cannot be read.
    #[error("cannot read which user ids there are for sandboxes")]
    Ids(#[source] io::Error),
}

impl Native {
    /// Finds out, without starting anything, what this host can enforce; removes
    /// what a killed predecessor left.
    ///
    /// # Errors
    /// Our own binary cannot be opened, or nothing tells which user ids there are.
    pub fn new() -> Result<Self, NativeError> {
        let executable = File::open("/proc/self/exe").map_err(NativeError::Executable)?;
        raise_open_files();
        let is_root = rustix::process::geteuid().is_root();
        let mounts = text::of("/proc/self/mountinfo");
        let site = Site::find(&mounts);
        let wholes = source::wholes(&mounts);
        sweep::sweep(&site);
        let ids = IdSource::find(is_root).map_err(NativeError::Ids)?;
        let support = HostSupport { controls: lacking(&site, &ids).collect() };
        let host = Host { executable: executable.into(), site, ids, is_root, wholes, support };
        Ok(Self { host: Arc::new(host) })
    }

    /// The plan by which a policy would be realised, a step a line.
    ///
    /// # Errors
    /// A host path of the policy cannot be looked up.
    pub fn plan_text(&self, policy: &Policy) -> Result<String, LaunchError> {
        launch::plan(&self.host, policy).map(|plan| plan.to_string())
    }
}

impl Host {
    pub(crate) fn executable(&self) -> BorrowedFd<'_> {
        self.executable.as_fd()
    }

    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }

    /// Directories of which one overlay may serve for several mounts.
    pub(crate) fn wholes(&self) -> &[PathBuf] {
        &self.wholes
    }

    pub(crate) const fn ids(&self) -> &IdSource {
        &self.ids
    }

    pub(crate) const fn is_root(&self) -> bool {
        self.is_root
    }

    /// Reports the limits, which were read back when they were set.
    pub(crate) fn report_limits(&self, policy: &Policy, report: &mut Enforcement) {
        use EnforcementLevel::{Full, Partial};
        let supports = self.site.supports();
        let limits = policy.limits();
        let cgroup = format!("cgroup {}", self.site.name());
        let each = "each process is bounded alone";
        let pids = "by the process limit of its user namespace";
        let not_limited = "not limited by the policy";
        let reports = [
            (Control::Memory, supports.memory, Partial, each),
            (Control::Pids, supports.pids, Full, pids),
            (Control::Cpu, supports.cpu, EnforcementLevel::None, "no cgroup"),
            (Control::CpuTime, supports.cpu_time, Partial, each),
        ];
        for (control, has_cgroup, otherwise, detail) in reports {
            let is_limited = match control {
                Control::Cpu => limits.cpu_millis.is_some(),
                Control::CpuTime => limits.cpu_time.is_some(),
                _ => true,
            };
            match (is_limited, has_cgroup) {
                (false, _) => report.set(control, Full, not_limited),
                (true, true) => report.set(control, Full, cgroup.clone()),
                (true, false) => report.set(control, otherwise, detail),
            }
        }
    }
}

/// A directory of results comes out as a descriptor for each file.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    // The soft limit stays as it is, then: fewer files can be brought out.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

fn without_core_scheduling(error: &io::Error) -> String {
    match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::NODEV) => {
            // Not the same as nothing to protect: a hypervisor may hide the threads.
            "the kernel sees one thread on each core".to_owned()
        }
        Some(rustix::io::Errno::INVAL) => "the kernel is built without it".to_owned(),
        _ => error.to_string(),
    }
}

/// The controls that this host is known to lack.
fn lacking(site: &Site, ids: &IdSource) -> impl Iterator<Item = (Control, Support)> {
    use EnforcementLevel::{None as Not, Partial};
    let supports = site.supports();
    let no_cgroup = |level| Support {
        level,
        detail: format!("no cgroup can be made ({})", site.why_not()),
        remedy: Some(remedy::cgroups()),
    };
    let callers_uid = Support {
        level: Partial,
        detail: "no subordinate user ids can be used".to_owned(),
        remedy: Some(remedy::own_uid()),
    };
    let no_core_scheduling = |error: io::Error| Support {
        level: Not,
        detail: without_core_scheduling(&error),
        remedy: Some("start another kernel, or set `core_scheduling = false`".to_owned()),
    };
    let cores = sys::core_scheduling::cookie().err().map(no_core_scheduling);
    [
        cores.map(|support| (Control::CoreScheduling, support)),
        (!supports.memory).then(|| (Control::Memory, no_cgroup(Partial))),
        (!supports.cpu).then(|| (Control::Cpu, no_cgroup(Not))),
        (!supports.cpu_time).then(|| (Control::CpuTime, no_cgroup(Partial))),
        (*ids == IdSource::Caller).then_some((Control::OwnUid, callers_uid)),
    ]
    .into_iter()
    .flatten()
}

impl Backend for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn support(&self) -> &HostSupport {
        &self.host.support
    }

    fn launch<'a>(
        &'a self,
        policy: &'a Policy,
        payload: Payload,
    ) -> BoxFuture<'a, Result<Box<dyn Sandbox>, LaunchError>> {
        Box::pin(async move {
            let live = launch::launch(&self.host, policy, payload).await?;
            Ok(Box::new(live) as Box<dyn Sandbox>)
        })
    }

    fn shares_decide(&self) -> bool {
        // An ordinary user cannot map the ids of a mount, so sandboxes with shares are
        // the caller's own.
        !self.host.is_root && self.host.ids != IdSource::Caller
    }

    fn park<'a>(
        &'a self,
        policy: &'a Policy,
        template: Template,
    ) -> BoxFuture<'a, Result<SharedZygote, LaunchError>> {
        Box::pin(async move {
            let parked = Parked::start(Arc::clone(&self.host), policy, template).await?;
            Ok(Arc::new(parked) as SharedZygote)
        })
    }
}

/// The most that is read of the host's resolver configuration.
const RESOLV_CONF_BYTES_MAX: u64 = 16 * 1024;

/// The host's name servers, for sandboxes that have its network.
pub(crate) fn resolv_conf() -> String {
    let mut text = String::new();
    if let Ok(file) = File::open("/etc/resolv.conf") {
        // Not text: then there are no name servers in it either.
        let _ = file.take(RESOLV_CONF_BYTES_MAX).read_to_string(&mut text);
    }
    text
}

/// A random id, in the form in which the host kernel writes them.
pub(crate) fn random_id() -> String {
    text::of("/proc/sys/kernel/random/uuid")
}
