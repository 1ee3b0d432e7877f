//! What of a policy is settled before it is known for whom a sandbox will be.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use api::{Control, ProfileName};

use crate::{Ceiling, GuestPath, Limits, Mount, Network, Policy};

/// What is settled when an interpreter is parked: everything forked from it has
/// it in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TemplateClass {
    network: Network,
    mounts: Vec<Mount>,
    symlinks: Vec<(GuestPath, PathBuf)>,
    workspace: GuestPath,
    allow_missing: BTreeSet<Control>,
    awaits_shares: bool,
}

/// What is settled when a sandbox is forked: each process is born with these limits,
/// and even root may not be able to raise one. Policies of one class differ in what
/// the host side does: how long it waits, how much it keeps, what env vars it tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyClass {
    template: TemplateClass,
    profile: ProfileName,
    memory_bytes: u64,
    pids: u64,
    open_files: u64,
    file_size_bytes: u64,
    workspace_bytes: u64,
    workspace_inodes: u64,
    cpu_millis: Option<u64>,
    cpu_time: Option<Duration>,
    audit: bool,
    core_scheduling: bool,
}

impl PolicyClass {
    /// The part of it that the parked interpreter has.
    #[must_use]
    pub const fn template(&self) -> &TemplateClass {
        &self.template
    }
}

impl Policy {
    /// The policy under which a sandbox is made before it is known for whom: with
    /// these env vars and not the caller's, without the shares that can be shown later,
    /// and with no fewer descriptors than is usual, as long as it opens some of its own.
    /// That limit is lowered later.
    ///
    /// With `shares_decide`, whether there will be shares makes another sandbox of it.
    #[must_use]
    pub fn for_anybody(
        &self,
        env_vars: BTreeMap<String, String>,
        ceiling: &Ceiling,
        shares_decide: bool,
    ) -> Self {
        let open_files = ceiling.defaults.open_files.min(ceiling.maximum.open_files);
        let open_files = open_files.max(self.limits.open_files);
        let limits = Limits { open_files, ..self.limits.clone() };
        let is_there_before = |mount: &&Mount| !self.can_come_later(mount);
        let mounts: Vec<_> = self.mounts.iter().filter(is_there_before).cloned().collect();
        let awaits_shares = shares_decide && mounts.len() < self.mounts.len();
        Self { limits, env_vars, mounts, awaits_shares, ..self.clone() }
    }

    /// The policy under which the interpreter is parked: of the same template, with
    /// the operator's usual limits. What is forked gets its own.
    #[must_use]
    pub fn for_interpreter(&self, ceiling: &Ceiling) -> Self {
        let (usual, most) = (&ceiling.defaults, &ceiling.maximum);
        let limits = Limits {
            cpu_time: None,
            memory_bytes: usual.memory_bytes.min(most.memory_bytes),
            pids: usual.pids.min(most.pids),
            cpu_millis: usual.cpu_millis.or(most.cpu_millis),
            open_files: usual.open_files.min(most.open_files),
            file_size_bytes: usual.file_size_bytes.min(most.file_size_bytes),
            ..self.limits.clone()
        };
        Self { limits, ..self.clone() }
    }

    /// The policy's class.
    #[must_use]
    pub fn class(&self) -> PolicyClass {
        PolicyClass {
            template: TemplateClass {
                network: self.network,
                mounts: self.mounts.clone(),
                symlinks: self.symlinks.clone(),
                workspace: self.workspace.clone(),
                allow_missing: self.allow_missing.clone(),
                awaits_shares: self.awaits_shares,
            },
            profile: self.profile,
            memory_bytes: self.limits.memory_bytes,
            pids: self.limits.pids,
            open_files: self.limits.open_files,
            file_size_bytes: self.limits.file_size_bytes,
            workspace_bytes: self.limits.workspace_bytes,
            workspace_inodes: self.limits.workspace_inodes,
            cpu_millis: self.limits.cpu_millis,
            cpu_time: self.limits.cpu_time,
            audit: self.audit,
            core_scheduling: self.core_scheduling,
        }
    }
}
