//! Who has taken what and who waits. Pure but for answering those that wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    QuotaConfig, Quotas,
    failure::{QuotaError, QuotaKind, QuotaOwner},
    permit::{Held, RunPermit},
    rate::Bucket,
};
use crate::keys::TenantId;

/// When to try again where something has to end first, and nobody knows when it will.
const RETRY_SOON: Duration = Duration::from_secs(1);

/// When to try again where a session has to end first: they live for minutes.
const RETRY_LATER: Duration = Duration::from_secs(10);

/// When to try again where the server is ending: another has its place by then.
const RETRY_ELSEWHERE: Duration = Duration::from_secs(5);

/// So many tenants are remembered before those that are idle are looked for.
const SWEEP_AT_MIN: usize = 64;

/// Names one that waits.
pub(super) type WaiterId = u64;

/// How much is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sessions.
    pub sessions: u64,
    /// Runs, turns and commands that go on.
    pub runs: u64,
    /// Those that wait.
    pub waiting: u64,
    /// Bytes of workspaces, by their limits.
    pub workspace_bytes: u64,
    /// Streams that are open.
    pub streams: u64,
    /// Connections; of all tenants, for they are nobody's at first.
    pub connections: u64,
}

#[derive(Debug, Default)]
struct Tenant {
    used: Usage,
    bucket: Bucket,
    waiters: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    id: WaiterId,
    answer: oneshot::Sender<RunPermit>,
}

/// Who has taken what and who waits.
#[derive(Debug)]
pub(super) struct State {
    config: Arc<QuotaConfig>,
    total: Usage,
    tenants: HashMap<TenantId, Tenant>,
    /// Tenants that have somebody waiting, each once; the first is the next.
    turns: VecDeque<TenantId>,
    next_id: WaiterId,
    sweep_at: usize,
    is_closed: bool,
}

impl State {
    pub(super) fn new(config: Arc<QuotaConfig>) -> Self {
        Self {
            config,
            total: Usage::default(),
            tenants: HashMap::new(),
            turns: VecDeque::new(),
            next_id: 0,
            sweep_at: SWEEP_AT_MIN,
            is_closed: false,
        }
    }

    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    const fn check_open(&self) -> Result<(), QuotaError> {
        if self.is_closed {
            return Err(servers(QuotaKind::Time, 0, RETRY_ELSEWHERE));
        }
        Ok(())
    }

    pub(super) fn usage(&self, tenant: &TenantId) -> Usage {
        self.tenants.get(tenant).map(|tenant| tenant.used).unwrap_or_default()
    }

    pub(super) const fn total(&self) -> Usage {
        self.total
    }

    /// Counts a run of a tenant's minute.
    pub(super) fn count(&mut self, id: &TenantId, now: Duration) -> Result<(), QuotaError> {
        self.check_open()?;
        let rate = self.config.of(id).runs_per_minute;
        let taken = self.tenant(id, now).bucket.take(rate, now);
        taken.map_err(|after| tenants(QuotaKind::RunsPerMinute, rate, after))
    }

    /// Lines somebody up, who then has to be answered or to give up.
    pub(super) fn enqueue(
        &mut self,
        id: &TenantId,
        answer: oneshot::Sender<RunPermit>,
        now: Duration,
    ) -> Result<WaiterId, QuotaError> {
        self.check_open()?;
        let quota = self.config.of(id);
        let server_is_free = self.total.runs < self.config.runs_max;
        let server_can_wait = self.total.waiting < self.config.waiting_max;
        let tenant = self.tenant(id, now);
        // With room, one is answered at once and does not wait.
        let has_room = server_is_free && tenant.used.runs < quota.runs_max;
        if !has_room && tenant.used.waiting >= quota.waiting_max {
            return Err(tenants(QuotaKind::Waiting, quota.waiting_max, RETRY_SOON));
        }
        if !has_room && !server_can_wait {
            return Err(servers(QuotaKind::Waiting, self.config.waiting_max, RETRY_SOON));
        }
        let rate = quota.runs_per_minute;
        let taken = tenant.bucket.take(rate, now);
        taken.map_err(|after| tenants(QuotaKind::RunsPerMinute, rate, after))?;
        if tenant.waiters.is_empty() {
            self.turns.push_back(id.clone());
        }
        let waiter = Waiter { id: self.next_id, answer };
        self.next_id += 1;
        let (tenant, total) = (self.tenants.entry(id.clone()).or_default(), &mut self.total);
        tenant.waiters.push_back(waiter);
        tenant.used.waiting += 1;
        total.waiting += 1;
        Ok(self.next_id - 1)
    }

    /// Answers whoever there is room for, one of each tenant in turn.
    pub(super) fn grant(&mut self, quotas: &Quotas) {
        // Tenants that were passed over since the last grant.
        let mut passed = 0;
        while self.total.runs < self.config.runs_max && passed < self.turns.len() {
            let Some(id) = self.turns.pop_front() else { return };
            let was_granted = self.grant_one(&id, quotas);
            passed = if was_granted { 0 } else { passed + 1 };
            if self.tenants.get(&id).is_some_and(|tenant| !tenant.waiters.is_empty()) {
                self.turns.push_back(id);
            }
        }
    }

    /// Answers the first of a tenant's that still waits, if the tenant may run more.
    fn grant_one(&mut self, id: &TenantId, quotas: &Quotas) -> bool {
        let Some(tenant) = self.tenants.get_mut(id) else { return false };
        while tenant.used.runs < self.config.of(id).runs_max {
            let Some(waiter) = tenant.waiters.pop_front() else { return false };
            tenant.used.waiting -= 1;
            self.total.waiting -= 1;
            let permit = RunPermit::new(quotas, Held::Run { tenant: id.clone() });
            match waiter.answer.send(permit) {
                Ok(()) => {
                    tenant.used.runs += 1;
                    self.total.runs += 1;
                    return true;
                }
                Err(permit) => {
                    permit.unmake();
                    tenant.bucket.put_back(self.config.of(id).runs_per_minute);
                }
            }
        }
        false
    }

    /// Takes somebody out of the queue who no longer waits.
    pub(super) fn give_up(&mut self, id: &TenantId, waiter: WaiterId, now: Duration) {
        let Some(tenant) = self.tenants.get_mut(id) else { return };
        let Some(at) = tenant.waiters.iter().position(|other| other.id == waiter) else { return };
        tenant.waiters.remove(at);
        tenant.used.waiting -= 1;
        self.total.waiting -= 1;
        tenant.bucket.put_back(self.config.of(id).runs_per_minute);
        if tenant.waiters.is_empty() {
            self.turns.retain(|other| other != id);
        }
        self.forget_if_idle(id, now);
    }

    /// What to tell one that waited in vain.
    pub(super) fn no_room(&self, id: &TenantId) -> QuotaError {
        let limit = self.config.of(id).runs_max;
        if self.usage(id).runs >= limit {
            tenants(QuotaKind::Runs, limit, RETRY_SOON)
        } else {
            servers(QuotaKind::Runs, self.config.runs_max, RETRY_SOON)
        }
    }

    pub(super) fn take_session(
        &mut self,
        id: &TenantId,
        workspace_bytes: u64,
        now: Duration,
    ) -> Result<(), QuotaError> {
        self.check_open()?;
        let quota = self.config.of(id);
        let bytes_max = quota.workspace_bytes_max;
        if workspace_bytes > bytes_max {
            let error = tenants(QuotaKind::WorkspaceBytes, bytes_max, RETRY_LATER);
            return Err(QuotaError { retry_after: None, ..error });
        }
        let used = self.usage(id);
        if used.sessions >= quota.sessions_max {
            return Err(tenants(QuotaKind::Sessions, quota.sessions_max, RETRY_LATER));
        }
        if used.workspace_bytes > bytes_max - workspace_bytes {
            return Err(tenants(QuotaKind::WorkspaceBytes, bytes_max, RETRY_LATER));
        }
        let has_bytes = self.total.workspace_bytes.checked_add(workspace_bytes).is_some();
        if self.total.sessions >= self.config.sessions_max || !has_bytes {
            return Err(servers(QuotaKind::Sessions, self.config.sessions_max, RETRY_LATER));
        }
        let used = &mut self.tenant(id, now).used;
        used.sessions += 1;
        used.workspace_bytes += workspace_bytes;
        self.total.sessions += 1;
        self.total.workspace_bytes += workspace_bytes;
        Ok(())
    }

    pub(super) fn take_stream(&mut self, id: &TenantId, now: Duration) -> Result<(), QuotaError> {
        let limit = self.config.of(id).streams_max;
        if self.usage(id).streams >= limit {
            return Err(tenants(QuotaKind::Streams, limit, RETRY_SOON));
        }
        self.tenant(id, now).used.streams += 1;
        self.total.streams += 1;
        Ok(())
    }

    pub(super) fn take_connection(&mut self) -> Result<(), QuotaError> {
        let limit = self.config.connections_max;
        if self.total.connections >= limit {
            return Err(servers(QuotaKind::Connections, limit, RETRY_SOON));
        }
        self.total.connections += 1;
        Ok(())
    }

    /// Takes back what a permit stood for.
    pub(super) fn give_back(&mut self, held: &Held, now: Duration) {
        let id = match held {
            Held::Run { tenant } | Held::Stream { tenant } | Held::Session { tenant, .. } => tenant,
            Held::Connection => {
                self.total.connections -= 1;
                return;
            }
        };
        let Some(tenant) = self.tenants.get_mut(id) else { return };
        for used in [&mut tenant.used, &mut self.total] {
            match held {
                Held::Run { .. } => used.runs -= 1,
                Held::Stream { .. } => used.streams -= 1,
                Held::Session { workspace_bytes, .. } => {
                    used.sessions -= 1;
                    used.workspace_bytes -= workspace_bytes;
                }
                Held::Connection => {}
            }
        }
        self.forget_if_idle(id, now);
    }

    /// How many tenants are remembered.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.tenants.len()
    }

    fn tenant(&mut self, id: &TenantId, now: Duration) -> &mut Tenant {
        if !self.tenants.contains_key(id) && self.tenants.len() >= self.sweep_at {
            self.tenants.retain(|_, tenant| !tenant.is_idle(now));
            // So that looking costs each newcomer the same, however many there are.
            self.sweep_at = SWEEP_AT_MIN.max(2 * self.tenants.len());
        }
        self.tenants.entry(id.clone()).or_default()
    }

    fn forget_if_idle(&mut self, id: &TenantId, now: Duration) {
        if self.tenants.get(id).is_some_and(|tenant| tenant.is_idle(now)) {
            self.tenants.remove(id);
        }
    }
}

impl Tenant {
    /// Whether it is as one that was never seen: also what it began counts for a minute.
    fn is_idle(&self, now: Duration) -> bool {
        self.used == Usage::default() && self.bucket.is_full(now)
    }
}

const fn tenants(what: QuotaKind, limit: u64, after: Duration) -> QuotaError {
    QuotaError { what, owner: QuotaOwner::Tenant, limit, retry_after: Some(after) }
}

const fn servers(what: QuotaKind, limit: u64, after: Duration) -> QuotaError {
    QuotaError { what, owner: QuotaOwner::Server, limit, retry_after: Some(after) }
}
