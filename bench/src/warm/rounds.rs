//! Runs subjects in turn and notes how long each took.

use std::{thread, time::Duration};

use anyhow::{Context, Result};

use crate::measure::Series;

/// Runs whose times are not counted, before those that are.
const WARM_UP: usize = 3;

/// Something to be measured.
pub(crate) trait Subject {
    /// The series that its runs give, by the names that budgets use.
    fn names(&self) -> Vec<&'static str>;

    /// It takes part in one of so many rounds.
    fn every(&self) -> usize {
        1
    }

    /// Makes the next run possible; not timed, and before the pause.
    ///
    /// # Errors
    /// It cannot be made possible.
    fn prepare(&mut self) -> Result<()> {
        Ok(())
    }

    /// Runs it; a time for each series.
    ///
    /// # Errors
    /// It did not do what it is there for.
    fn run(&mut self) -> Result<Vec<Duration>>;
}

/// How often, and how long it is idle before each run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) name: &'static str,
    pub(crate) runs: usize,
    pub(crate) pause: Duration,
}

/// Measures every subject in every round; every other round goes backwards.
///
/// # Errors
/// A subject failed.
pub(crate) fn measure(subjects: &mut [Box<dyn Subject + '_>], pace: Pace) -> Result<Vec<Series>> {
    let empty = |name| Series { name, times: vec![None; pace.runs] };
    let mut series: Vec<Vec<_>> =
        subjects.iter().map(|s| s.names().into_iter().map(empty).collect()).collect();
    for round in 0..WARM_UP + pace.runs {
        let counted = round.checked_sub(WARM_UP);
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let subject = &mut subjects[number];
            if counted.is_some_and(|round| round % subject.every() != 0) {
                continue;
            }
            let name = subject.names()[0];
            subject.prepare().context(name)?;
            thread::sleep(pace.pause);
            let times = subject.run().context(name)?;
            let Some(round) = counted else { continue };
            for (series, time) in series[number].iter_mut().zip(times) {
                series.times[round] = Some(time.as_secs_f64() * 1e3);
            }
        }
    }
    Ok(series.into_iter().flatten().collect())
}
