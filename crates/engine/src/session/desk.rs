//! Who may write files of a session, and how much is on its way at once.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::SessionError;

/// The most files and archives that are on their way at once: each may take as much
/// room on the host as a workspace.
const TRANSFERS_MAX: usize = 8;
/// The most that watch files: each looks at all of them again and again.
const WATCHES_MAX: usize = 8;

/// Who may write files of a session, and how much is on its way at once.
#[derive(Debug)]
pub(super) struct Desk {
    /// One writes at a time, so that what was looked at is what is replaced, as far
    /// as it lies with us: programs in the sandbox do as they like.
    pub(super) writes: Mutex<()>,
    transfers: Arc<Semaphore>,
    watches: Arc<Semaphore>,
}

impl Desk {
    pub(super) fn new() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        let (transfers, watches) = (places(TRANSFERS_MAX), places(WATCHES_MAX));
        Self { writes: Mutex::new(()), transfers, watches }
    }

    pub(super) fn transfer(&self) -> Result<OwnedSemaphorePermit, SessionError> {
        let full = |_| SessionError::TooManyTransfers { maximum: TRANSFERS_MAX };
        Arc::clone(&self.transfers).try_acquire_owned().map_err(full)
    }

    pub(super) fn watch(&self) -> Result<OwnedSemaphorePermit, SessionError> {
        let full = |_| SessionError::TooManyWatches { maximum: WATCHES_MAX };
        Arc::clone(&self.watches).try_acquire_owned().map_err(full)
    }
}
