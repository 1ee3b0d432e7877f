//! The warm path: interpreters that are parked, and ready sandboxes forked from them.
//!
//! An interpreter with an environment's packages loaded is parked once for each
//! trust domain ([`zygotes`]). Sandboxes are forked from it ahead of demand and wait
//! in a pool ([`pool`]); who finds none there has one forked at once. A sandbox that
//! was handed out never comes back.

mod config;
mod demand;
mod forking;
mod guest;
mod order;
mod pool;
mod pressure;
mod script;
mod statistics;
mod zygotes;

use std::sync::Arc;

use policy::Policy;
use sandbox::{Backend, LaunchError, Remains};

pub use config::WarmConfig;
pub(crate) use forking::Fresh;
pub use order::TrustDomain;
pub(crate) use order::{Order, Wanted, order_for_run};
use pool::Pool;
pub(crate) use script::{Program, ScriptSandbox};
pub use statistics::WarmStats;
use zygotes::Zygotes;

/// Everything that is kept warm.
pub(crate) struct Warm {
    zygotes: Zygotes,
    pool: Arc<Pool>,
}

impl Warm {
    pub(crate) fn new(config: WarmConfig, backend: Arc<dyn Backend>) -> Self {
        let zygotes = Zygotes::new(config.clone(), backend);
        let pool = Arc::new(Pool::new(config, zygotes.clone()));
        Self { zygotes, pool }
    }

    /// A sandbox that nobody has used, under a policy of the order's class.
    ///
    /// # Errors
    /// None can be forked here.
    pub(crate) async fn check_out(
        &self,
        order: &Order,
        policy: &Policy,
    ) -> Result<Fresh, LaunchError> {
        self.pool.check_out(order, policy).await
    }

    /// A sandbox in the place of one whose kernel is gone.
    ///
    /// # Errors
    /// None can be had. What was left of the earlier one is where it was, if it can be
    /// of use still.
    pub(crate) async fn succeed(
        &self,
        order: &Order,
        policy: &Policy,
        remains: &mut Option<Remains>,
    ) -> Result<Fresh, LaunchError> {
        let mut fresh = self.zygotes.fork(order, remains).await?;
        match fresh.fit(order, policy).await {
            Ok(()) => Ok(fresh),
            Err(error) => {
                *remains = Some(fresh.forked.into_remains());
                Err(error)
            }
        }
    }

    /// Has that many ready ones wait, now and from now on.
    ///
    /// # Errors
    /// None can be forked here.
    pub(crate) async fn fill(&self, order: &Order, count: usize) -> Result<(), LaunchError> {
        self.pool.fill(order, count).await
    }

    pub(crate) fn statistics(&self) -> WarmStats {
        WarmStats { zygotes: self.zygotes.count(), ..self.pool.statistics() }
    }
}
