//! What others say to the turn under way.

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
}

impl Signals {
    pub(super) fn new() -> Self {
        Self { said: watch::Sender::new(Said::default()) }
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

    /// Listens from now on, as the turn under way does.
    pub(super) fn listen(&self) -> watch::Receiver<Said> {
        self.said.subscribe()
    }
}
