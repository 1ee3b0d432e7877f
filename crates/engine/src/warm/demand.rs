//! How many sandboxes should be ready. Pure: what was asked for in, a number out.

use std::time::{Duration, Instant};

/// In this time what was learnt of demand loses half its weight.
const HALF_LIFE: Duration = Duration::from_secs(30);
/// How many times what is taken while one is refilled should be ready: demand does
/// not come evenly.
const RESERVE: f64 = 2.0;
/// Below this, demand is over.
const LEVEL_MIN: f64 = 0.05;
/// How much of a new measurement goes into what is known of a refill's time.
const REFILL_WEIGHT: f64 = 0.2;

/// What is known of the demand for one class.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    /// Taken in a second, decayed.
    rate: f64,
    /// What should have been ready, as those say who found nothing; decayed.
    level: f64,
    /// Seconds that a refill takes.
    refill: f64,
    at: Instant,
}

impl Demand {
    pub(super) const fn new(now: Instant) -> Self {
        Self { rate: 0.0, level: 0.0, refill: 0.005, at: now }
    }

    /// One was taken, or would have been.
    pub(super) fn note(&mut self, now: Instant, was_ready: bool) {
        self.decay(now);
        // The decayed sum of a steady rate is the rate.
        self.rate += std::f64::consts::LN_2 / HALF_LIFE.as_secs_f64();
        self.level = if was_ready { self.level.max(1.0) } else { self.level + 1.0 };
    }

    /// A refill took so long.
    pub(super) fn refilled_in(&mut self, time: Duration) {
        self.refill += REFILL_WEIGHT * (time.as_secs_f64() - self.refill);
    }

    /// How many should be ready.
    pub(super) fn target(&mut self, now: Instant, minimum: usize, maximum: usize) -> usize {
        self.decay(now);
        self.level = self.level.min(bounded(maximum));
        let wanted = (self.rate * self.refill * RESERVE).max(self.level);
        let wanted = if wanted < LEVEL_MIN { 0.0 } else { wanted };
        let fits = |count: &usize| bounded(*count) >= wanted;
        let wanted = (0..maximum).find(fits).unwrap_or(maximum);
        wanted.max(minimum.min(maximum))
    }

    fn decay(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        let factor = (-passed / HALF_LIFE.as_secs_f64()).exp2();
        self.rate *= factor;
        self.level *= factor;
        self.at = self.at.max(now);
    }
}

/// A count as a number to be compared with; a pool is never larger than this holds.
fn bounded(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn nothing_is_wanted_before_anything_was_asked_for() {
        let now = Instant::now();
        assert_eq!(Demand::new(now).target(now, 0, 16), 0);
        assert_eq!(Demand::new(now).target(now, 3, 16), 3);
        assert_eq!(Demand::new(now).target(now, 30, 16), 16);
        assert_eq!(Demand::new(now).target(now, 3, 0), 0);
    }

    #[test]
    fn who_finds_nothing_makes_it_grow_and_time_makes_it_shrink() {
        let start = Instant::now();
        let mut demand = Demand::new(start);
        demand.note(start, false);
        assert_eq!(demand.target(start, 0, 16), 1);
        for _ in 0..7 {
            demand.note(start, false);
        }
        assert_eq!(demand.target(start, 0, 16), 8);
        assert_eq!(demand.target(after(start, 30), 0, 16), 4);
        assert_eq!(demand.target(after(start, 90), 0, 16), 1);
        assert_eq!(demand.target(after(start, 600), 0, 16), 0);
    }

    #[test]
    fn a_slow_refill_wants_more_to_be_ready() {
        let start = Instant::now();
        let mut demand = Demand::new(start);
        let mut now = start;
        for _ in 0..3000 {
            now += Duration::from_millis(100);
            demand.note(now, true);
            demand.refilled_in(Duration::from_millis(450));
        }
        // Ten a second, 0.45 s each, and twice that: a little more than nine.
        assert_eq!(demand.target(now, 0, 64), 10);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn the_target_keeps_its_bounds(
            steps in vec((0_u64..100_000, any::<bool>(), 0_u64..10_000), 0..60),
            minimum in 0_usize..40,
            maximum in 0_usize..40,
        ) {
            let mut now = Instant::now();
            let mut demand = Demand::new(now);
            for (wait, was_ready, refill) in steps {
                now += Duration::from_millis(wait);
                demand.note(now, was_ready);
                demand.refilled_in(Duration::from_millis(refill));
                let target = demand.target(now, minimum, maximum);
                prop_assert!(target <= maximum && target >= minimum.min(maximum));
            }
        }
    }
}
