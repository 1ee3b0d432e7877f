//! What keeps the records in order while nobody looks: what the dead left open is settled,
//! and what is old goes.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::{Blobs, Retention, Store};

/// How often in a lease it is looked for runs whose owner is gone: little is added to what
/// they wait for anyway.
const LOOKS_PER_LEASE: u32 = 6;

/// The shortest pause between two looks, however short leases are.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// How often what is old is removed.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Keeps records in order. Whoever carries out runs goes on with it beside: nothing else
/// settles what the dead left. One in each process is enough, and several do no harm.
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
        let pause = self.store.settings().lease / LOOKS_PER_LEASE;
        let mut ticks = interval(pause.max(PAUSE_MIN));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut tidied: Option<Instant> = None;
        loop {
            ticks.tick().await;
            self.settle().await;
            if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
                self.tidy().await;
                tidied = Some(Instant::now());
            }
        }
    }

    /// Closes what the dead left open. What fails is logged.
    pub async fn settle(&self) {
        match self.store.settle_expired().await {
            Ok(settled) if settled.requeued + settled.lost + settled.cancelled > 0 => {
                tracing::info!(?settled, "runs whose owner is gone are settled");
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "runs whose owner is gone are not settled"),
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
