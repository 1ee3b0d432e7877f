//! Bounds that an operator may move.

use std::{collections::BTreeMap, time::Duration};

/// How the store behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an owner, or a claim, lives without being renewed.
    pub lease: Duration,
    /// Queued runs of one tenant that may be under way at once.
    pub tenant_running_max: u32,
    /// Runs of one tenant that may wait.
    pub tenant_waiting_max: u32,
    /// The same of those for whom it is another, by their names.
    pub tenants_waiting_max: BTreeMap<String, u32>,
    /// Runs of all tenants that may wait.
    pub waiting_max: u32,
    /// Connections to PostgreSQL, or readers of the file.
    pub connections_max: u32,
}

impl Settings {
    /// Runs of a tenant that may wait.
    pub(crate) fn waiting_max_of(&self, tenant: &str) -> u32 {
        self.tenants_waiting_max.get(tenant).copied().unwrap_or(self.tenant_waiting_max)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Long enough for a process that a busy host stalls, short enough to wait for.
            lease: Duration::from_secs(30),
            // Fairness decides who is next; this keeps one tenant from taking every slot of
            // several machines while nobody else asks, and then holding them.
            tenant_running_max: 64,
            // A script's mistake in a loop fills its own share, and is told so.
            tenant_waiting_max: 1_000,
            tenants_waiting_max: BTreeMap::new(),
            // Counting them at each enqueueing stays below a millisecond.
            waiting_max: 20_000,
            // PostgreSQL takes 100 in all by default, and other processes want some.
            connections_max: 8,
        }
    }
}
