//! Waits for work beside its client, who is told that it goes on.

use std::{sync::Arc, time::Duration};

use rmcp::model::{ProgressNotificationParam, ProgressToken};
use tokio::time::{Instant, interval_at, sleep};

use super::{refusal::Refusal, tool::Call};
use crate::{
    http::Failure,
    table::{Ended, Work},
};

/// How often a client is told: it gives up after some multiple of that.
const TELL_EVERY: Duration = Duration::from_secs(10);
/// How soon it is told first: most calls are over by then.
const TELL_FIRST: Duration = Duration::from_secs(2);
/// How long a client waits that is not told: most give up after a minute.
const WAIT_UNTOLD: Duration = Duration::from_secs(50);
/// The longest that a client may want to wait.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(3600);

/// What has come of waiting.
pub(super) enum Waited {
    /// It has ended.
    Ended(Arc<Ended>),
    /// It goes on.
    Running,
}

impl Call {
    /// How long this client waits for what may take long.
    pub(super) fn patience(&self, asked: Option<f64>) -> Result<Duration, Refusal> {
        match asked {
            Some(seconds) => seconds_of("wait_seconds", seconds, WAIT_MAX),
            None if self.token().is_some() => Ok(WAIT_MAX),
            None => Ok(WAIT_UNTOLD),
        }
    }

    fn token(&self) -> Option<ProgressToken> {
        self.context.meta.get_progress_token()
    }

    /// Waits until the client has taken its request back.
    pub(super) async fn cancelled(&self) {
        self.context.ct.cancelled().await;
    }

    /// Does something, and tells the client meanwhile how long it has been at it.
    pub(super) async fn telling<T>(&self, what: impl Future<Output = T>) -> T {
        tokio::pin!(what);
        let Some(token) = self.token() else { return what.await };
        let began = Instant::now();
        let mut ticks = interval_at(began + TELL_FIRST, TELL_EVERY);
        loop {
            tokio::select! {
                biased;
                done = &mut what => return done,
                _ = ticks.tick() => self.tell(token.clone(), began.elapsed()).await,
            }
        }
    }

    async fn tell(&self, token: ProgressToken, since: Duration) {
        let message = format!("under way for {} s", since.as_secs());
        let progress = ProgressNotificationParam::new(token, since.as_secs_f64());
        // Who does not listen any more need not be told.
        let _ = self.context.peer.notify_progress(progress.with_message(message)).await;
    }

    /// Waits for the end of work, for so long.
    pub(super) async fn end_of(&self, work: &Work, patience: Duration) -> Result<Waited, Refusal> {
        let waited = self.telling(async {
            tokio::select! {
                biased;
                ended = work.end() => ended.map(Waited::Ended),
                () = self.cancelled() => Err(Failure::malformed("the request was taken back")),
                () = sleep(patience) => Ok(Waited::Running),
            }
        });
        Ok(waited.await?)
    }
}

/// A number of seconds: more than none, and no more than there may be.
pub(super) fn seconds_of(field: &str, asked: f64, most: Duration) -> Result<Duration, Refusal> {
    let duration = Duration::try_from_secs_f64(asked).ok();
    let fits = duration.filter(|duration| !duration.is_zero() && *duration <= most);
    fits.ok_or_else(|| {
        let most = most.as_secs();
        Refusal::invalid(format!("{field}: more than 0 and at most {most} seconds"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_some_and_not_too_many() {
        let most = Duration::from_secs(60);
        assert_eq!(seconds_of("t", 0.5, most), Ok(Duration::from_millis(500)));
        assert_eq!(seconds_of("t", 60.0, most), Ok(most));
        for odd in [0.0, -1.0, 60.1, 1e300, f64::NAN, f64::INFINITY] {
            assert!(seconds_of("t", odd, most).is_err(), "{odd}");
        }
    }
}
