//! What a client over HTTP may ask of a policy.

use std::{collections::BTreeMap, time::Duration};

use api::{LimitsSpec, NetworkSpec, PolicySpec, ProfileName, StartSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::millis;
use crate::{
    app::App,
    http::{Failure, names, object},
};

/// The policy that a client wants. What of the host is seen inside, and without which
/// controls code may run, is the operator's to say and nobody else's.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WantedPolicy {
    /// The named set of system calls; `default` if left out.
    profile: Option<ProfileName>,
    /// Quantities; what is left out takes the operator's default.
    #[serde(deserialize_with = "object")]
    limits: LimitsSpec,
    /// Reach of the network; none if left out.
    network: Option<NetworkSpec>,
    /// Env vars of the program.
    #[serde(deserialize_with = "names")]
    env_vars: BTreeMap<String, String>,
    /// How the interpreter comes to be; `auto` if left out.
    start: Option<StartSpec>,
}

impl WantedPolicy {
    /// The standard one, but for how long a run may take.
    pub(super) fn lasting(wall_time: Duration) -> Self {
        let limits = LimitsSpec { wall_time_ms: Some(millis(wall_time)), ..LimitsSpec::default() };
        Self { limits, ..Self::default() }
    }

    /// The policy spec that the engine resolves.
    ///
    /// # Errors
    /// A limit is 0: nothing can be done within that.
    pub(crate) fn spec(self, app: &App) -> Result<PolicySpec, Failure> {
        check(&self.limits)?;
        let Self { profile, limits, network, env_vars, start } = self;
        let allow_missing = app.config().allow_missing.clone();
        let shares = Vec::new();
        Ok(PolicySpec { profile, limits, network, shares, env_vars, allow_missing, start })
    }
}

fn check(limits: &LimitsSpec) -> Result<(), Failure> {
    let LimitsSpec {
        wall_time_ms,
        cpu_time_ms,
        memory_bytes,
        pids,
        cpu_millis,
        open_files,
        file_size_bytes,
        workspace_bytes,
        workspace_inodes,
        output_bytes,
    } = limits;
    let all = [
        ("wall_time_ms", wall_time_ms),
        ("cpu_time_ms", cpu_time_ms),
        ("memory_bytes", memory_bytes),
        ("pids", pids),
        ("cpu_millis", cpu_millis),
        ("open_files", open_files),
        ("file_size_bytes", file_size_bytes),
        ("workspace_bytes", workspace_bytes),
        ("workspace_inodes", workspace_inodes),
        ("output_bytes", output_bytes),
    ];
    match all.iter().find(|(_, limit)| **limit == Some(0)) {
        Some((name, _)) => {
            Err(Failure::unprocessable(format!("policy.limits.{name}: it has to be 1 or more")))
        }
        None => Ok(()),
    }
}
