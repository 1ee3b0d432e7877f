//! What others say to the turn under way.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// What has been said so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Interrupts so far.
    pub(super) interrupts: u64,
    /// Orders to stop at once so far.
    pub(super) stops: u64,
}

/// Says something to the turn under way.
#[derive(Debug)]
pub(super) struct Signals {
    said: watch::Sender<Said>,
    /// How many want to go before the turns that wait.
    wanted: AtomicUsize,
}

/// Somebody who wants to go first, until this is dropped.
pub(super) struct Wanted<'a>(&'a AtomicUsize);

impl Drop for Wanted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Signals {
    pub(super) fn new() -> Self {
        Self { said: watch::Sender::new(Said::default()), wanted: AtomicUsize::new(0) }
    }

    /// Asks it to end; says whether there is one.
    pub(super) fn interrupt(&self) -> bool {
        self.said.send_modify(|said| said.interrupts += 1);
        self.said.receiver_count() > 0
    }

    /// Has it killed.
    pub(super) fn stop(&self) {
        self.said.send_modify(|said| said.stops += 1);
    }

    /// Has turns that have not begun wait. To be asked for before anything is said, so that
    /// whoever does not hear it waits.
    pub(super) fn want(&self) -> Wanted<'_> {
        self.wanted.fetch_add(1, Ordering::SeqCst);
        Wanted(&self.wanted)
    }

    /// Whether somebody wants to go first.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }

    /// Listens from now on, as the turn under way does.
    pub(super) fn listen(&self) -> watch::Receiver<Said> {
        self.said.subscribe()
    }
}
