//! What may be asked of a run. Pure, but for what the operator gives.

use std::time::Duration;

use api::{ProjectRunRequest, RunScope};

use super::Projects;
use crate::{ProjectError, names};

/// The most often that a run may be started: what kills so many workers kills them all.
const ATTEMPTS_MAX: u32 = 10;

impl Projects {
    /// The longest that a run may take.
    #[must_use]
    pub fn wall_time_max(&self) -> Duration {
        self.settings.wall_time.min(self.engine.config().ceiling.maximum.wall_time)
    }
}

/// Refuses what no run can have, rather than to give it less than it asks for.
pub(super) fn check(request: &ProjectRunRequest, maximum: Duration) -> Result<(), ProjectError> {
    let time = request.wall_time_ms.map(Duration::from_millis);
    if time.is_some_and(|time| time.is_zero() || time > maximum) {
        return Err(ProjectError::Time { maximum });
    }
    if request.attempts_max.is_some_and(|attempts| !(1..=ATTEMPTS_MAX).contains(&attempts)) {
        return Err(ProjectError::Request { reason: "attempts_max has to be from 1 to 10" });
    }
    match (request.scope, &request.model) {
        (RunScope::Model, Some(model)) => names::model(model),
        (RunScope::Model, None) => {
            Err(ProjectError::Request { reason: "a run of a model needs the model's name" })
        }
        (RunScope::Project, None) => Ok(()),
        (RunScope::Project, Some(_)) => Err(ProjectError::Request {
            reason: "a run of the whole project takes no model: leave it out, or run the model",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(wall_time_ms: Option<u64>, attempts_max: Option<u32>) -> ProjectRunRequest {
        ProjectRunRequest {
            project: "p".to_owned(),
            scope: RunScope::Project,
            model: None,
            branch: None,
            commit_sha: None,
            parameters: None,
            snapshot: None,
            wall_time_ms,
            attempts_max,
        }
    }

    #[test]
    fn what_no_run_can_have_is_refused_with_what_it_can_have() {
        let check = |time, attempts| {
            check(&request(time, attempts), Duration::from_secs(300)).map_err(|e| e.to_string())
        };
        for (time, attempts) in [(None, None), (Some(1), Some(1)), (Some(300_000), Some(10))] {
            assert_eq!(check(time, attempts), Ok(()));
        }
        for time in [0, 300_001, 600_000, u64::MAX] {
            let told = "a run may take more than 0 and at most 300 seconds";
            assert_eq!(check(Some(time), None), Err(told.to_owned()), "{time}");
        }
        for attempts in [0, 11, u32::MAX] {
            let told = "attempts_max has to be from 1 to 10";
            assert_eq!(check(None, Some(attempts)), Err(told.to_owned()), "{attempts}");
        }
    }
}
