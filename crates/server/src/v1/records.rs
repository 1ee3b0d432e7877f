//! Records: what is kept of every run, turn and command, also after its server is gone.

use std::time::Duration;

use api::{RunKind, RunRecord, RunStatus, SessionId, Timestamp};
use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{begin::WAIT_MAX, lists::list_size};
use crate::{
    app::App,
    http::{Failure, FailureBody, Params, Path, Reader},
};

/// Which records are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Those of this project, by its name.
    project: Option<String>,
    /// Those with this status.
    status: Option<RunStatus>,
    /// Those of this kind.
    kind: Option<RunKind>,
    /// Those of this session.
    #[param(value_type = Option<String>)]
    session_id: Option<SessionId>,
    /// Those asked for at this moment or later, in RFC 3339.
    #[param(value_type = Option<String>)]
    since: Option<Timestamp>,
    /// Those asked for before this moment.
    #[param(value_type = Option<String>)]
    until: Option<Timestamp>,
    /// How many at most, from 1 to 500.
    limit: Option<i64>,
    /// Where the page before ended.
    cursor: Option<String>,
}

impl Filter {
    fn read(self) -> Result<record::Filter, Failure> {
        Ok(record::Filter {
            project: self.project,
            statuses: self.status.into_iter().collect(),
            kind: self.kind,
            since: self.since,
            until: self.until,
            session_id: self.session_id,
            limit: list_size(self.limit)?,
            cursor: self.cursor,
        })
    }
}

/// Some records. They lack what may be large: outputs, what was enforced, and artifacts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecordList {
    /// What was asked for last comes first.
    records: Vec<RunRecord>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// The caller's records. They outlive the server, and are kept as long as its operator
/// says.
#[utoipa::path(get, path = "/records", tag = "records",
    operation_id = "record_list", params(Filter),
    responses((status = 200, description = "They are these.", body = RecordList),
        (status = "default", description = "They could not be listed.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Params(filter): Params<Filter>,
) -> Result<Json<RecordList>, Failure> {
    let filter = filter.read()?;
    app.settle_records().await;
    let page = app.store().list(caller.tenant.as_str(), &filter).await?;
    Ok(Json(RecordList { records: page.records, next_cursor: page.next_cursor }))
}

/// How long a client waits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patience {
    /// Waits so long for its end, at most a minute.
    pub(super) wait_ms: Option<u64>,
}

/// One record, with everything that is in it. The beginning of an id is enough where no
/// other begins so.
#[utoipa::path(get, path = "/records/{run_id}", tag = "records", operation_id = "record_get",
    params(("run_id" = String, Path, description = "The run's id, or its beginning."), Patience),
    responses((status = 200, description = "It is this.", body = RunRecord),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
    Params(patience): Params<Patience>,
) -> Result<Json<RunRecord>, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    app.settle_records().await;
    let found = projects.get(tenant, &run_id).await?;
    let Some(wait) = patience.wait_ms else { return Ok(Json(found)) };
    let wait = Duration::from_millis(wait).min(WAIT_MAX);
    Ok(Json(projects.wait(tenant, found.run_id, wait).await?))
}
