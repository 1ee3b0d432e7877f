//! What a client over HTTP may ask of a policy.

use std::collections::BTreeMap;

use api::{LimitsSpec, NetworkSpec, PolicySpec, ProfileName, StartSpec};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{app::App, http::object};

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
    env_vars: BTreeMap<String, String>,
    /// How the interpreter comes to be; `auto` if left out.
    start: Option<StartSpec>,
}

impl WantedPolicy {
    /// The policy spec that the engine resolves.
    pub(crate) fn spec(self, app: &App) -> PolicySpec {
        let Self { profile, limits, network, env_vars, start } = self;
        let allow_missing = app.config().allow_missing.clone();
        let shares = Vec::new();
        PolicySpec { profile, limits, network, shares, env_vars, allow_missing, start }
    }
}
