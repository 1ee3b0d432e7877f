//! Code and commands of sessions: where they run, how long, and who waits.

use std::{sync::Arc, time::Duration};

use api::ErrorCode;
use tokio::time::{Instant, sleep};

use super::ran::{self, Ran};
use crate::{
    app::App,
    http::Failure,
    mcp::{
        progress::{Waited, seconds_of},
        refusal::Refusal,
        tool::{Answer, Call},
    },
    table::{CancelOnDrop, Entry, Terms, Work},
    v1::{
        begin::{OnDisconnect, Wanted},
        sessions::{self, NewSession},
    },
};

/// How long a session may be unused: clients forget what they began.
const IDLE_TIME: Duration = Duration::from_secs(30 * 60);

/// How long a session of ours may be unused.
pub(super) fn idle_time(app: &App) -> Duration {
    IDLE_TIME.min(app.engine().config().warm.idle_time_max)
}

/// How long a call may take if its client does not say, and the most it may ask for.
pub(super) fn call_times(app: &App) -> (Duration, Duration) {
    let ceiling = &app.engine().config().ceiling;
    (ceiling.defaults.wall_time, ceiling.maximum.wall_time)
}

/// What every description of what runs something says of its bounds.
pub(super) fn bounds(app: &App) -> String {
    let (usual, most) = call_times(app);
    let lifetime = app.engine().config().warm.lifetime_max;
    format!(
        "Without session_id a new session is made, and its id returned; pass it on to go on with \
         its variables and files. A session ends after {} without use, or at the age of {}; to \
         use it then is an error that says so. A call may take {} unless timeout_seconds says \
         otherwise, at most {}. With wait_seconds it returns early with status \"running\"; ask \
         again with the run_id, and nothing else, for the rest.",
        words(idle_time(app)),
        words(lifetime),
        words(usual),
        words(most),
    )
}

fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 7200 && seconds % 3600 == 0 => format!("{} hours", seconds / 3600),
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

/// How long this call may take.
pub(super) fn wall_time(app: &App, asked: Option<f64>) -> Result<Duration, Refusal> {
    let (usual, most) = call_times(app);
    asked.map_or(Ok(usual), |asked| seconds_of("timeout_seconds", asked, most))
}

/// The session that a call is about.
pub(super) struct Opened {
    pub(super) entry: Arc<Entry>,
    /// Whether it was made for this call.
    pub(super) is_new: bool,
}

/// The session of an id, or a new one.
pub(super) async fn open(
    call: &Call,
    session_id: Option<&str>,
    environment: Option<String>,
) -> Result<Opened, Refusal> {
    let Call { app, caller, .. } = call;
    let Some(id) = session_id else {
        let (_, most) = call_times(app);
        let new = NewSession::lasting(environment, most, idle_time(app));
        let entry = sessions::make(app, caller.clone(), new).await?;
        return Ok(Opened { entry, is_new: true });
    };
    let entry = find(call, id)?;
    let own = entry.session.environment();
    if environment.as_deref().is_some_and(|wanted| wanted != own) {
        let message = format!("environment: the session's is {own:?}");
        return Err(Refusal::invalid(message).hint("leave session_id out for a new session"));
    }
    Ok(Opened { entry, is_new: false })
}

/// The session of an id.
pub(super) fn find(call: &Call, id: &str) -> Result<Arc<Entry>, Refusal> {
    sessions::find(&call.app, &call.caller, id).map_err(|failure| {
        let is_unknown = failure.body.code == ErrorCode::NotFound;
        let refusal = Refusal::from(failure);
        if !is_unknown {
            return refusal;
        }
        refusal.hint(
            "call execute_code or run_command without session_id for a new session; list_sessions \
             has those that there are",
        )
    })
}

/// Under which terms work of a session is begun for a client of ours.
pub(super) fn terms(call: &Call, entry: &Entry) -> (Terms, Wanted) {
    let wanted = Wanted { form: None, on_disconnect: OnDisconnect::Cancel };
    (Terms::kept(entry.session.id(), &call.caller), wanted)
}

/// Waits for what a client has begun in a session, and tells what came of it.
pub(super) async fn run(
    call: &Call,
    opened: Opened,
    began: impl Future<Output = Result<(Arc<Work>, CancelOnDrop), Failure>>,
    patience: Duration,
) -> Result<Answer<Ran>, Refusal> {
    let id = opened.entry.session.id();
    let answer = call.telling(async {
        let deadline = Instant::now() + patience;
        let (work, guard) = begun(call, began, deadline).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = call.end_of(&work, left).await?;
        guard.let_go();
        told(&id.to_string(), &work, &waited)
    });
    let answer = answer.await;
    if answer.is_err() && opened.is_new {
        // Nobody knows of it.
        call.app.sessions().remove(id);
        opened.entry.session.close().await;
    }
    answer
}

/// Waits until something has begun: others of its session may be before it.
async fn begun(
    call: &Call,
    began: impl Future<Output = Result<(Arc<Work>, CancelOnDrop), Failure>>,
    deadline: Instant,
) -> Result<(Arc<Work>, CancelOnDrop), Refusal> {
    tokio::select! {
        biased;
        begun = began => Ok(begun?),
        () = call.cancelled() => Err(Refusal::invalid("the request was taken back")),
        () = sleep(deadline.saturating_duration_since(Instant::now())) => {
            let message = "the session is busy with another call, and this one was not begun";
            Err(Refusal::new(ErrorCode::Busy, message).hint("try again, or take another session"))
        }
    }
}

/// Asks again for what a call has begun.
pub(super) async fn again(
    call: &Call,
    run_id: &str,
    patience: Duration,
) -> Result<Answer<Ran>, Refusal> {
    let work = call.app.works().find(&call.caller.tenant, run_id);
    let session = work.as_ref().and_then(|work| work.session());
    let (Some(work), Some(session)) = (work, session) else {
        let message = "run_id: there is no such run";
        return Err(Refusal::new(ErrorCode::NotFound, message)
            .hint("results are kept for an hour, and fewer if they are large"));
    };
    let waited = call.telling(call.end_of(&work, patience)).await?;
    told(&session.to_string(), &work, &waited)
}

fn told(session_id: &str, work: &Work, waited: &Waited) -> Result<Answer<Ran>, Refusal> {
    let ids = (session_id, work.id());
    match waited {
        Waited::Running => Ok(ran::running(ids, work.started_at)),
        Waited::Ended(ended) => match &ended.result {
            Ok(json) => ran::ended(ids, json).map_err(Into::into),
            Err(failure) => Err(failure.clone().into()),
        },
    }
}

/// Refuses what stands beside a run's id: only one of the two can be meant.
pub(super) fn check_alone(others: &[(&str, bool)]) -> Result<(), Refusal> {
    match others.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => {
            Err(Refusal::invalid(format!("{name}: it cannot be given together with run_id")))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_largest_unit_that_fits() {
        let table = [(30, "30 seconds"), (90, "90 seconds"), (1800, "30 minutes")];
        for (seconds, expected) in table {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(words(Duration::from_secs(86_400)), "24 hours");
    }
}
