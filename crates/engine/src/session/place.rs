//! The sandbox of a session: always the one that is there now.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::Enforcement;
use policy::Policy;
use sandbox::{Forked, LaunchError, Payload, Remains, Sandbox};
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::timeout,
};

use super::Frame;
use crate::{
    RunError,
    blocking::{in_place, polled_in_place},
};

/// The sandbox of a session. Only whoever has the session's turns replaces it.
pub(crate) struct Sandboxed {
    pub(crate) frame: Frame,
    pub(super) about: About,
    forked: RwLock<Option<Box<dyn Forked>>>,
    /// What was left of the last sandbox, where none could take its place yet.
    remains: Mutex<Option<Remains>>,
}

impl fmt::Debug for Sandboxed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sandboxed").finish_non_exhaustive()
    }
}

/// What was known of the sandbox when it was handed out.
pub(super) struct About {
    pub(super) was_ready: bool,
    pub(super) complaints: Arc<[String]>,
    pub(super) hello: ::kernel::Hello,
}

/// A look at the sandbox that is there now.
pub(super) type Present<'a> = RwLockReadGuard<'a, Option<Box<dyn Forked>>>;

impl Sandboxed {
    pub(super) fn new(frame: Frame, forked: Box<dyn Forked>, about: About) -> Self {
        Self { frame, about, forked: RwLock::new(Some(forked)), remains: Mutex::default() }
    }

    pub(super) async fn present(&self) -> Present<'_> {
        self.forked.read().await
    }

    /// The place itself, for another sandbox to be put there.
    pub(super) async fn place(&self) -> RwLockWriteGuard<'_, Option<Box<dyn Forked>>> {
        self.forked.write().await
    }

    pub(super) fn remains(&self) -> MutexGuard<'_, Option<Remains>> {
        // Whoever panicked with it left some or none.
        self.remains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn clear(&self) {
        let sandbox = self.place().await.take();
        let remains = self.remains().take();
        in_place(|| drop((sandbox, remains)));
    }

    /// Whether there is none, or none that is alive.
    pub(super) async fn has_ended(&self) -> bool {
        self.may_end(Duration::ZERO).await
    }

    /// The same after so much time at most.
    pub(super) async fn may_end(&self, time: Duration) -> bool {
        let present = self.present().await;
        let Some(forked) = present.as_ref() else { return true };
        timeout(time, forked.ended()).await.is_ok()
    }

    pub(super) async fn enforcement(&self) -> Option<Enforcement> {
        self.present().await.as_ref().map(|forked| forked.enforcement().clone())
    }

    /// Makes a further sandbox inside.
    pub(crate) async fn enter(
        &self,
        policy: &Policy,
        payload: Payload,
    ) -> Result<Box<dyn Sandbox>, RunError> {
        let present = self.present().await;
        let gone = || LaunchError::Lost { detail: "the session's sandbox is gone".to_owned() };
        let present = present.as_ref().ok_or_else(gone)?;
        Ok(polled_in_place(present.enter(policy, payload)).await?)
    }
}
