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
}

/// What is settled when a sandbox is forked. Policies of one class differ in what
/// can be set while a sandbox lives: its other limits and its env vars.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyClass {
    template: TemplateClass,
    profile: ProfileName,
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
    /// The policy under which a sandbox is made before it is known for whom: of the
    /// same class, with these env vars and not the caller's, and with the operator's
    /// usual limits where they can be set later.
    #[must_use]
    pub fn for_anybody(&self, env_vars: BTreeMap<String, String>, ceiling: &Ceiling) -> Self {
        let (usual, most) = (&ceiling.defaults, &ceiling.maximum);
        let limits = Limits {
            wall_time: usual.wall_time.min(most.wall_time),
            memory_bytes: usual.memory_bytes.min(most.memory_bytes),
            pids: usual.pids.min(most.pids),
            open_files: usual.open_files.min(most.open_files),
            file_size_bytes: usual.file_size_bytes.min(most.file_size_bytes),
            ..self.limits.clone()
        };
        Self { limits, env_vars, ..self.clone() }
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
            },
            profile: self.profile,
            workspace_bytes: self.limits.workspace_bytes,
            workspace_inodes: self.limits.workspace_inodes,
            cpu_millis: self.limits.cpu_millis,
            cpu_time: self.limits.cpu_time,
            audit: self.audit,
            core_scheduling: self.core_scheduling,
        }
    }
}
