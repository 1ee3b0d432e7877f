//! Whether a session is used, and since when it is not.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Why a session is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Somebody closed it.
    Asked,
    /// It was not used for too long.
    Idle,
    /// It was as old as a session may get.
    Age,
    /// Its sandbox had to be replaced, and its files could not be kept.
    Lost,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Asked => "it was closed",
            Self::Idle => "it was not used for too long",
            Self::Age => "it was as old as a session may get",
            Self::Lost => "its sandbox ended, and its files could not be kept",
        })
    }
}

/// How long a session may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Without use.
    pub idle_time: Duration,
    /// From its making.
    pub lifetime: Duration,
}

/// What a session's use is known by.
#[derive(Debug)]
pub(super) struct Activity {
    created: Instant,
    state: Mutex<State>,
    /// Somebody gave it another lease, or closed it.
    pub(super) renewed: Notify,
}

#[derive(Debug)]
struct State {
    uses: usize,
    /// Commands in the background.
    background: usize,
    last: Instant,
    lease: Lease,
    closed: Option<CloseReason>,
}

/// A use of a session; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Active<'a>(&'a Activity);

/// A command in the background of a session, until this is dropped.
#[derive(Debug)]
pub(super) struct InBackground<'a>(&'a Activity);

/// The same, for as long as something lives that was handed out.
#[derive(Debug)]
pub(super) struct Held(Arc<Activity>);

/// When a session is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Not before this time has passed.
    In(Duration),
    /// Now.
    Now(CloseReason),
    /// It is closed.
    Closed,
}

/// How often a session that should be closed but is used is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Activity {
    pub(super) fn new(now: Instant, lease: Lease) -> Self {
        let state = State { uses: 0, background: 0, last: now, lease, closed: None };
        Self { created: now, state: Mutex::new(state), renewed: Notify::new() }
    }

    pub(super) fn lease(&self) -> Lease {
        self.lock().lease
    }

    /// Gives it another lease, which counts as a use.
    pub(super) fn renew(&self, lease: Lease) {
        let mut state = self.lock();
        state.lease = lease;
        state.last = Instant::now();
        drop(state);
        self.renewed.notify_one();
    }

    /// Begins a use.
    pub(super) fn begin(&self) -> Result<Active<'_>, CloseReason> {
        let mut state = self.lock();
        if let Some(reason) = state.closed {
            return Err(reason);
        }
        state.uses += 1;
        state.last = Instant::now();
        Ok(Active(self))
    }

    /// Begins something in the background: while there is such a thing the session is
    /// not unused, but it gets as old as any other.
    pub(super) fn begin_in_background(&self) -> Result<InBackground<'_>, CloseReason> {
        let mut state = self.lock();
        if let Some(reason) = state.closed {
            return Err(reason);
        }
        state.background += 1;
        state.last = Instant::now();
        Ok(InBackground(self))
    }

    /// The same for something that is handed out.
    pub(super) fn hold(self: &Arc<Self>) -> Result<Held, CloseReason> {
        // It ends where what is handed out ends.
        std::mem::forget(self.begin_in_background()?);
        Ok(Held(Arc::clone(self)))
    }

    fn end_in_background(&self) {
        let mut state = self.lock();
        state.background -= 1;
        state.last = Instant::now();
    }

    /// Closes it; says no more than the first reason.
    pub(super) fn close(&self, reason: CloseReason) {
        self.lock().closed.get_or_insert(reason);
        self.renewed.notify_one();
    }

    pub(super) fn closed(&self) -> Option<CloseReason> {
        self.lock().closed
    }

    /// Its age, how long it was not used, and whether it is used now.
    pub(super) fn state(&self) -> (Duration, Duration, bool) {
        let state = self.lock();
        let now = Instant::now();
        // Both from one moment, so that they tell when it was last used.
        let since = |moment| now.saturating_duration_since(moment);
        (since(self.created), since(state.last), state.uses + state.background > 0)
    }

    /// Closes it if it is due and nobody uses it; both are one deed, so that no use
    /// begins between them.
    pub(super) fn close_if_due(&self, now: Instant) -> Due {
        let mut state = self.lock();
        let due = due(&state, self.created, now);
        if let Due::Now(reason) = due {
            state.closed = Some(reason);
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with it left numbers that are whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// Why the session is closed, if it is.
    pub(super) fn closed(&self) -> Option<CloseReason> {
        self.0.closed()
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.uses -= 1;
        state.last = Instant::now();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.end_in_background();
    }
}

impl Drop for InBackground<'_> {
    fn drop(&mut self) {
        self.0.end_in_background();
    }
}

fn due(state: &State, created: Instant, now: Instant) -> Due {
    if state.closed.is_some() {
        return Due::Closed;
    }
    let Lease { idle_time, lifetime } = state.lease;
    let left = |since: Instant, limit: Duration| {
        limit.saturating_sub(now.saturating_duration_since(since))
    };
    let (idle, age) = (left(state.last, idle_time), left(created, lifetime));
    match (state.uses > 0, age.is_zero(), idle.is_zero()) {
        // What is under way is never cut off.
        (true, ..) => Due::In(age.max(LOOK_AGAIN).min(idle_time.max(LOOK_AGAIN))),
        (false, true, _) => Due::Now(CloseReason::Age),
        // What runs in the background ends with the session's life.
        (false, ..) if state.background > 0 => Due::In(age.min(idle_time.max(LOOK_AGAIN))),
        (false, _, true) => Due::Now(CloseReason::Idle),
        _ => Due::In(idle.min(age)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_closed_when_it_is_old_or_unused_and_never_while_it_is_used() {
        let created = Instant::now();
        let at = |seconds| created + Duration::from_secs(seconds);
        let lease =
            Lease { idle_time: Duration::from_secs(10), lifetime: Duration::from_secs(100) };
        let state = |uses, last| State { uses, background: 0, last: at(last), lease, closed: None };
        let in_background = |last| State { background: 1, ..state(0, last) };
        let due = |state: State, now| due(&state, created, at(now));
        let wait = |seconds| Due::In(Duration::from_secs(seconds));
        assert_eq!(due(state(0, 0), 0), wait(10));
        assert_eq!(due(state(0, 5), 9), wait(6));
        assert_eq!(due(state(0, 5), 15), Due::Now(CloseReason::Idle));
        assert_eq!(due(state(0, 95), 99), wait(1));
        assert_eq!(due(state(0, 95), 100), Due::Now(CloseReason::Age));
        assert_eq!(due(state(0, 5), 1000), Due::Now(CloseReason::Age));
        assert_eq!(due(state(1, 5), 50), wait(10));
        assert_eq!(due(state(1, 5), 97), wait(3));
        assert_eq!(due(state(2, 5), 1000), wait(1));
        assert_eq!(due(in_background(0), 50), wait(10));
        assert_eq!(due(in_background(0), 95), wait(5));
        assert_eq!(due(in_background(0), 100), Due::Now(CloseReason::Age));
        assert_eq!(due(State { background: 1, ..state(1, 5) }, 1000), wait(1));
        let closed = State { closed: Some(CloseReason::Asked), ..state(0, 0) };
        assert_eq!(due(closed, 1000), Due::Closed);
    }

    #[test]
    fn no_use_begins_once_it_is_closed() {
        let (idle_time, lifetime) = (Duration::from_secs(1), Duration::from_secs(1));
        let activity = Activity::new(Instant::now(), Lease { idle_time, lifetime });
        let active = activity.begin().unwrap();
        let now = Instant::now() + Duration::from_secs(60);
        assert!(matches!(activity.close_if_due(now), Due::In(_)));
        drop(active);
        assert_eq!(activity.close_if_due(now), Due::Now(CloseReason::Age));
        assert_eq!(activity.begin().unwrap_err(), CloseReason::Age);
        assert_eq!(activity.close_if_due(now), Due::Closed);
    }
}
