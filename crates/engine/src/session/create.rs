//! Makes sessions.

use std::{
    sync::{Arc, Weak, atomic::AtomicU64},
    time::Instant,
};

use api::{RunRequest, SessionId};
use sandbox::Payload;
use tokio::sync::{Mutex, Semaphore};

use super::{
    Frame, Inner, RUNS_AT_ONCE_MAX, Registered, Sandboxed, Session, SessionError, SessionRequest,
    TURNS_WAITING_MAX,
    activity::{Activity, Lease},
    command::Commands,
    desk::Desk,
    editor::Edits,
    expiry,
    live::Turns,
    place::About,
    signals::Signals,
};
use crate::{
    Engine, RunError, TrustDomain,
    engine::Core,
    resolve::{Work, resolve, session_policy},
    warm::{Order, Wanted, order_for_run},
};

impl Engine {
    /// Makes a session. Must be called inside a runtime, which keeps it.
    ///
    /// # Errors
    /// There are too many, or its sandbox cannot be had.
    pub async fn create_session(&self, request: SessionRequest) -> Result<Session, SessionError> {
        self.sessions.check_room()?;
        let frame = self.core.frame(request)?;
        let fresh = self.core.warm.check_out(&frame.order, &frame.policy).await;
        let fresh = fresh.map_err(RunError::from)?;
        let about = About {
            was_ready: fresh.was_ready,
            complaints: Arc::clone(&fresh.complaints),
            hello: fresh.hello.clone(),
        };
        let (forked, turns) = Turns::new(fresh)?;
        let lease = frame.lease;
        let new = |this: &Weak<Inner>| Inner {
            id: SessionId::generate(),
            this: Weak::clone(this),
            core: Arc::clone(&self.core),
            sandboxed: Sandboxed::new(frame, forked, about),
            turns: Mutex::new(turns),
            waiting: Semaphore::new(TURNS_WAITING_MAX),
            running: Semaphore::new(RUNS_AT_ONCE_MAX),
            signals: Signals::new(),
            tools: Registered::new(),
            activity: Arc::new(Activity::new(Instant::now(), lease)),
            edits: Mutex::new(Edits::default()),
            commands: Commands::default(),
            desk: Desk::new(),
            runs: AtomicU64::new(0),
            turns_done: AtomicU64::new(0),
            registry: Arc::downgrade(&self.sessions),
        };
        let session = Session { inner: Arc::new_cyclic(new) };
        self.sessions.add(&session)?;
        tokio::spawn(expiry::watch(Arc::downgrade(&session.inner)));
        Ok(session)
    }

    /// Parks the interpreter of such sessions, and has that many ready sandboxes wait
    /// for them from now on.
    ///
    /// # Errors
    /// None can be had.
    pub async fn prewarm(
        &self,
        request: &SessionRequest,
        count: usize,
    ) -> Result<(), SessionError> {
        let frame = self.core.frame(request.clone())?;
        let filled = self.core.warm.fill(&frame.order, count).await;
        Ok(filled.map_err(RunError::from)?)
    }

    /// The same for runs like this one.
    ///
    /// # Errors
    /// Such a run is not one that a pool serves, or no sandbox can be had.
    pub async fn prewarm_run(&self, request: &RunRequest, count: usize) -> Result<(), RunError> {
        let (domain, core) = (TrustDomain::default(), &self.core);
        let work = Work::Request(request, &domain);
        let resolved = resolve(work, &core.config, core.backend.support())?;
        let mut payload: Payload = resolved.payload;
        let parts = (&resolved.policy, &mut payload);
        let ordered = order_for_run((request, &domain), parts, core);
        let cannot = || sandbox::LaunchError::CannotFork {
            detail: "this run starts with a fresh interpreter".to_owned(),
        };
        let (order, _) = ordered.ok_or_else(cannot)?;
        Ok(core.warm.fill(&order, count).await?)
    }
}

impl Core {
    fn frame(&self, request: SessionRequest) -> Result<Frame, RunError> {
        let SessionRequest { environment, policy, name, trust_domain, .. } = &request;
        let kept = self.runtimes.get(environment, &self.config)?;
        let (runtime, python) = &*kept;
        let policy = session_policy(runtime, policy, &self.config, self.backend.support())?;
        let for_turns = policy.clone().for_turns();
        let wanted = Wanted {
            environment,
            trust_domain,
            python: python.clone(),
            env_vars: runtime.env_vars.clone(),
            policy: &for_turns,
            has_input: false,
        };
        let order = Order::new(wanted, self);
        let limits = &self.config.warm;
        let shorter = |asked: Option<std::time::Duration>, most| asked.unwrap_or(most).min(most);
        Ok(Frame {
            environment: environment.clone(),
            policy_digest: policy.digest(),
            policy,
            python: python.clone(),
            digest: runtime.digest.clone(),
            order,
            name: name.clone(),
            lease: Lease {
                idle_time: shorter(request.idle_time, limits.idle_time_max),
                lifetime: shorter(request.lifetime, limits.lifetime_max),
            },
        })
    }
}
