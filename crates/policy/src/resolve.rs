//! Makes a policy of what was asked for, what the operator allows and what the host can do.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use api::{Control, EnforcementLevel, NetworkSpec, PolicySpec};

use crate::{
    Ceiling, GuestPath, HostSupport, Limits, Mount, MountView, Network, Policy, PolicyError,
};

/// What the environment and the language bring to a policy, beside the caller's spec.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The runtime: system directories, interpreter prefix, packages.
    pub mounts: Vec<Mount>,
    /// Symbolic links of the root.
    pub symlinks: Vec<(GuestPath, PathBuf)>,
    /// Env vars the runtime needs; the caller's override them.
    pub env_vars: std::collections::BTreeMap<String, String>,
    /// The directory in which programs start.
    pub workspace: GuestPath,
}

/// Guest directories that are the sandbox's own: a share cannot stand on or above them.
const RESERVED: [&str; 8] =
    ["/proc", "/dev", "/sys", "/etc", "/usr", "/code", "/home/user", "/tmp"];

/// Host paths that are never shared, with everything in them.
const OFF_LIMITS: [(&str, &str); 6] = [
    ("/proc", "it shows the host's processes"),
    ("/sys", "it controls the host's kernel"),
    ("/dev", "it holds the host's devices"),
    ("/run", "it holds the sockets of the host's services"),
    ("/var/run", "it holds the sockets of the host's services"),
    ("/boot", "it holds the host's kernel"),
];

/// The most env vars, and the most bytes of one: well inside what `execve` takes.
const ENV_VARS_MAX: usize = 1024;
const ENV_VAR_BYTES_MAX: usize = 128 * 1024 - 2;

/// Makes a policy.
///
/// # Errors
/// The first thing in the spec that is malformed, above the ceiling, or not to
/// be had on this host; see [`PolicyError`].
pub fn resolve(
    spec: &PolicySpec,
    parts: Parts,
    ceiling: &Ceiling,
    support: &HostSupport,
) -> Result<Policy, PolicyError> {
    let network = match spec.network.unwrap_or_default() {
        NetworkSpec::None => Network::None,
        NetworkSpec::Full if ceiling.full_network => Network::Full,
        NetworkSpec::Full => return Err(PolicyError::NetworkRefused),
    };
    check_waivers(&spec.allow_missing, ceiling)?;
    let mut policy = Policy {
        profile: spec.profile.unwrap_or_default(),
        limits: limits(spec, ceiling)?,
        network,
        mounts: mounts(spec, parts.mounts, ceiling)?,
        symlinks: parts.symlinks,
        env_vars: parts.env_vars,
        workspace: parts.workspace,
        allow_missing: spec.allow_missing.clone(),
    };
    for (name, value) in &spec.env_vars {
        check_env_var(name, value)?;
        policy.env_vars.insert(name.clone(), value.clone());
    }
    if policy.env_vars.len() > ENV_VARS_MAX {
        let name = policy.env_vars.keys().next_back().cloned().unwrap_or_default();
        return Err(PolicyError::EnvVarRefused { name, reason: "there are more than 1024" });
    }
    check_support(&policy, ceiling, support)?;
    Ok(policy)
}

fn check_waivers(waived: &BTreeSet<Control>, ceiling: &Ceiling) -> Result<(), PolicyError> {
    match waived.first() {
        Some(control) if !ceiling.waivable => Err(PolicyError::WaiverRefused { control: *control }),
        _ => Ok(()),
    }
}

fn bounded(
    field: &'static str,
    given: Option<u64>,
    default: u64,
    (minimum, maximum): (u64, u64),
) -> Result<u64, PolicyError> {
    let given = given.unwrap_or(default);
    if given < minimum {
        return Err(PolicyError::LimitTooSmall { field, given, minimum });
    }
    if given > maximum {
        return Err(PolicyError::LimitTooLarge { field, given, maximum });
    }
    Ok(given)
}

fn optional(
    field: &'static str,
    given: Option<u64>,
    default: Option<u64>,
    (minimum, maximum): (u64, Option<u64>),
) -> Result<Option<u64>, PolicyError> {
    let maximum_or_all = maximum.unwrap_or(u64::MAX);
    match given.or(default) {
        Some(value) => bounded(field, Some(value), value, (minimum, maximum_or_all)).map(Some),
        None => Ok(maximum),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The least memory in which an interpreter's start can be told from a limit reached.
const MEMORY_BYTES_MIN: u64 = 4 << 20;

fn limits(spec: &PolicySpec, ceiling: &Ceiling) -> Result<Limits, PolicyError> {
    let (asked, defaults, maximum) = (&spec.limits, &ceiling.defaults, &ceiling.maximum);
    let wall = bounded(
        "wall_time_ms",
        asked.wall_time_ms,
        millis(defaults.wall_time),
        (1, millis(maximum.wall_time)),
    )?;
    let cpu_time = optional(
        "cpu_time_ms",
        asked.cpu_time_ms,
        defaults.cpu_time.map(millis),
        (1, maximum.cpu_time.map(millis)),
    )?;
    let memory_bytes = bounded(
        "memory_bytes",
        asked.memory_bytes,
        defaults.memory_bytes,
        (MEMORY_BYTES_MIN, maximum.memory_bytes),
    )?;
    Ok(Limits {
        wall_time: Duration::from_millis(wall),
        cpu_time: cpu_time.map(Duration::from_millis),
        memory_bytes,
        pids: bounded("pids", asked.pids, defaults.pids, (1, maximum.pids))?,
        cpu_millis: optional(
            "cpu_millis",
            asked.cpu_millis,
            defaults.cpu_millis,
            (10, maximum.cpu_millis),
        )?,
        open_files: bounded(
            "open_files",
            asked.open_files,
            defaults.open_files,
            (8, maximum.open_files),
        )?,
        file_size_bytes: bounded(
            "file_size_bytes",
            asked.file_size_bytes,
            defaults.file_size_bytes,
            (0, maximum.file_size_bytes),
        )?,
        workspace_bytes: bounded(
            "workspace_bytes",
            asked.workspace_bytes,
            defaults.workspace_bytes.min(memory_bytes),
            (4096, maximum.workspace_bytes),
        )?,
        workspace_inodes: bounded(
            "workspace_inodes",
            asked.workspace_inodes,
            defaults.workspace_inodes,
            (16, maximum.workspace_inodes),
        )?,
        output_bytes: optional(
            "output_bytes",
            asked.output_bytes,
            defaults.output_bytes,
            (0, maximum.output_bytes),
        )?,
    })
}

fn mounts(
    spec: &PolicySpec,
    runtime: Vec<Mount>,
    ceiling: &Ceiling,
) -> Result<Vec<Mount>, PolicyError> {
    let mut mounts = runtime;
    for share in &spec.shares {
        if !ceiling.shares {
            let reason = "sharing host paths is not allowed here";
            return Err(PolicyError::ShareRefused { path: share.source.clone(), reason });
        }
        check_source(&share.source)?;
        let target = check_target(&share.target)?;
        let (source, access) = (share.source.clone(), share.access);
        mounts.push(Mount { source, target, access, view: MountView::Shared });
    }
    mounts.sort_by(|left, right| left.target.cmp(&right.target));
    match mounts.windows(2).find(|pair| pair[0].target == pair[1].target) {
        Some(pair) => Err(PolicyError::TargetRefused {
            path: pair[1].target.as_path().to_owned(),
            reason: "something else is already there",
        }),
        None => Ok(mounts),
    }
}

fn check_source(path: &Path) -> Result<(), PolicyError> {
    let refused = |reason| PolicyError::ShareRefused { path: path.to_owned(), reason };
    if path == Path::new("/") {
        return Err(refused("it is the whole host"));
    }
    if !path.is_absolute() {
        return Err(refused("it is not an absolute path"));
    }
    let hit = OFF_LIMITS.iter().find(|(root, _)| path.starts_with(root));
    hit.map_or(Ok(()), |(_, reason)| Err(refused(reason)))
}

fn check_target(path: &Path) -> Result<GuestPath, PolicyError> {
    let refused = |reason| PolicyError::TargetRefused { path: path.to_owned(), reason };
    let target =
        GuestPath::new(path).map_err(|_| refused("it must be absolute and without `..`"))?;
    let taken = |root: &&str| path.starts_with(root) || Path::new(root).starts_with(path);
    match RESERVED.iter().find(|root| taken(root)) {
        Some(root) if path.starts_with("/home/user") && path != Path::new(root) => Ok(target),
        Some(root) if path.starts_with("/tmp") && path != Path::new(root) => Ok(target),
        Some(_) => Err(refused("that place is the sandbox's own")),
        None => Ok(target),
    }
}

fn check_env_var(name: &str, value: &str) -> Result<(), PolicyError> {
    let refused = |reason| PolicyError::EnvVarRefused { name: name.to_owned(), reason };
    if name.is_empty() {
        return Err(refused("its name is empty"));
    }
    if name.contains(['=', '\0']) {
        return Err(refused("its name has `=` or NUL"));
    }
    if value.contains('\0') {
        return Err(refused("its value has a NUL"));
    }
    if name.len() + value.len() > ENV_VAR_BYTES_MAX {
        return Err(refused("it is longer than 128 KiB"));
    }
    Ok(())
}

/// Whether a policy cannot do without a control.
fn is_required(control: Control, policy: &Policy, ceiling: &Ceiling) -> bool {
    match control {
        Control::Network => policy.network == Network::None,
        Control::OwnUid => ceiling.own_uid_required,
        _ => true,
    }
}

fn check_support(
    policy: &Policy,
    ceiling: &Ceiling,
    support: &HostSupport,
) -> Result<(), PolicyError> {
    let lacking = support.controls.iter().find(|(control, found)| {
        found.level < EnforcementLevel::Full
            && is_required(**control, policy, ceiling)
            && !policy.may_miss(**control)
    });
    match lacking {
        Some((control, found)) => Err(PolicyError::ControlMissing {
            control: *control,
            detail: found.detail.clone(),
            remedy: found.remedy.clone(),
        }),
        None => Ok(()),
    }
}
