//! Keeps this process's owner alive in the database for as long as the store is open.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OnceCell, task::AbortHandle};

use crate::{Owner, StoreError, database::Database};

/// A lease is renewed this often while it runs, so that two renewals may fail.
const RENEWALS_PER_LEASE: u32 = 3;

/// The owner of this process, and the task that renews it.
#[derive(Debug)]
pub(crate) struct Keeper {
    owner: Owner,
    database: Arc<Database>,
    lease: Duration,
    /// Nothing is written, and nothing runs, before the first run is opened.
    task: OnceCell<AbortHandle>,
}

impl Keeper {
    pub(crate) fn new(database: Arc<Database>, lease: Duration) -> Self {
        Self { owner: Owner::generate(), database, lease, task: OnceCell::new() }
    }

    pub(crate) const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Makes sure that the owner lives, before anything is opened in its name.
    pub(crate) async fn engage(&self) -> Result<(), StoreError> {
        let start = || async {
            let failed = StoreError::of("register this process with the records");
            renew(&self.database, &self.owner, self.lease).await.map_err(failed)?;
            let (database, owner) = (Arc::clone(&self.database), self.owner.clone());
            let task = tokio::spawn(keep(database, owner, self.lease));
            Ok(task.abort_handle())
        };
        self.task.get_or_try_init(start).await.map(drop)
    }

    /// Ends the owner's life.
    pub(crate) async fn retire(&self) {
        let Some(task) = self.task.get() else { return };
        task.abort();
        let delete = self.database.query("DELETE FROM owners WHERE id = $1");
        // If that fails, the lease ends by itself.
        let _ = delete.bind(self.owner.to_string()).execute(self.database.writer()).await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

async fn keep(database: Arc<Database>, owner: Owner, lease: Duration) {
    let mut ticks = tokio::time::interval(lease / RENEWALS_PER_LEASE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if let Err(error) = renew(&database, &owner, lease).await {
            tracing::warn!(%error, "the lease on this process's records is not renewed");
        }
    }
}

async fn renew(database: &Database, owner: &Owner, lease: Duration) -> sqlx::Result<()> {
    let upsert = "INSERT INTO owners (id, lease_until) VALUES ($1, {now} + $2) \
                  ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until";
    let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    let upsert = database.query(upsert).bind(owner.to_string()).bind(lease_ms);
    upsert.execute(database.writer()).await.map(drop)
}
