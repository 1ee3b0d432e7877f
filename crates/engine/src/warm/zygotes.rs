//! Parked interpreters: one for each environment, trust domain and set of mounts.
//!
//! One that has died is replaced before the next fork. One that is old, or was forked
//! often, goes on serving while its replacement loads.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use sandbox::{Backend, LaunchError, Remains, SharedZygote};

use super::{
    Fresh, Order, WarmConfig,
    forking::{self, Unready},
    guest,
    order::TemplateKey,
};
use crate::{
    blocking::{in_place, polled_in_place},
    environment,
};

/// Keeps parked interpreters.
#[derive(Clone)]
pub(super) struct Zygotes {
    shared: Arc<Shared>,
}

struct Shared {
    config: WarmConfig,
    backend: Arc<dyn Backend>,
    slots: Mutex<Slots>,
    uses: AtomicU64,
    parked: AtomicU64,
    forks: AtomicU64,
}

/// The place of one interpreter. It is locked while one is parked there, so that all
/// who want it wait for the same.
#[derive(Default)]
struct Slot {
    parked: tokio::sync::Mutex<Option<Arc<Parked>>>,
    is_replaced: AtomicBool,
    last_use: AtomicU64,
}

struct Parked {
    zygote: SharedZygote,
    complaints: Arc<[String]>,
    forks: AtomicU64,
    since: Instant,
}

impl Zygotes {
    pub(super) fn new(config: WarmConfig, backend: Arc<dyn Backend>) -> Self {
        let shared = Shared {
            config,
            backend,
            slots: Mutex::default(),
            uses: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            forks: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn count(&self) -> usize {
        self.shared.lock().len()
    }

    pub(super) fn totals(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.shared.parked), count(&self.shared.forks))
    }

    /// Forks a sandbox under the order's base policy. An interpreter that died over
    /// it, or while it was being parked, is replaced, once.
    ///
    /// # Errors
    /// It cannot be made. What remained of an earlier one is where it was, if it can be
    /// of use still.
    pub(super) async fn fork(
        &self,
        order: &Order,
        remains: &mut Option<Remains>,
    ) -> Result<Fresh, LaunchError> {
        let is_heir = remains.is_some();
        let parked = self.parked(order).await?;
        match self.shared.fork(&parked, order, remains).await {
            Err(_) if remains.is_some() == is_heir && !parked.zygote.is_alive() => {
                let parked = self.parked(order).await?;
                self.shared.fork(&parked, order, remains).await
            }
            result => result,
        }
    }

    async fn parked(&self, order: &Order) -> Result<Arc<Parked>, LaunchError> {
        match self.shared.parked(order).await {
            Err(LaunchError::Lost { .. }) => self.shared.parked(order).await,
            parked => parked,
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        // Whoever panicked with it left a table that is whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fork(
        &self,
        parked: &Parked,
        order: &Order,
        remains: &mut Option<Remains>,
    ) -> Result<Fresh, LaunchError> {
        let is_heir = remains.is_some();
        parked.forks.fetch_add(1, Ordering::Relaxed);
        self.forks.fetch_add(1, Ordering::Relaxed);
        let forked = polled_in_place(parked.zygote.fork(&order.base, remains)).await?;
        let ready = forking::make_ready(forked, Arc::clone(&parked.complaints)).await;
        ready.map_err(|Unready { forked, error }| {
            *remains = is_heir.then(|| forked.into_remains());
            error
        })
    }

    /// A live interpreter for an order.
    async fn parked(self: &Arc<Self>, order: &Order) -> Result<Arc<Parked>, LaunchError> {
        let slot = self.slot(order);
        let mut place = slot.parked.lock().await;
        let parked = match place.as_ref().filter(|parked| parked.zygote.is_alive()) {
            Some(parked) => Arc::clone(parked),
            None => {
                let parked = Arc::new(self.park(order).await?);
                *place = Some(Arc::clone(&parked));
                return Ok(parked);
            }
        };
        drop(place);
        if self.is_worn(&parked) && !slot.is_replaced.swap(true, Ordering::AcqRel) {
            tokio::spawn(Arc::clone(self).replace(order.clone(), slot));
        }
        Ok(parked)
    }

    fn is_worn(&self, parked: &Parked) -> bool {
        parked.forks.load(Ordering::Relaxed) >= self.config.zygote_forks_max
            || parked.since.elapsed() >= self.config.zygote_age_max
    }

    async fn replace(self: Arc<Self>, order: Order, slot: Arc<Slot>) {
        // The old one goes on serving where no other can be had.
        if let Ok(parked) = self.park(&order).await {
            let worn = slot.parked.lock().await.replace(Arc::new(parked));
            in_place(|| drop(worn));
        }
        slot.is_replaced.store(false, Ordering::Release);
    }

    async fn park(&self, order: &Order) -> Result<Parked, LaunchError> {
        let interpreter = &order.key.interpreter;
        let preload = environment::preload(&order.environments, &interpreter.environment);
        let places = (order.python(), order.base.workspace());
        let template = guest::template(interpreter.trust_domain.owner(), places, &preload);
        let zygote = polled_in_place(self.backend.park(&order.parking, template)).await?;
        self.parked.fetch_add(1, Ordering::Relaxed);
        let complaints = zygote.complaints().into();
        Ok(Parked { zygote, complaints, forks: AtomicU64::new(0), since: Instant::now() })
    }

    /// The place of an order's interpreter. Those of its environment as it was before
    /// are gone then, and the least used one where there are too many.
    fn slot(&self, order: &Order) -> Arc<Slot> {
        let key = order.key.template();
        let mut gone = Vec::new();
        let mut slots = self.lock();
        let slot = match slots.get(&key) {
            Some(slot) => Arc::clone(slot),
            None => {
                let is_earlier =
                    |other: &TemplateKey| other.interpreter.is_earlier_than(&key.interpreter);
                gone.extend(slots.extract_if(|other, _| is_earlier(other)));
                make_room(&mut slots, self.config.zygotes_max, &mut gone);
                Arc::clone(slots.entry(key).or_default())
            }
        };
        drop(slots);
        // Killing takes time, in which others fork.
        in_place(|| drop(gone));
        slot.last_use.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        slot
    }
}

type Slots = HashMap<TemplateKey, Arc<Slot>>;

fn make_room(slots: &mut Slots, maximum: usize, gone: &mut Vec<(TemplateKey, Arc<Slot>)>) {
    while slots.len() >= maximum.max(1) {
        let last_use =
            |(_, slot): &(&TemplateKey, &Arc<Slot>)| slot.last_use.load(Ordering::Relaxed);
        let Some(oldest) = slots.iter().min_by_key(last_use).map(|(key, _)| key.clone()) else {
            return;
        };
        gone.extend(slots.remove_entry(&oldest));
    }
}
