//! The protocol's own sessions, of clients of its earlier generation: each is its
//! tenant's alone, and there are only so many.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::Stream;
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::streamable_http_server::session::{
        ServerSseMessage, SessionId, SessionManager,
        local::{LocalSessionManager, LocalSessionManagerError},
    },
};

use crate::keys::TenantId;

/// Sessions of all tenants: each costs some tasks and kilobytes.
const SEATS_MAX: usize = 1024;
/// Sessions of one tenant; beyond, the one unused for longest ends, and its client
/// begins anew when it comes back.
const TENANT_SEATS_MAX: usize = 128;
/// How long one may be unused: longer than any call takes.
const IDLE_TIME_MAX: Duration = Duration::from_secs(2 * 3600);
/// How long an answer is kept for a client whose connection broke before its end.
const ANSWER_KEPT: Duration = Duration::from_secs(5);

tokio::task_local! {
    static TENANT: TenantId;
}

/// Answers a request of a tenant's.
pub(super) async fn on_behalf_of<T>(tenant: TenantId, answer: impl Future<Output = T>) -> T {
    TENANT.scope(tenant, answer).await
}

/// Who asks; nobody where a session ends by itself.
fn tenant() -> Option<TenantId> {
    TENANT.try_with(TenantId::clone).ok()
}

struct Seat {
    tenant: TenantId,
    used: Instant,
}

/// The sessions that there are.
pub(super) struct Seats {
    local: LocalSessionManager,
    table: Mutex<HashMap<SessionId, Seat>>,
}

impl Default for Seats {
    fn default() -> Self {
        let mut local = LocalSessionManager::default();
        local.session_config.keep_alive = Some(IDLE_TIME_MAX);
        local.session_config.completed_cache_ttl = ANSWER_KEPT;
        Self { local, table: Mutex::default() }
    }
}

impl Seats {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Seat>> {
        // Whoever panicked with it left a table that is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session is there and the tenant's, who uses it now.
    fn is_own(&self, id: &SessionId, tenant: &TenantId) -> bool {
        let mut table = self.lock();
        let seat = table.get_mut(id).filter(|seat| seat.tenant == *tenant);
        seat.map(|seat| seat.used = Instant::now()).is_some()
    }
}

/// Which session makes room for a further one of a tenant's, where one has to.
fn crowded_out(table: &HashMap<SessionId, Seat>, tenant: &TenantId) -> Option<SessionId> {
    let own = |seat: &Seat| seat.tenant == *tenant;
    let is_full = table.values().filter(|seat| own(seat)).count() >= TENANT_SEATS_MAX;
    if !is_full && table.len() < SEATS_MAX {
        return None;
    }
    let candidates = table.iter().filter(|(_, seat)| !is_full || own(seat));
    candidates.min_by_key(|(_, seat)| seat.used).map(|(id, _)| id.clone())
}

impl SessionManager for Seats {
    type Error = LocalSessionManagerError;
    type Transport = <LocalSessionManager as SessionManager>::Transport;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), Self::Error> {
        // Without one, nobody would ever be let into it.
        let tenant = tenant().unwrap_or_else(TenantId::local);
        let crowded_out = crowded_out(&self.lock(), &tenant);
        if let Some(id) = crowded_out {
            self.lock().remove(&id);
            self.local.close_session(&id).await?;
        }
        let (id, transport) = self.local.create_session().await?;
        self.lock().insert(id.clone(), Seat { tenant, used: Instant::now() });
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, Self::Error> {
        self.local.initialize_session(id, message).await
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, Self::Error> {
        Ok(tenant().is_some_and(|tenant| self.is_own(id, &tenant)))
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), Self::Error> {
        if tenant().is_some_and(|tenant| !self.is_own(id, &tenant)) {
            return Ok(());
        }
        self.lock().remove(id);
        self.local.close_session(id).await
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.create_stream(id, message).await
    }

    async fn accept_message(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<(), Self::Error> {
        self.local.accept_message(id, message).await
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.create_standalone_stream(id).await
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, Self::Error> {
        self.local.resume(id, last_event_id).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seat(tenant: &str, age: u64) -> Seat {
        let used = Instant::now().checked_sub(Duration::from_secs(age)).unwrap();
        Seat { tenant: tenant.parse().unwrap(), used }
    }

    #[test]
    fn a_tenant_crowds_out_its_own_session_first() {
        let mut table = HashMap::new();
        table.insert(SessionId::from("other"), seat("other", 900));
        for number in 0..TENANT_SEATS_MAX as u64 {
            let id = SessionId::from(format!("own-{number}"));
            table.insert(id, seat("own", number));
        }
        let oldest = format!("own-{}", TENANT_SEATS_MAX - 1);
        let own = "own".parse().unwrap();
        assert_eq!(crowded_out(&table, &own).as_deref(), Some(oldest.as_str()));
        assert_eq!(crowded_out(&table, &"third".parse().unwrap()), None);
    }

    #[tokio::test]
    async fn a_session_is_there_for_its_tenant_alone() {
        let seats = Seats::default();
        let (own, other): (TenantId, TenantId) = ("own".parse().unwrap(), "other".parse().unwrap());
        let (id, _transport) = on_behalf_of(own.clone(), seats.create_session()).await.unwrap();
        on_behalf_of(other.clone(), seats.close_session(&id)).await.unwrap();
        assert!(on_behalf_of(own.clone(), seats.has_session(&id)).await.unwrap());
        assert!(!on_behalf_of(other, seats.has_session(&id)).await.unwrap());
        on_behalf_of(own.clone(), seats.close_session(&id)).await.unwrap();
        assert!(!on_behalf_of(own, seats.has_session(&id)).await.unwrap());
    }
}
