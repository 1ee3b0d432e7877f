//! A caller's way to take a run back. Says so once; never unsays it.

use std::sync::Arc;

use tokio::sync::watch;

/// Takes a run back. Clones stand for the same run or runs.
#[derive(Clone, Debug)]
pub struct Cancel {
    state: Arc<watch::Sender<bool>>,
}

impl Cancel {
    /// A token that nobody has used yet.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::new(watch::Sender::new(false)) }
    }

    /// Takes every run back that holds this token. May be called from any thread.
    pub fn cancel(&self) {
        self.state.send_replace(true);
    }

    /// Whether [`Cancel::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        *self.state.borrow()
    }

    /// Waits until [`Cancel::cancel`] is called; returns at once if it was.
    pub async fn cancelled(&self) {
        let mut changes = self.state.subscribe();
        // It fails only when the sender is gone, and `self` holds that.
        let _ = changes.wait_for(|cancelled| *cancelled).await;
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}
