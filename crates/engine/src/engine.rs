//! The engine's handle: what it was told, what isolates for it, how much is under way.

use std::sync::Arc;

use api::RunRequest;
use policy::Policy;
use sandbox::Backend;

use crate::{
    Config, RunError,
    admission::Admission,
    resolve::{Work, resolve},
};

/// Runs code. One for a whole program; shared by reference.
pub struct Engine {
    pub(crate) config: Config,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) admission: Admission,
}

impl Engine {
    /// An engine that isolates by a backend.
    #[must_use]
    pub fn new(config: Config, backend: Arc<dyn Backend>) -> Self {
        let admission = Admission::new(config.runs_max);
        Self { config, backend, admission }
    }

    /// What the operator said.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The policy that a run would have. Launches nothing.
    ///
    /// # Errors
    /// As of [`Engine::run`], as far as they show before a launch.
    pub fn policy(&self, request: &RunRequest) -> Result<Policy, RunError> {
        Ok(resolve(Work::Request(request), &self.config, self.backend.support())?.policy)
    }

    /// What isolates.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
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
