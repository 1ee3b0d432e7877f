//! What clients are shown of runs.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use api::{ErrorBody, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::runs::RunResultView;
use crate::{http::ReadyJson, table::Work};

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// It is under way.
    Running,
    /// It has ended; its result says how.
    Ended,
    /// The server failed it; the error says how.
    Failed,
}

/// A run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Run {
    /// Its id.
    #[schema(format = "uuid")]
    run_id: String,
    /// Where it is.
    status: Status,
    /// What its client called it.
    labels: BTreeMap<String, String>,
    /// When it was asked for, RFC 3339.
    #[schema(format = "date-time")]
    started_at: String,
    /// When it ended, RFC 3339.
    #[schema(format = "date-time")]
    ended_at: Option<String>,
    /// What came of it.
    #[schema(value_type = Option<RunResultView>)]
    result: Option<ReadyJson>,
    /// Why nothing came of it.
    error: Option<ErrorBody>,
}

/// Where a piece of work is.
pub(crate) fn status(work: &Work) -> Status {
    match work.ended() {
        None => Status::Running,
        Some(ended) if ended.result.is_ok() => Status::Ended,
        Some(_) => Status::Failed,
    }
}

impl Run {
    pub(crate) fn of(work: &Work) -> Self {
        let ended = work.ended();
        let result = ended.as_ref().and_then(|ended| ended.result.as_ref().ok()).cloned();
        let failure = ended.as_ref().and_then(|ended| ended.result.as_ref().err());
        Self {
            run_id: work.id().to_owned(),
            status: status(work),
            labels: work.terms.labels.clone(),
            started_at: moment(work.started_at),
            ended_at: ended.as_ref().map(|ended| moment(ended.at)),
            error: failure.map(|failure| failure.body.clone()),
            result,
        }
    }
}

/// A moment as text.
pub(crate) fn moment(at: SystemTime) -> String {
    Timestamp::from(at).to_string()
}

/// A duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
