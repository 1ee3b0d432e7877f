//! Ready sandboxes, by class. Filled in the background; whoever finds none forks one.
//!
//! What is taken out never comes back.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use policy::Policy;
use sandbox::LaunchError;
use tokio::{
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};

use super::{
    Fresh, Order, WarmConfig, WarmStats, demand::Demand, order::ClassKey, pressure,
    statistics::Counts, zygotes::Zygotes,
};
use crate::blocking::in_place;

/// How often what waits is looked at: for its age, and for demand that is over.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long to wait before another try where none could be forked, or memory is short.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often somebody who waits for others' forks looks.
const FILL_LOOK: Duration = Duration::from_millis(5);

/// Ready sandboxes.
pub(super) struct Pool {
    config: WarmConfig,
    zygotes: Zygotes,
    classes: Mutex<HashMap<ClassKey, Arc<Class>>>,
    refills: Semaphore,
    counts: Counts,
}

/// The ready sandboxes of one class.
struct Class {
    order: Order,
    state: Mutex<State>,
    wake: Notify,
}

struct State {
    ready: VecDeque<Fresh>,
    demand: Demand,
    minimum: usize,
    /// Those that are being forked.
    coming: usize,
}

impl Pool {
    pub(super) fn new(config: WarmConfig, zygotes: Zygotes) -> Self {
        let refills = Semaphore::new(config.refills_max.clamp(1, 64));
        Self { config, zygotes, classes: Mutex::default(), refills, counts: Counts::default() }
    }

    /// A sandbox that nobody has used: a ready one, or one forked now.
    pub(super) async fn check_out(
        self: &Arc<Self>,
        order: &Order,
        policy: &Policy,
    ) -> Result<Fresh, LaunchError> {
        let class = self.class(order);
        let ready = class.as_ref().and_then(|class| self.take(class));
        let counter = if ready.is_some() { &self.counts.hits } else { &self.counts.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        if let Some(class) = class {
            class.lock().demand.note(Instant::now(), ready.is_some());
            class.wake.notify_one();
        }
        // One that dies in our hands is no reason to fail.
        if let Some(mut fresh) = ready
            && fresh.fit(order, policy).await.is_ok()
        {
            fresh.was_ready = true;
            return Ok(fresh);
        }
        let mut fresh = self.zygotes.fork(order, &mut None).await?;
        fresh.fit(order, policy).await?;
        Ok(fresh)
    }

    /// Has that many ready ones wait from now on, and waits until they do.
    pub(super) async fn fill(
        self: &Arc<Self>,
        order: &Order,
        count: usize,
    ) -> Result<(), LaunchError> {
        let count = count.min(self.config.pool_max);
        let Some(class) = self.class(order) else { return Ok(()) };
        class.lock().minimum = count;
        while class.lock().ready.len() < count {
            match class.expect(count) {
                Some(expected) => self.refill(&class, expected).await?,
                None => sleep(FILL_LOOK).await,
            }
        }
        Ok(())
    }

    pub(super) fn statistics(&self) -> WarmStats {
        let counts = &self.counts;
        let (parked, forks) = self.zygotes.totals();
        WarmStats {
            hits: counts.hits.load(Ordering::Relaxed),
            misses: counts.misses.load(Ordering::Relaxed),
            filled: counts.filled.load(Ordering::Relaxed),
            discarded: counts.discarded.load(Ordering::Relaxed),
            ready: self.lock().values().map(|class| class.lock().ready.len()).sum(),
            parked,
            forks,
            ..WarmStats::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ClassKey, Arc<Class>>> {
        // Whoever panicked with it left a table that is whole.
        self.classes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The class of an order, with its filler; `None` where none is kept ready.
    fn class(self: &Arc<Self>, order: &Order) -> Option<Arc<Class>> {
        if self.config.pool_max == 0 {
            return None;
        }
        let mut classes = self.lock();
        if let Some(class) = classes.get(&order.key) {
            return Some(Arc::clone(class));
        }
        // What waits for an environment as it was before is of no use.
        classes.retain(|key, _| !key.interpreter.is_earlier_than(&order.key.interpreter));
        let state = State {
            ready: VecDeque::new(),
            demand: Demand::new(Instant::now()),
            minimum: self.config.pool_min,
            coming: 0,
        };
        let class =
            Arc::new(Class { order: order.clone(), state: Mutex::new(state), wake: Notify::new() });
        classes.insert(order.key.clone(), Arc::clone(&class));
        tokio::spawn(keep_filled(Arc::downgrade(self), Arc::downgrade(&class)));
        Some(class)
    }

    /// The ready one that has waited longest, unless it is too old or dead.
    fn take(&self, class: &Class) -> Option<Fresh> {
        loop {
            let mut fresh = class.lock().ready.pop_front()?;
            if self.is_fit(&mut fresh) {
                return Some(fresh);
            }
            in_place(|| drop(fresh));
            self.counts.discarded.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_fit(&self, fresh: &mut Fresh) -> bool {
        fresh.since.elapsed() < self.config.ready_age_max && fresh.kernel.check_idle().is_ok()
    }

    /// Throws away what is too old or dead; says how many should be ready.
    fn look(&self, class: &Class) -> usize {
        let mut unfit = Vec::new();
        let mut state = class.lock();
        for mut fresh in std::mem::take(&mut state.ready) {
            if self.is_fit(&mut fresh) { state.ready.push_back(fresh) } else { unfit.push(fresh) }
        }
        let minimum = state.minimum;
        let target = state.demand.target(Instant::now(), minimum, self.config.pool_max);
        drop(state);
        self.counts.discarded.fetch_add(unfit.len() as u64, Ordering::Relaxed);
        in_place(|| drop(unfit));
        target
    }

    /// Forks one ahead of demand.
    async fn refill(&self, class: &Class, expected: Expected<'_>) -> Result<(), LaunchError> {
        // It is closed by nobody.
        let _permit = self.refills.acquire().await;
        let began = Instant::now();
        let fresh = self.zygotes.fork(&class.order, &mut None).await?;
        let mut state = class.lock();
        state.demand.refilled_in(began.elapsed());
        state.ready.push_back(fresh);
        drop(state);
        drop(expected);
        self.counts.filled.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes a class out that nobody wants any more.
    fn forget(&self, class: &Arc<Class>) -> bool {
        let mut classes = self.lock();
        let mut state = class.lock();
        let minimum = state.minimum;
        let target = state.demand.target(Instant::now(), minimum, self.config.pool_max);
        let is_idle = target == 0 && state.ready.is_empty();
        drop(state);
        if is_idle && classes.get(&class.order.key).is_some_and(|kept| Arc::ptr_eq(kept, class)) {
            classes.remove(&class.order.key);
        }
        is_idle
    }
}

impl Class {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with it left a list that is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place among those that should be ready, if one is missing and on nobody's mind.
    fn expect(&self, target: usize) -> Option<Expected<'_>> {
        let mut state = self.lock();
        if state.ready.len() + state.coming >= target {
            return None;
        }
        state.coming += 1;
        drop(state);
        Some(Expected(self))
    }
}

/// One that is being forked.
struct Expected<'a>(&'a Class);

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.0.lock().coming -= 1;
    }
}

/// Keeps a class filled for as long as there are a pool, the class and demand.
async fn keep_filled(pool: Weak<Pool>, class: Weak<Class>) {
    loop {
        let wait = {
            let (Some(pool), Some(class)) = (pool.upgrade(), class.upgrade()) else { return };
            let wait = fill_up(&pool, &class).await;
            if wait == LOOK_EVERY && pool.forget(&class) {
                return;
            }
            wait
        };
        let Some(class) = class.upgrade() else { return };
        let _ = timeout(wait, class.wake.notified()).await;
    }
}

/// Forks what is missing, several at once; says how long to wait before the next look.
async fn fill_up(pool: &Arc<Pool>, class: &Arc<Class>) -> Duration {
    loop {
        let target = pool.look(class);
        let Some(first) = class.expect(target) else { return LOOK_EVERY };
        if pressure::available_bytes() < pool.config.memory_floor_bytes {
            return RETRY_AFTER;
        }
        let second = class.expect(target).filter(|_| pool.config.refills_max > 1);
        let done = match second {
            Some(second) => {
                let both = (pool.refill(class, first), pool.refill(class, second));
                let (one, other) = tokio::join!(both.0, both.1);
                one.and(other)
            }
            None => pool.refill(class, first).await,
        };
        if done.is_err() {
            return RETRY_AFTER;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // The fillers end once they look, and with them what waits.
        for class in self.lock().values() {
            class.wake.notify_one();
        }
    }
}
