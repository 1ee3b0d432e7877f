//! What time it is, for expiry. Never earlier than it was before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Instant, SystemTime, UNIX_EPOCH},
};

/// The wall clock, which may be set ahead and not back.
///
/// Set back, it would give expired keys new life; so the latest time that was seen,
/// and the time since this process began, hold as well.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    began: Instant,
    began_unix_ms: u64,
    latest_unix_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Begins with what the wall clock says.
    pub(super) fn start() -> Self {
        Self::start_at(wall_unix_ms())
    }

    fn start_at(unix_ms: u64) -> Self {
        Self {
            began: Instant::now(),
            began_unix_ms: unix_ms,
            latest_unix_ms: Arc::new(AtomicU64::new(unix_ms)),
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn now_unix_ms(&self) -> u64 {
        self.later_of(wall_unix_ms())
    }

    fn later_of(&self, wall_unix_ms: u64) -> u64 {
        let passed_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = wall_unix_ms.max(self.began_unix_ms.saturating_add(passed_ms));
        self.latest_unix_ms.fetch_max(now, Ordering::Relaxed).max(now)
    }
}

/// What the wall clock says, in milliseconds since 1970.
pub(super) fn wall_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn a_clock_that_is_set_back_changes_nothing() {
        let clock = Clock::start_at(1_000_000);
        assert_eq!(clock.later_of(5_000_000), 5_000_000);
        assert_eq!(clock.later_of(1_000_000), 5_000_000);
        assert_eq!(clock.clone().later_of(0), 5_000_000);
        assert_eq!(clock.later_of(5_000_001), 5_000_001);
    }

    #[test]
    fn time_passes_although_the_wall_clock_stands_still() {
        let clock = Clock::start_at(1_000_000);
        thread::sleep(Duration::from_millis(20));
        assert!(clock.later_of(1_000_000) >= 1_000_020);
    }
}
