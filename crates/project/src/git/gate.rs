//! Room for the sandboxes of git: they are few, and no tenant gets all of them.
//!
//! Looking at a repository takes one, and whoever may look may do so as often as they like.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::GitError;

/// Commands of git at any one moment. Each may take more than a gigabyte of memory.
const JOBS_MAX: usize = 4;
/// Those of one tenant: half of them, so that others find room.
const TENANT_JOBS_MAX: usize = JOBS_MAX / 2;
/// Those of one tenant that wait. Each holds a request open.
const TENANT_WAITING_MAX: usize = 64;
/// How long one waits. Clients and proxies give up after 30 seconds or more.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Room for commands of git.
#[derive(Debug)]
pub(super) struct Gate {
    all: Arc<Semaphore>,
    tenants: Mutex<HashMap<String, Tenant>>,
    wait_max: Duration,
}

#[derive(Debug)]
struct Tenant {
    room: Arc<Semaphore>,
    /// Those that run, and those that wait.
    users: usize,
}

/// Room for one command, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    _of_all: OwnedSemaphorePermit,
    _of_tenant: OwnedSemaphorePermit,
    _user: User<'a>,
}

/// One that runs or waits.
#[derive(Debug)]
struct User<'a> {
    gate: &'a Gate,
    tenant: &'a str,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self::patient(WAIT_MAX)
    }

    fn patient(wait_max: Duration) -> Self {
        let (all, tenants) = (Arc::new(Semaphore::new(JOBS_MAX)), Mutex::default());
        Self { all, tenants, wait_max }
    }

    /// Waits for room.
    ///
    /// # Errors
    /// There is none in time, or too many wait.
    pub(super) async fn enter<'a>(&'a self, tenant: &'a str) -> Result<Turn<'a>, GitError> {
        let (user, room) = self.queue_up(tenant)?;
        // Who waits for its own tenant's commands holds nothing that others need.
        let both = async {
            let _of_tenant = room.acquire_owned().await.ok()?;
            let _of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _of_all, _of_tenant, _user: user })
        };
        let turn = timeout(self.wait_max, both).await.ok().flatten();
        turn.ok_or(GitError::Busy { most: TENANT_JOBS_MAX })
    }

    fn queue_up<'a>(&'a self, tenant: &'a str) -> Result<(User<'a>, Arc<Semaphore>), GitError> {
        let mut tenants = self.tenants();
        let found = tenants.entry(tenant.to_owned()).or_insert_with(|| Tenant {
            room: Arc::new(Semaphore::new(TENANT_JOBS_MAX)),
            users: 0,
        });
        if found.users >= TENANT_JOBS_MAX + TENANT_WAITING_MAX {
            return Err(GitError::Busy { most: TENANT_JOBS_MAX });
        }
        found.users += 1;
        Ok((User { gate: self, tenant }, Arc::clone(&found.room)))
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<String, Tenant>> {
        // Counts are changed by steps that cannot panic half-way.
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        let mut tenants = self.gate.tenants();
        let Some(found) = tenants.get_mut(self.tenant) else { return };
        found.users -= 1;
        if found.users == 0 {
            tenants.remove(self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_takes_half_of_the_room() {
        let gate = Gate::patient(Duration::from_millis(20));
        let first = [gate.enter("a").await.unwrap(), gate.enter("a").await.unwrap()];
        assert!(matches!(gate.enter("a").await, Err(GitError::Busy { .. })));
        let _second = [gate.enter("b").await.unwrap(), gate.enter("b").await.unwrap()];
        assert!(matches!(gate.enter("c").await, Err(GitError::Busy { .. })));
        drop(first);
        gate.enter("c").await.unwrap();
        gate.enter("a").await.unwrap();
        // Who has come and gone is forgotten.
        assert_eq!(gate.tenants().len(), 1);
    }

    #[tokio::test]
    async fn those_who_wait_are_bounded() {
        let gate = Gate::patient(Duration::from_secs(3600));
        let _held = [gate.enter("a").await.unwrap(), gate.enter("a").await.unwrap()];
        let mut waiting: Vec<_> =
            (0..TENANT_WAITING_MAX).map(|_| Box::pin(gate.enter("a"))).collect();
        for wait in &mut waiting {
            assert!(timeout(Duration::ZERO, wait).await.is_err());
        }
        assert!(matches!(gate.enter("a").await, Err(GitError::Busy { .. })));
        gate.enter("b").await.unwrap();
        drop(waiting);
        let wait = timeout(Duration::from_millis(20), gate.enter("a"));
        assert!(wait.await.is_err(), "it waits");
    }
}
