//! What keeps the records in order while nobody looks: what the dead left open is settled,
//! and what is old goes.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::{Blobs, Retention, Store};

/// How often it is looked for runs whose owner is gone: some seconds beside the lease that
/// they wait for anyway.
const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// How many such looks go by between two removals of what is old.
const LOOKS_PER_TIDYING: u32 = 120;

/// Keeps records in order. One in each process is enough, and several do no harm.
#[derive(Clone, Debug)]
pub struct Upkeep {
    store: Store,
    blobs: Blobs,
    retention: Retention,
}

impl Upkeep {
    /// That of a store and the bytes that it refers to.
    #[must_use]
    pub const fn new(store: Store, blobs: Blobs, retention: Retention) -> Self {
        Self { store, blobs, retention }
    }

    /// The records that it keeps.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The bytes that it keeps.
    #[must_use]
    pub const fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Goes on until it is dropped. What fails is logged, and tried again.
    pub async fn go_on(&self) {
        let mut ticks = interval(SETTLE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in (0..LOOKS_PER_TIDYING).cycle() {
            ticks.tick().await;
            self.settle().await;
            if look == 0 {
                self.tidy().await;
            }
        }
    }

    /// Closes what the dead left open. What fails is logged.
    pub async fn settle(&self) {
        if let Err(error) = self.store.settle_expired().await {
            tracing::warn!(%error, "runs whose owner is gone are not settled");
        }
    }

    /// Removes what is old. What fails is logged.
    pub async fn tidy(&self) {
        match self.store.retain(&self.retention).await {
            Ok(removed) if removed.runs > 0 => {
                tracing::info!(runs = removed.runs, bytes = removed.bytes, "old records removed");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "old records are not removed"),
        }
        if let Err(error) = self.blobs.sweep().await {
            tracing::warn!(%error, "bytes that nothing refers to are not removed");
        }
    }
}
