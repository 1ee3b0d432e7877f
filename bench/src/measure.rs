//! Runs the subjects in turn and notes how long each took.

use std::{thread, time::Duration};

use anyhow::{Context, Result};

use crate::{
    args::Plan,
    inside::Inside,
    subject::{Action, Subject},
};

/// The times of one subject, a place for each counted round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    /// Milliseconds; `None` where it did not take part.
    pub(crate) times: Vec<Option<f64>>,
}

/// Measures every subject in every round.
///
/// Every other round goes backwards, so that no subject always has the same one
/// before it, whose remains the host kernel may still be clearing away.
///
/// # Errors
/// A subject failed.
pub(crate) fn measure(subjects: &[Subject], inside: &Inside, plan: &Plan) -> Result<Vec<Series>> {
    let mut series: Vec<_> = subjects.iter().map(|subject| slots(subject, plan.runs)).collect();
    for round in 0..plan.warm_up + plan.runs {
        let counted = round.checked_sub(plan.warm_up);
        let mut order: Vec<usize> = (0..subjects.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for number in order {
            let subject = &subjects[number];
            if counted.unwrap_or(0).is_multiple_of(subject.every) {
                thread::sleep(plan.pause);
                let times = run(subject, inside).with_context(|| subject.name)?;
                if let Some(round) = counted {
                    note(&mut series[number], round, &times);
                }
            }
        }
    }
    Ok(series.into_iter().flatten().collect())
}

/// The series that a subject gives.
fn slots(subject: &Subject, runs: usize) -> Vec<Series> {
    let empty = |name| Series { name, times: vec![None; runs] };
    match subject.action {
        Action::Process(_) => vec![empty(subject.name)],
        Action::Engine { launched, .. } => vec![empty(launched), empty(subject.name)],
    }
}

fn run(subject: &Subject, inside: &Inside) -> Result<Vec<Duration>> {
    match &subject.action {
        Action::Process(program) => Ok(vec![program.time()?]),
        Action::Engine { request, .. } => {
            let times = inside.time(request)?;
            Ok(vec![times.launched, times.done])
        }
    }
}

fn note(series: &mut [Series], round: usize, times: &[Duration]) {
    for (series, time) in series.iter_mut().zip(times) {
        series.times[round] = Some(time.as_secs_f64() * 1e3);
    }
}
