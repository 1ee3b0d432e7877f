//! What of a policy is settled before it is known for whom a sandbox will be.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use api::{Control, ProfileName};

use crate::{GuestPath, Mount, Network, Policy};

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
