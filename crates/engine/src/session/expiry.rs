//! Closes a session that nobody uses any more.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use tokio::time::timeout;

use super::{Inner, activity::Due};

/// The longest sleep: past it the clock's arithmetic is not worth trusting.
const SLEEP_MAX: Duration = Duration::from_secs(24 * 3600);

/// Waits until a session is due, and ends it then.
pub(super) async fn watch(session: Weak<Inner>) {
    loop {
        let (wait, activity) = {
            let Some(inner) = session.upgrade() else { return };
            match inner.activity.close_if_due(Instant::now()) {
                Due::Closed | Due::Now(_) => return inner.end().await,
                Due::In(wait) => (wait, Arc::clone(&inner.activity)),
            }
        };
        let _ = timeout(wait.min(SLEEP_MAX), activity.renewed.notified()).await;
    }
}
