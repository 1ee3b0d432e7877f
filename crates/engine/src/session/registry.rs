//! The sessions that there are.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use api::SessionId;

use super::{Session, SessionError};
use crate::Engine;

/// The sessions that there are, by id.
pub(crate) struct Registry {
    sessions: Mutex<BTreeMap<SessionId, Session>>,
    maximum: usize,
}

impl Registry {
    pub(crate) fn new(maximum: usize) -> Self {
        Self { sessions: Mutex::default(), maximum }
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    pub(super) fn check_room(&self) -> Result<(), SessionError> {
        if self.count() >= self.maximum {
            return Err(SessionError::TooMany { maximum: self.maximum });
        }
        Ok(())
    }

    pub(super) fn add(&self, session: &Session) -> Result<(), SessionError> {
        let mut sessions = self.lock();
        if sessions.len() >= self.maximum {
            return Err(SessionError::TooMany { maximum: self.maximum });
        }
        sessions.insert(session.id(), session.clone());
        Ok(())
    }

    pub(super) fn remove(&self, id: SessionId) {
        let session = self.lock().remove(&id);
        drop(session);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SessionId, Session>> {
        // Whoever panicked with it left a table that is whole.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine {
    /// The session of an id.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Session> {
        self.sessions.lock().get(&id).cloned()
    }

    /// Every session, oldest first.
    #[must_use]
    pub fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().values().cloned().collect()
    }
}
