//! `get_run` and `cancel_run`.

use api::{OutputHead, RunRecord, RunStatus};
use record::Cancelled;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::told;
use crate::{
    app::App,
    keys::Scope,
    mcp::{
        progress::{WAIT_MAX, seconds_of},
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// The most pieces of what a run writes that are looked at while it runs.
const EVENTS_MAX: u32 = 200;

/// A run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GetRunArgs {
    /// The run, or an unambiguous beginning of its id.
    run_id: String,
    /// Waits so long for its end.
    wait_seconds: Option<f64>,
}

/// What came of a run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunOutputTold {
    /// Where it is.
    status: String,
    /// The exit status, where it ended by itself.
    exit_code: Option<i32>,
    /// The first 4 KB of standard output.
    stdout: String,
    /// The first 4 KB of standard error.
    stderr: String,
    /// What it left, by file or by key of its result.
    #[schema(value_type = Object)]
    outputs: Map<String, Value>,
}

/// A run.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct GetRunTold {
    /// Its id.
    run_id: String,
    /// Its number among its project's runs.
    run_number: Option<u64>,
    /// The project.
    project_name: Option<String>,
    /// The model, where one was run.
    model_name: Option<String>,
    /// Where it is: `pending`, `running`, `success`, `failed`, `timed_out` or `cancelled`.
    status: String,
    /// The commit.
    commit_sha: Option<String>,
    /// The data that it saw.
    data_snapshot_ref: Option<String>,
    /// When it started, RFC 3339.
    started_at: Option<String>,
    /// When it ended, RFC 3339.
    finished_at: Option<String>,
    /// Why it did not succeed.
    error_message: Option<String>,
    /// What came of it.
    output: RunOutputTold,
    /// Whether there is more of its streams than is told.
    truncated: bool,
}

impl GetRunTold {
    async fn of(call: &Call, record: &RunRecord) -> Result<Self, Refusal> {
        let files = call.projects().outputs(record).await?;
        let (stdout, stderr) = streams(call, record).await?;
        let ((stdout, stdout_cut), (stderr, stderr_cut)) =
            (told::stream(&stdout), told::stream(&stderr));
        let status = told::status(record).to_owned();
        Ok(Self {
            run_id: record.run_id.to_string(),
            run_number: record.number,
            project_name: record.project.clone(),
            model_name: record.model.clone(),
            status: status.clone(),
            commit_sha: record.commit_sha.clone(),
            data_snapshot_ref: record.snapshot.clone(),
            started_at: told::moment(record.started_at),
            finished_at: told::moment(record.ended_at),
            error_message: told::error(record),
            output: RunOutputTold {
                status,
                exit_code: record.exit_code,
                stdout,
                stderr,
                outputs: told::outputs(record, files),
            },
            truncated: stdout_cut || stderr_cut,
        })
    }
}

/// What a run has written, also one that goes on.
async fn streams(call: &Call, record: &RunRecord) -> Result<(OutputHead, OutputHead), Refusal> {
    if record.status != RunStatus::Running {
        return Ok((record.stdout.clone(), record.stderr.clone()));
    }
    let events = call.projects().events(call.tenant(), record.run_id, 0, EVENTS_MAX).await?;
    Ok((told::written(&events, "stdout"), told::written(&events, "stderr")))
}

/// `get_run`.
pub(super) struct GetRun;

impl Kind for GetRun {
    const NAME: &'static str = "get_run";
    const TITLE: &'static str = "Look at a run";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = GetRunArgs;
    type Output = GetRunTold;

    fn description(_: &App) -> String {
        "Tells where a run of a project is, and what came of it or what it has written so far. \
         With wait_seconds it waits for the end so long."
            .to_owned()
    }

    async fn call(call: Call, args: GetRunArgs) -> Result<Answer<GetRunTold>, Refusal> {
        let projects = call.projects();
        let mut record = projects.get(call.tenant(), &args.run_id).await?;
        if let Some(wait) = args.wait_seconds {
            let patience = seconds_of("wait_seconds", wait, WAIT_MAX)?;
            let waited = call.telling(async {
                tokio::select! {
                    record = projects.wait(call.tenant(), record.run_id, patience) => Some(record),
                    () = call.cancelled() => None,
                }
            });
            if let Some(waited) = waited.await {
                record = waited?;
            }
        }
        let told = GetRunTold::of(&call, &record).await?;
        let text = serde_json::to_string(&told).unwrap_or_default();
        Ok(Answer::text(text, told))
    }
}

/// A run that is to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelRunArgs {
    /// The run, or an unambiguous beginning of its id.
    run_id: String,
}

/// A run that was taken back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CancelTold {
    /// The run.
    run_id: String,
    /// Where it is now.
    status: String,
    /// What was done.
    message: String,
}

/// `cancel_run`.
pub(super) struct CancelRun;

impl Kind for CancelRun {
    const NAME: &'static str = "cancel_run";
    const TITLE: &'static str = "Cancel a run";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::REPLACES;
    type Args = CancelRunArgs;
    type Output = CancelTold;

    fn description(_: &App) -> String {
        "Takes a run of a project back: one that waits never starts, one that runs is ended."
            .to_owned()
    }

    async fn call(call: Call, args: CancelRunArgs) -> Result<Answer<CancelTold>, Refusal> {
        let projects = call.projects();
        let record = projects.get(call.tenant(), &args.run_id).await?;
        let run_id = record.run_id.to_string();
        let message = match projects.cancel(call.tenant(), &run_id).await? {
            Cancelled::Now => "it had not started, and never will",
            Cancelled::Asked => "it was told to end",
            Cancelled::Unqueued => "it cannot be taken back here",
            Cancelled::AlreadyEnded(_) => "it had ended before",
        };
        let record = projects.get(call.tenant(), &run_id).await?;
        let status = told::status(&record).to_owned();
        let message = message.to_owned();
        Ok(Answer::text(message.clone(), CancelTold { run_id, status, message }))
    }
}
