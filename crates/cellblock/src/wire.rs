//! The composition root: the only place that names a concrete backend.

use std::{process::ExitCode, sync::Arc, time::Duration};

use backend_native::Native;
use engine::{Engine, RunError, language::typescript};
use policy::{Ceiling, Policy};
use sandbox::Backend;

use crate::{
    config::{HostVars, Settings},
    failure::Failure,
};

/// Plays the part of a sandbox's first process if this process was started as
/// one; its exit status then is this process's. To be called before anything else.
pub(crate) fn role() -> Option<ExitCode> {
    backend_native::role(backend_native::Builtins { strip_types: typescript::strip })
}

/// As long as anybody could leave a prompt open: what may be asked of a run's time.
const SESSION_TIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// The engine of a person at their own machine, and what isolates under it.
pub(crate) struct House {
    pub(crate) engine: Engine,
    native: Arc<Native>,
}

impl House {
    /// Builds it.
    ///
    /// # Errors
    /// The backend cannot be had on this host.
    pub(crate) fn build(settings: &Settings, vars: &HostVars) -> Result<Self, Failure> {
        let native = Arc::new(Native::new().map_err(|error| Failure::Backend(error.into()))?);
        let mut ceiling = Ceiling::own_machine();
        // Output is passed on as it appears, so nothing of it needs to be left out.
        ceiling.defaults.output_bytes = None;
        ceiling.audit = settings.audit;
        ceiling.core_scheduling = settings.core_scheduling;
        let config = engine::Config {
            ceiling,
            environments: settings.environments.clone(),
            search_path: vars.search_path(),
            python: settings.python.clone(),
            runs_max: 1,
            // A session here ends with the prompt that it belongs to, or when it was
            // asked to; nobody else waits for its place.
            warm: engine::WarmConfig {
                sessions_max: 1,
                idle_time_max: SESSION_TIME_MAX,
                lifetime_max: SESSION_TIME_MAX,
                ..engine::WarmConfig::default()
            },
        };
        let engine = Engine::new(config, Arc::clone(&native) as Arc<dyn Backend>);
        Ok(Self { engine, native })
    }

    /// A policy as the steps that would realise it.
    ///
    /// # Errors
    /// A host path of the policy cannot be looked up.
    pub(crate) fn plan_text(&self, policy: &Policy) -> Result<String, Failure> {
        self.native.plan_text(policy).map_err(|error| RunError::from(error).into())
    }
}
