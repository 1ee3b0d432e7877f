//! How often something may happen: a bucket of tokens that fills at an even pace. Pure.
//!
//! It is kept as the moment at which the bucket will be full, so that nothing has to
//! fill it. Moments are times since one beginning.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// A bucket that holds a minute's tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    full_at: Duration,
}

impl Bucket {
    /// Takes a token, of so many a minute; or tells how long it is until there is one.
    pub(super) fn take(&mut self, per_minute: u64, now: Duration) -> Result<(), Duration> {
        let full_at = self.full_at.max(now) + token(per_minute);
        let ahead = full_at.saturating_sub(now);
        if ahead > MINUTE {
            return Err(ahead - MINUTE);
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Puts a token back that was taken for nothing.
    pub(super) fn put_back(&mut self, per_minute: u64) {
        self.full_at = self.full_at.saturating_sub(token(per_minute));
    }

    /// Whether nothing is missing.
    pub(super) fn is_full(&self, now: Duration) -> bool {
        self.full_at <= now
    }
}

/// How long a token takes to grow. None ever does where there are none a minute.
fn token(per_minute: u64) -> Duration {
    let nanos = u64::try_from(MINUTE.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(nanos.checked_div(per_minute).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_minutes_tokens_may_go_at_once_and_grow_again_evenly() {
        let mut bucket = Bucket::default();
        for _ in 0..6 {
            assert_eq!(bucket.take(6, at(0)), Ok(()));
        }
        assert_eq!(bucket.take(6, at(0)), Err(at(10_000)));
        assert_eq!(bucket.take(6, at(4000)), Err(at(6000)));
        assert_eq!(bucket.take(6, at(10_000)), Ok(()));
        assert!(bucket.take(6, at(10_001)).is_err());
        bucket.put_back(6);
        assert_eq!(bucket.take(6, at(10_001)), Ok(()));
        assert!(!bucket.is_full(at(69_999)) && bucket.is_full(at(70_000)));
    }

    #[test]
    fn none_a_minute_is_never() {
        let mut bucket = Bucket::default();
        assert!(bucket.take(0, at(0)).is_err() && bucket.is_full(at(0)));
    }

    proptest! {
        #[test]
        fn no_minute_sees_more_than_twice_the_rate(
            per_minute in 1_u64..50,
            mut moments in prop::collection::vec(0_u64..300_000, 0..400),
        ) {
            moments.sort_unstable();
            let mut bucket = Bucket::default();
                let mut is_taken = |now: &u64| bucket.take(per_minute, at(*now)).is_ok();
            let taken: Vec<_> = moments.into_iter().filter(|now| is_taken(now)).collect();
                for begin in &taken {
                let within = taken.iter().filter(|now| (*begin..*begin + 60_000).contains(now));
                prop_assert!(within.count() as u64 <= 2 * per_minute);
            }
        }
    }
}
