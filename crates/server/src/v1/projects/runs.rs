//! Runs of projects.

use std::time::Duration;

use api::{Comparison, ProjectRunRequest, RunOutputs, RunRecord, RunScope};
use axum::{
    Json as Encoded,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    http::{Failure, FailureBody, Json, OnceKey, Params, Path, Reader, Runner},
    v1::{begin::WAIT_MAX, records::Patience, runs::Mode},
};

/// The longest that a client waits for a run in one request: the longest run, and a
/// minute in the queue.
const SYNC_TIME_MAX: Duration = Duration::from_secs(360);
/// How long a run that was taken back may need to end while its client waits.
const CANCEL_TIME_MAX: Duration = Duration::from_secs(10);

/// A run of a project that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProjectRun {
    /// What of the project is run.
    scope: RunScope,
    /// The model, where it is one.
    #[serde(default)]
    model: Option<String>,
    /// The branch; the project's usual one if left out.
    #[serde(default)]
    branch: Option<String>,
    /// The commit, or its beginning; the branch's newest if left out.
    #[serde(default)]
    commit_sha: Option<String>,
    /// What is found in `/inputs/parameters.json`: an object of less than 64 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
    /// The data snapshot; the newest if left out.
    #[serde(default)]
    snapshot: Option<String>,
    /// The longest that it may take: what the operator gives, five minutes unless they say
    /// otherwise, or less.
    #[serde(default)]
    #[schema(minimum = 1)]
    wall_time_ms: Option<u64>,
    /// How often it may be started: again only where a worker died under it. Once if left
    /// out.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 10)]
    attempts_max: Option<u32>,
    /// Whether the client waits for its end.
    #[serde(default)]
    mode: Mode,
}

impl NewProjectRun {
    fn of(self, project: String) -> (ProjectRunRequest, Mode) {
        let mode = self.mode;
        let request = ProjectRunRequest {
            project,
            scope: self.scope,
            model: self.model,
            branch: self.branch,
            commit_sha: self.commit_sha,
            parameters: self.parameters,
            snapshot: self.snapshot,
            wall_time_ms: self.wall_time_ms,
            attempts_max: self.attempts_max,
        };
        (request, mode)
    }
}

/// A run of a project, and what it left.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectRun {
    /// Its record.
    record: RunRecord,
    /// What it left, by name; what is small with what it says.
    #[schema(value_type = std::collections::BTreeMap<String, api::RunOutput>)]
    outputs: RunOutputs,
}

async fn whole(app: &App, record: RunRecord) -> Result<ProjectRun, Failure> {
    let outputs = app.projects().outputs(&record).await?;
    Ok(ProjectRun { record, outputs })
}

/// Puts a run into the queue, and waits for its end unless that is not wanted. It goes on
/// when its client goes away.
#[utoipa::path(post, path = "/projects/{project}/runs", tag = "projects",
    operation_id = "project_run", request_body = NewProjectRun,
    params(("project" = String, Path, description = "The project's name."), OnceKey),
    responses((status = 200, description = "It is over.", body = ProjectRun),
        (status = 202, description = "It waits or runs.", body = ProjectRun),
        (status = "default", description = "It cannot be run.", body = FailureBody)))]
pub(crate) async fn create(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(name): Path<String>,
    Json(new): Json<NewProjectRun>,
) -> Result<Response, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    app.quotas().count_run(&caller.tenant)?;
    let (request, mode) = new.of(name);
    let mut record = projects.start(tenant, &caller.name(), &request).await?;
    if mode == Mode::Sync {
        record = projects.wait(tenant, record.run_id, SYNC_TIME_MAX).await?;
    }
    let status = if record.status.is_final() { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = [(header::LOCATION, format!("/v1/records/{}", record.run_id))];
    Ok((status, location, Encoded(whole(&app, record).await?)).into_response())
}

/// Takes a project's run back, and waits some seconds for its end.
#[utoipa::path(post, path = "/records/{run_id}/cancel", tag = "projects",
    operation_id = "record_cancel",
    params(("run_id" = String, Path, description = "The run's id, or its beginning.")),
    responses((status = 200, description = "It is over, or was told to end.", body = RunRecord),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(run_id): Path<String>,
) -> Result<Encoded<RunRecord>, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let record = projects.get(tenant, &run_id).await?;
    // A run of this server that was never queued is ended by whoever carries it.
    if let Some(work) = app.works().find(&caller.tenant, &record.run_id.to_string()) {
        work.cancel.cancel();
    }
    projects.cancel(tenant, &run_id).await?;
    Ok(Encoded(projects.wait(tenant, record.run_id, CANCEL_TIME_MAX).await?))
}

/// A run that was repeated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RerunView {
    /// The new run.
    record: RunRecord,
    /// Whether it left the same, byte for byte; `null` while that is not known.
    identical: Option<bool>,
}

/// Repeats a project's run with the same code, data and parameters.
#[utoipa::path(post, path = "/records/{run_id}/rerun", tag = "projects",
    operation_id = "record_rerun",
    params(("run_id" = String, Path, description = "The run's id, or its beginning."), Patience,
        OnceKey),
    responses((status = 200, description = "It is over, waits or runs.", body = RerunView),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn rerun(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(run_id): Path<String>,
    Params(patience): Params<Patience>,
) -> Result<Encoded<RerunView>, Failure> {
    let wait = patience.wait_ms.map_or(WAIT_MAX, Duration::from_millis).min(WAIT_MAX);
    app.quotas().count_run(&caller.tenant)?;
    let (tenant, name) = (caller.tenant.as_str(), caller.name());
    let again = app.projects().rerun(tenant, &name, &run_id, wait).await?;
    Ok(Encoded(RerunView { record: again.record, identical: again.identical }))
}

/// With which run.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct With {
    /// The id of the run that is compared with it, or its beginning.
    with: String,
}

/// What the numbers of another run differ in from those of this one.
#[utoipa::path(get, path = "/records/{run_id}/compare", tag = "projects",
    operation_id = "record_compare",
    params(("run_id" = String, Path, description = "The run's id, or its beginning."), With),
    responses((status = 200, description = "It is this.", body = Comparison),
        (status = "default", description = "They cannot be compared.", body = FailureBody)))]
pub(crate) async fn compare(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
    Params(other): Params<With>,
) -> Result<Encoded<Comparison>, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let base = projects.get(tenant, &run_id).await?;
    let scenario = projects.get(tenant, &other.with).await?;
    Ok(Encoded(projects.compare(&base, &scenario).await?))
}
