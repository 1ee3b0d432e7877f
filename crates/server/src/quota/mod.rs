//! How much of the server a tenant may take, and how much there is.
//!
//! Whatever is taken is a permit, and is given back by dropping it: a request that is
//! cancelled at any point gives everything back. Runs that find no room wait in a queue
//! of their tenant's own, and tenants take turns. No call here holds a lock while it waits.

mod failure;
mod permit;
mod rate;
mod state;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

pub use failure::{QuotaError, QuotaKind, QuotaOwner};
pub use permit::{ConnectionPermit, RunPermit, SessionPermit, StreamPermit};
pub use state::Usage;

use crate::keys::TenantId;
use permit::Held;
use state::{State, WaiterId};

/// What the operator grants to each tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantQuota {
    /// Sessions at any one moment.
    pub sessions_max: u64,
    /// Runs, turns and commands at any one moment.
    pub runs_max: u64,
    /// Runs, turns and commands that wait for their turn. Each holds a request open.
    pub waiting_max: u64,
    /// Runs, turns and commands begun in a minute; as many may begin at once after a
    /// quiet minute.
    pub runs_per_minute: u64,
    /// Bytes of the workspaces of all its sessions, by their limits.
    pub workspace_bytes_max: u64,
    /// Streams of events that are open at any one moment.
    pub streams_max: u64,
}

/// What the operator grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaConfig {
    /// To each tenant that is not named.
    pub tenant: TenantQuota,
    /// To tenants by name.
    pub tenants: BTreeMap<TenantId, TenantQuota>,
    /// Runs, turns and commands of all tenants at any one moment.
    pub runs_max: u64,
    /// Those that wait, of all tenants.
    pub waiting_max: u64,
    /// How long one waits before it is refused.
    pub wait_max: Duration,
    /// Sessions of all tenants at any one moment.
    pub sessions_max: u64,
    /// Connections at any one moment.
    pub connections_max: u64,
}

impl QuotaConfig {
    /// What a tenant may take. The person on this machine, who needs no key, shares it
    /// with nobody.
    #[must_use]
    pub fn of(&self, tenant: &TenantId) -> TenantQuota {
        if let Some(named) = self.tenants.get(tenant) {
            return *named;
        }
        if *tenant != TenantId::local() {
            return self.tenant;
        }
        TenantQuota {
            sessions_max: TenantQuota::UNBOUNDED,
            runs_max: self.runs_max,
            waiting_max: self.waiting_max,
            runs_per_minute: TenantQuota::UNBOUNDED,
            workspace_bytes_max: TenantQuota::UNBOUNDED,
            streams_max: self.connections_max,
        }
    }
}

impl TenantQuota {
    /// As much of something as there is.
    pub const UNBOUNDED: u64 = u64::MAX;
}

impl Default for TenantQuota {
    fn default() -> Self {
        Self {
            sessions_max: 64,
            runs_max: 16,
            waiting_max: 64,
            runs_per_minute: 1200,
            workspace_bytes_max: 64 << 30,
            streams_max: 64,
        }
    }
}

impl Default for QuotaConfig {
    fn default() -> Self {
        Self {
            tenant: TenantQuota::default(),
            tenants: BTreeMap::new(),
            runs_max: 64,
            waiting_max: 256,
            // Clients and proxies give up after 30 seconds or more.
            wait_max: Duration::from_secs(10),
            sessions_max: 1024,
            connections_max: 4096,
        }
    }
}

/// Hands out what there is. Clones share everything.
#[derive(Clone, Debug)]
pub struct Quotas {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Arc<QuotaConfig>,
    began: Instant,
    state: Mutex<State>,
}

impl Quotas {
    /// Everything is there to be taken.
    #[must_use]
    pub fn new(config: QuotaConfig) -> Self {
        let config = Arc::new(config);
        let state = Mutex::new(State::new(Arc::clone(&config)));
        Self { shared: Arc::new(Shared { config, began: Instant::now(), state }) }
    }

    /// Room for a run, a turn or a command; waits for it if there is none. Tenants that
    /// wait take turns, whatever each has waiting.
    ///
    /// # Errors
    /// The tenant began too many within a minute, too many wait already, or there was
    /// no room in time.
    pub async fn acquire_run(&self, tenant: &TenantId) -> Result<RunPermit, QuotaError> {
        let (sender, receiver) = oneshot::channel();
        let ticket = {
            let mut state = self.state();
            let id = state.enqueue(tenant, sender, self.since_begin())?;
            state.grant(self);
            Ticket { quotas: self, tenant, id: Some(id) }
        };
        match tokio::time::timeout(self.shared.config.wait_max, receiver).await {
            Ok(Ok(permit)) => {
                ticket.served();
                Ok(permit)
            }
            // The sender lives as long as the ticket does.
            Ok(Err(_)) | Err(_) => {
                let error = self.state().no_room(tenant);
                Err(error)
            }
        }
    }

    /// Counts a run that waits elsewhere for its turn: in the queue of the records.
    ///
    /// # Errors
    /// The tenant began too many within a minute.
    pub fn count_run(&self, tenant: &TenantId) -> Result<(), QuotaError> {
        self.state().count(tenant, self.since_begin())
    }

    /// Room for a session with a workspace of so many bytes.
    ///
    /// # Errors
    /// The tenant has too many, or they may hold too much; or there are too many.
    pub fn acquire_session(
        &self,
        tenant: &TenantId,
        workspace_bytes: u64,
    ) -> Result<SessionPermit, QuotaError> {
        self.state().take_session(tenant, workspace_bytes, self.since_begin())?;
        let held = Held::Session { tenant: tenant.clone(), workspace_bytes };
        Ok(SessionPermit::new(self, held))
    }

    /// Room for a stream of events.
    ///
    /// # Errors
    /// The tenant has too many open.
    pub fn acquire_stream(&self, tenant: &TenantId) -> Result<StreamPermit, QuotaError> {
        self.state().take_stream(tenant, self.since_begin())?;
        Ok(StreamPermit::new(self, Held::Stream { tenant: tenant.clone() }))
    }

    /// Room for a connection.
    ///
    /// # Errors
    /// There are too many.
    pub fn acquire_connection(&self) -> Result<ConnectionPermit, QuotaError> {
        self.state().take_connection()?;
        Ok(ConnectionPermit::new(self, Held::Connection))
    }

    /// Grants no session and no run from now on; who waits already is served.
    pub fn close(&self) {
        self.state().close();
    }

    /// What a tenant may take.
    #[must_use]
    pub fn granted(&self, tenant: &TenantId) -> TenantQuota {
        self.shared.config.of(tenant)
    }

    /// What a tenant has taken.
    #[must_use]
    pub fn usage(&self, tenant: &TenantId) -> Usage {
        self.state().usage(tenant)
    }

    /// What all tenants have taken.
    #[must_use]
    pub fn total(&self) -> Usage {
        self.state().total()
    }

    /// Takes back what a permit stood for.
    fn give_back(&self, held: &Held) {
        let mut state = self.state();
        state.give_back(held, self.since_begin());
        state.grant(self);
    }

    fn since_begin(&self) -> Duration {
        self.shared.began.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Counts are changed by steps that cannot panic half-way.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up where whoever waits goes away.
struct Ticket<'a> {
    quotas: &'a Quotas,
    tenant: &'a TenantId,
    id: Option<WaiterId>,
}

impl Ticket<'_> {
    fn served(mut self) {
        self.id = None;
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            // One that was served meanwhile is given back by its permit.
            self.quotas.state().give_up(self.tenant, id, self.quotas.since_begin());
        }
    }
}

#[cfg(test)]
mod tests;
