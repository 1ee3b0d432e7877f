//! Makes a policy of what was asked for, what the operator allows and what the host can do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use api::{Control, EnforcementLevel, NetworkSpec, PolicySpec};

use crate::{
    Ceiling, GuestPath, HostSupport, Limits, Mount, Network, Policy, PolicyError, shares::mounts,
};

/// What the environment and the language bring to a policy, beside the caller's spec.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The runtime: system directories, interpreter prefix, packages.
    pub mounts: Vec<Mount>,
    /// Symbolic links of the root.
    pub symlinks: Vec<(GuestPath, PathBuf)>,
    /// Env vars the runtime needs; the caller's override them.
    pub env_vars: BTreeMap<String, String>,
    /// The directory in which programs start.
    pub workspace: GuestPath,
}

/// The most env vars of a program.
const ENV_VARS_MAX: usize = 1024;

/// The most bytes of one env var: what `execve` takes of a string, without `=` and NUL.
const ENV_VAR_BYTES_MAX: usize = 128 * 1024 - 2;

/// The most bytes of all env vars: half of what `execve` takes in all with the
/// usual stack, so that as much is left for arguments.
const ENV_VARS_BYTES_MAX: usize = 1 << 20;

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
    let policy = Policy {
        profile: spec.profile.unwrap_or_default(),
        limits: Limits::resolve(&spec.limits, ceiling)?,
        network,
        mounts: mounts(spec, &parts, ceiling)?,
        symlinks: parts.symlinks,
        env_vars: parts.env_vars,
        workspace: parts.workspace,
        allow_missing: spec.allow_missing.clone(),
        start: spec.start.unwrap_or_default(),
        audit: ceiling.audit,
        core_scheduling: ceiling.core_scheduling,
        awaits_shares: false,
    };
    let policy = policy.with_env_vars(&spec.env_vars)?;
    check_support(&policy, ceiling, support)?;
    Ok(policy)
}

impl Policy {
    /// The same with these env vars as well, which override those of the same name.
    ///
    /// # Errors
    /// One is malformed or too long, or all together are too many.
    pub fn with_env_vars(mut self, vars: &BTreeMap<String, String>) -> Result<Self, PolicyError> {
        for (name, value) in vars {
            check_env_var(name, value)?;
            self.env_vars.insert(name.clone(), value.clone());
        }
        check_env_vars(&self.env_vars)?;
        Ok(self)
    }
}

fn check_waivers(waived: &BTreeSet<Control>, ceiling: &Ceiling) -> Result<(), PolicyError> {
    match waived.first() {
        Some(control) if !ceiling.waivable => Err(PolicyError::WaiverRefused { control: *control }),
        _ => Ok(()),
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

fn check_env_vars(vars: &BTreeMap<String, String>) -> Result<(), PolicyError> {
    let bytes: usize = vars.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let reason = match (vars.len() > ENV_VARS_MAX, bytes > ENV_VARS_BYTES_MAX) {
        (true, _) => "there are more than 1024",
        (_, true) => "together they are longer than 1 MiB",
        _ => return Ok(()),
    };
    let name = vars.keys().next_back().cloned().unwrap_or_default();
    Err(PolicyError::EnvVarRefused { name, reason })
}

/// Whether a policy cannot do without a control.
fn is_required(control: Control, policy: &Policy, ceiling: &Ceiling) -> bool {
    match control {
        Control::Network => policy.network == Network::None,
        Control::OwnUid => ceiling.own_uid_required,
        Control::Cpu => policy.limits.cpu_millis.is_some(),
        Control::CpuTime => policy.limits.cpu_time.is_some(),
        Control::CoreScheduling => policy.core_scheduling,
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
