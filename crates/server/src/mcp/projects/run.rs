//! `run`.

use std::time::Duration;

use api::{ProjectRunRequest, RunRecord, RunScope};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::sleep;
use utoipa::ToSchema;

use super::told;
use crate::{
    app::App,
    http::Failure,
    keys::Scope,
    mcp::{
        progress::{WAIT_MAX, seconds_of},
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// How long `sync` waits where its client does not say, as the contract has it: the longest
/// run, and a minute in the queue.
const SYNC_TIME_MAX: Duration = Duration::from_secs(360);
/// How long a run that is taken back may take to be gone.
const END_TIME_MAX: Duration = Duration::from_secs(10);

/// Whether the caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunMode {
    /// Until the run is over.
    Sync,
    /// No longer than until it is in the queue.
    Async,
}

/// A run that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunArgs {
    /// `project` for run.py, `model` for one model.
    scope: RunScope,
    /// `sync` to wait for the result, `async` to return at once.
    mode: RunMode,
    /// The project.
    project_name: String,
    /// The model, with the scope `model`.
    model_name: Option<String>,
    /// The branch; the project's usual one if left out.
    branch: Option<String>,
    /// The commit, or its beginning; the branch's newest if left out.
    commit_sha: Option<String>,
    /// What the models find in /inputs/parameters.json: less than 64 KB.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Map<String, Value>>,
    /// The data snapshot; the newest if left out.
    data_snapshot_ref: Option<String>,
    /// How long it may take: what the operator gives, or less.
    timeout_seconds: Option<f64>,
    /// How long to wait for its end, with the mode `sync`.
    wait_seconds: Option<f64>,
}

/// A run, as far as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunTold {
    /// Its id.
    pub(super) run_id: String,
    /// Its number among its project's runs.
    run_number: Option<u64>,
    /// The project.
    project: Option<String>,
    /// The project.
    project_name: Option<String>,
    /// The model, where one is run.
    model_name: Option<String>,
    /// The branch.
    branch: Option<String>,
    /// The commit.
    commit_sha: Option<String>,
    /// Where it is: `pending`, `running`, `success`, `failed`, `timed_out` or `cancelled`.
    status: String,
    /// The exit status, where it ended by itself.
    exit_code: Option<i32>,
    /// The first 4 KB of standard output.
    stdout: String,
    /// The first 4 KB of standard error.
    stderr: String,
    /// Whether there is more of it.
    stdout_truncated: bool,
    /// Whether there is more of it.
    stderr_truncated: bool,
    /// What it left, by file or by key of its result.
    #[schema(value_type = Object)]
    outputs: Map<String, Value>,
    /// How long it took.
    duration_seconds: Option<f64>,
    /// The data that it saw.
    data_snapshot_ref: Option<String>,
    /// Why it did not succeed.
    error: Option<String>,
    /// What to do next.
    message: Option<String>,
    /// What is odd about it.
    warning: Option<String>,
}

impl RunTold {
    pub(super) async fn of(call: &Call, record: &RunRecord) -> Result<Self, Refusal> {
        let files = call.projects().outputs(record).await?;
        let (stdout, stdout_truncated) = told::stream(&record.stdout);
        let (stderr, stderr_truncated) = told::stream(&record.stderr);
        let message = (!record.status.is_final())
            .then(|| "it goes on; get_run with this run_id tells how it ended".to_owned());
        Ok(Self {
            run_id: record.run_id.to_string(),
            run_number: record.number,
            project: record.project.clone(),
            project_name: record.project.clone(),
            model_name: record.model.clone(),
            branch: record.branch.clone(),
            commit_sha: record.commit_sha.clone(),
            status: told::status(record).to_owned(),
            exit_code: record.exit_code,
            stdout,
            stderr,
            stdout_truncated,
            stderr_truncated,
            outputs: told::outputs(record, files),
            duration_seconds: told::duration_seconds(record),
            data_snapshot_ref: record.snapshot.clone(),
            error: told::error(record),
            message,
            warning: None,
        })
    }

    pub(super) fn text(&self) -> String {
        let mut text = format!("run {}: {}", self.run_id, self.status);
        let parts = [("stdout", &self.stdout), ("stderr", &self.stderr)];
        for (name, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
            text.push_str(&format!("\n[{name}]\n{part}"));
        }
        if !self.outputs.is_empty() {
            let outputs = serde_json::to_string(&self.outputs).unwrap_or_default();
            let shown = &outputs[..outputs.floor_char_boundary(OUTPUTS_TEXT_MAX)];
            text.push_str(&format!("\n[outputs]\n{shown}"));
        }
        for line in [&self.error, &self.message].into_iter().flatten() {
            text.push_str(&format!("\n[{line}]"));
        }
        text
    }
}

/// The most of a run's outputs that stands in its text; all of it is beside that.
const OUTPUTS_TEXT_MAX: usize = 16 << 10;

async fn answer(call: &Call, record: &RunRecord) -> Result<Answer<RunTold>, Refusal> {
    let told = RunTold::of(call, record).await?;
    Ok(Answer::text(told.text(), told))
}

/// How long a client waits for a run.
pub(super) fn patience(asked: Option<f64>) -> Result<Duration, Refusal> {
    asked.map_or(Ok(SYNC_TIME_MAX), |wait| seconds_of("wait_seconds", wait, WAIT_MAX))
}

/// Waits for the end of a run, which is taken back if its client takes the request back.
pub(super) async fn ended(
    call: &Call,
    started: &RunRecord,
    patience: Duration,
) -> Result<RunRecord, Refusal> {
    let projects = call.projects();
    let waited = call.telling(async {
        tokio::select! {
            biased;
            record = projects.wait(call.tenant(), started.run_id, patience) => Some(record),
            () = call.cancelled() => None,
        }
    });
    if let Some(record) = waited.await {
        return Ok(record?);
    }
    let id = started.run_id.to_string();
    projects.cancel(call.tenant(), &id).await?;
    tokio::select! {
        record = projects.wait(call.tenant(), started.run_id, END_TIME_MAX) => Ok(record?),
        () = sleep(END_TIME_MAX) => Err(Refusal::invalid("the request was taken back")),
    }
}

/// `run`.
pub(super) struct Run;

impl Kind for Run {
    const NAME: &'static str = "run";
    const TITLE: &'static str = "Run a project";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::RUNS.with_fetching();
    type Args = RunArgs;
    type Output = RunTold;

    fn description(_: &App) -> String {
        "Runs a project, or one model of it, at a commit on a snapshot of its data, in a sandbox \
         of its own. sync waits for the result, with the first 4 KB of its streams and its \
         outputs; async, better for what takes more than a minute, returns the run_id at once, \
         for get_run. A run ends after 5 minutes unless the operator says otherwise. A run that \
         fails is an ordinary result."
            .to_owned()
    }

    async fn call(call: Call, args: RunArgs) -> Result<Answer<RunTold>, Refusal> {
        let patience = patience(args.wait_seconds)?;
        let model = check_model(args.scope, args.model_name)?;
        let most = call.projects().wall_time_max();
        let time = args.timeout_seconds.map(|time| seconds_of("timeout_seconds", time, most));
        let wall_time_ms = time.transpose()?.map(crate::v1::view::millis);
        let request = ProjectRunRequest {
            project: args.project_name,
            scope: args.scope,
            model,
            branch: args.branch,
            commit_sha: args.commit_sha,
            parameters: args.parameters.map(Value::Object),
            snapshot: args.data_snapshot_ref,
            wall_time_ms,
            attempts_max: None,
        };
        call.app.quotas().count_run(&call.caller.tenant).map_err(Failure::from)?;
        let started = call.projects().start(call.tenant(), &call.caller.name(), &request).await?;
        if args.mode == RunMode::Async {
            return answer(&call, &started).await;
        }
        answer(&call, &ended(&call, &started, patience).await?).await
    }
}

fn check_model(scope: RunScope, model: Option<String>) -> Result<Option<String>, Refusal> {
    match (scope, &model) {
        (RunScope::Model, None) => {
            Err(Refusal::invalid("model_name: it is needed with the scope model"))
        }
        // The contract has it ignored.
        (RunScope::Project, _) => Ok(None),
        (RunScope::Model, Some(_)) => Ok(model),
    }
}
