//! The engine's handle: what it was told, what isolates for it, how much is under way.

use std::sync::Arc;

use api::RunRequest;
use policy::Policy;
use sandbox::Backend;

use crate::{
    Config, Records, RunError, TrustDomain, WarmStats,
    admission::Admission,
    resolve::{Work, resolve},
    session::{Registry, Runtimes},
    warm::Warm,
};

/// Runs code. One for a whole program; shared by reference.
pub struct Engine {
    pub(crate) core: Arc<Core>,
    pub(crate) sessions: Arc<Registry>,
}

/// What runs and sessions share.
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) admission: Admission,
    pub(crate) warm: Warm,
    pub(crate) runtimes: Runtimes,
    /// Where accounts are kept; nowhere if there is none.
    pub(crate) records: Option<Records>,
}

impl Engine {
    /// An engine that isolates by a backend.
    #[must_use]
    pub fn new(config: Config, backend: Arc<dyn Backend>) -> Self {
        Self::with_records(config, backend, None)
    }

    /// One that keeps an account of all that runs.
    #[must_use]
    pub fn with_records(
        config: Config,
        backend: Arc<dyn Backend>,
        records: Option<Records>,
    ) -> Self {
        let admission = Admission::new(config.runs_max);
        let warm = Warm::new(config.warm.clone(), Arc::clone(&backend));
        let sessions = Arc::new(Registry::new(config.warm.sessions_max));
        let runtimes = Runtimes::default();
        let core = Core { config, backend, admission, warm, runtimes, records };
        Self { core: Arc::new(core), sessions }
    }

    /// What the operator said.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.core.config
    }

    /// The policy that a run would have. Launches nothing.
    ///
    /// # Errors
    /// As of [`Engine::run`], as far as they show before a launch.
    pub fn policy(&self, request: &RunRequest) -> Result<Policy, RunError> {
        let (domain, core) = (TrustDomain::default(), &self.core);
        let work = Work::Request(request, &domain);
        Ok(resolve(work, &core.config, core.backend.support())?.policy)
    }

    /// Where accounts are kept.
    #[must_use]
    pub fn records(&self) -> Option<&Records> {
        self.core.records.as_ref()
    }

    /// What isolates.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        &*self.core.backend
    }

    /// What the pool has done so far, and what it holds.
    #[must_use]
    pub fn warm_stats(&self) -> WarmStats {
        WarmStats { sessions: self.sessions.count(), ..self.core.warm.statistics() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunIo;

    /// Never called: that it compiles says that a server may run it on any thread.
    #[expect(dead_code, reason = "it is there for the compiler")]
    fn runs_may_move_between_threads(engine: &Engine, request: RunRequest, io: RunIo<'static>) {
        fn check<T: Send>(_: T) {}
        check(engine.run(request, io));
    }
}
