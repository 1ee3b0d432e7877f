//! One-shot runs: a fresh sandbox each, gone when the run is over.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{
    CapturedStream, Digests, Enforcement, FileChange, Outcome, Phase, RunId, RunRequest, RunResult,
    Usage, Workspace,
};
use axum::{
    Json as Encoded,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{Input, RunIo, TrustDomain};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::{
    begin::{self, OnDisconnect, WAIT_MAX, Wanted, begin},
    explain::{Explanation, explain},
    lists::{check_labels, has_label, page, page_size, read_cursor, read_label},
    parcel::{self, FileIn, FileOut},
    policy::WantedPolicy,
    program,
    scratch::Scratch,
    view::{Run, Status, status},
};
use crate::{
    app::App,
    http::{
        Failure, FailureBody, Json, OnceKey, Params, Path, Reader, ReadyJson, Runner, names,
        object, objects,
    },
    keys::Principal,
    stream::{self, Form, Reading, Recorder},
    table::{CancelOnDrop, Kind, Terms, Work},
};

/// The most bytes of results on one page of runs.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// Whether the client waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// Until the run is over.
    #[default]
    Sync,
    /// No longer than until it has begun.
    Async,
}

/// A run that is wanted: `code` with its `language`, or a `command`, or a line for the
/// `shell`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRun {
    /// The language of the code; see `/v1/languages`. `python` if left out.
    #[serde(default)]
    language: Option<String>,
    /// The code.
    #[serde(default)]
    code: Option<String>,
    /// The file name that messages show.
    #[serde(default)]
    file_name: Option<String>,
    /// A program of the environment, then its arguments.
    #[serde(default)]
    command: Option<Vec<String>>,
    /// A line for the shell.
    #[serde(default)]
    shell: Option<String>,
    /// Arguments of the program.
    #[serde(default)]
    args: Vec<String>,
    /// What it reads from its standard input.
    #[serde(default)]
    stdin: Option<String>,
    /// The environment's name; `bare` if left out.
    #[serde(default)]
    environment: Option<String>,
    /// The wanted policy.
    #[serde(default, deserialize_with = "object")]
    policy: WantedPolicy,
    /// Files that are put into the workspace first.
    #[serde(default, deserialize_with = "objects")]
    files: Vec<FileIn>,
    /// Files and directories that come back, relative to the workspace.
    #[serde(default)]
    outputs: Vec<String>,
    /// What the client knows it by.
    #[serde(default, deserialize_with = "names")]
    labels: BTreeMap<String, String>,
    /// What becomes of it when the client goes away.
    #[serde(default)]
    on_disconnect: OnDisconnect,
    /// Whether the client waits.
    #[serde(default)]
    mode: Mode,
}

/// What came of a run.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunResultView {
    /// How it ended.
    #[serde(flatten)]
    outcome: Outcome,
    /// Which part of the run that is about.
    phase: Phase,
    /// What it wrote to standard output.
    stdout: CapturedStream,
    /// What it wrote to standard error.
    stderr: CapturedStream,
    /// Files that came back.
    files: Vec<FileOut>,
    /// Files that it created or changed.
    changes: Vec<FileChange>,
    /// What it used.
    usage: Usage,
    /// What was enforced.
    enforcement: Enforcement,
    /// What ran, under what.
    digests: Digests,
    /// Why code was ended or held back.
    explanation: Option<Explanation>,
}

/// Runs code, a program or a line for the shell in a fresh sandbox. With
/// `Accept: text/event-stream` or `application/x-ndjson`, answers with its events as
/// they happen.
#[utoipa::path(post, path = "/runs", tag = "runs", operation_id = "run_create", params(OnceKey),
    request_body = NewRun,
    responses(
        (status = 200, description = "It is over.", body = Run),
        (status = 202, description = "It has begun.", body = Run),
        (status = "default", description = "It could not be run.", body = FailureBody)))]
pub(crate) async fn create(
    State(app): State<App>,
    Runner(caller): Runner,
    headers: HeaderMap,
    Json(new): Json<NewRun>,
) -> Result<Response, Failure> {
    check_labels(&new.labels)?;
    let is_async = new.mode == Mode::Async;
    let on_disconnect = if is_async { OnDisconnect::Continue } else { new.on_disconnect };
    let wanted = Wanted::new(&headers, on_disconnect);
    let terms = Terms {
        kind: Kind::Run,
        tenant: caller.tenant.clone(),
        asker: caller.asker(),
        labels: new.labels.clone(),
        has_log: wanted.is_recorded(),
        is_kept: true,
    };
    let started = start(&app, (caller.clone(), terms), wanted, new).await?;
    if is_async && wanted.form.is_none() {
        let location = format!("/v1/runs/{}", started.0.id());
        let run = Encoded(Run::of(&started.0));
        return Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], run).into_response());
    }
    begin::answer((&app, &caller), started, wanted, |work, result| {
        let run = ReadyJson::of(&Run::of(work), result.len());
        run.map_or_else(IntoResponse::into_response, |run| run.answer(StatusCode::OK))
    })
    .await
}

async fn start(
    app: &App,
    (caller, terms): (Principal, Terms),
    wanted: Wanted,
    new: NewRun,
) -> Result<(Arc<Work>, CancelOnDrop), Failure> {
    let scratch = Scratch::make(&app.config().state_dir).map_err(|error| {
        tracing::error!(%error, "there is no place for the files of a run");
        Failure::internal()
    })?;
    let NewRun { language, code, file_name, command, shell, .. } = new;
    let asked = program::Wanted { language, code, file_name, command, shell };
    let (program, args) = program::with_args(asked, new.args)?;
    let request = RunRequest {
        environment: new.environment.unwrap_or_else(|| "bare".to_owned()),
        program,
        args,
        workspace: Workspace::Private,
        uploads: parcel::pack(new.files, &scratch)?,
        downloads: parcel::wanted(&new.outputs, &scratch),
        rescues: Vec::new(),
        list_changes: true,
        scratch: Vec::new(),
        exhibits: Vec::new(),
        policy: new.policy.spec(app)?,
    };
    let stdin = match new.stdin {
        Some(text) => Input::of_bytes(text.into_bytes()),
        None => Input::Empty,
    };
    let domain = TrustDomain::new(caller.tenant.as_str());
    let engine = Arc::clone(app.engine());
    begin(app, terms, wanted, move |work| async move {
        let downloads = request.downloads.clone();
        let mut recorder = Recorder::new(Arc::clone(&work));
        let (cancel, asker) = (work.cancel.clone(), work.terms.asker.clone());
        let io = RunIo { events: &mut recorder, stdin, cancel, asker };
        let result = engine.run_for(&domain, request, io).await;
        let bytes = recorder.finish();
        let view = RunResultView::of(result?, &downloads)?;
        drop(scratch);
        ReadyJson::of(&view, bytes)
    })
    .await
}

impl RunResultView {
    fn of(result: RunResult, downloads: &[api::DownloadSpec]) -> Result<Self, Failure> {
        let explanation = explain(&result.outcome, [&result.stdout, &result.stderr]);
        Ok(Self {
            outcome: result.outcome,
            phase: result.phase,
            stdout: result.stdout,
            stderr: result.stderr,
            files: parcel::unpack(result.files, downloads)?,
            changes: result.changes,
            usage: result.usage,
            enforcement: result.enforcement,
            digests: result.digests,
            explanation,
        })
    }
}

fn find(app: &App, caller: &Principal, id: &str) -> Result<Arc<Work>, Failure> {
    let id = id.parse::<RunId>().map_err(|_| Failure::not_found("run"))?;
    let found = app.works().find(&caller.tenant, &id.to_string());
    found.ok_or_else(|| Failure::not_found("run"))
}

/// How long a client waits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Waits so long for its end, at most a minute.
    wait_ms: Option<u64>,
}

/// A run, and what came of it.
#[utoipa::path(get, path = "/runs/{run_id}", tag = "runs", operation_id = "run_get",
    params(("run_id" = String, Path, description = "The run."), Wait),
    responses((status = 200, description = "It is this.", body = Run),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
    Params(wait): Params<Wait>,
) -> Result<Encoded<Run>, Failure> {
    let work = find(&app, &caller, &run_id)?;
    if let Some(wait) = wait.wait_ms {
        // Whether it has ended is told either way.
        let _ = timeout(Duration::from_millis(wait).min(WAIT_MAX), work.end()).await;
    }
    Ok(Encoded(Run::of(&work)))
}

/// Takes a run back.
#[utoipa::path(post, path = "/runs/{run_id}/cancel", tag = "runs", operation_id = "run_cancel",
    params(("run_id" = String, Path, description = "The run.")),
    responses((status = 200, description = "It is over.", body = Run),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn cancel(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(run_id): Path<String>,
) -> Result<Encoded<Run>, Failure> {
    let work = find(&app, &caller, &run_id)?;
    work.cancel.cancel();
    let _ = timeout(WAIT_MAX, work.end()).await;
    Ok(Encoded(Run::of(&work)))
}

/// Which runs are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// How many at most, from 1 to 1000.
    limit: Option<i64>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Those that have this label, `KEY=VALUE`.
    label: Option<String>,
    /// Those that are there.
    status: Option<Status>,
}

/// Some runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunList {
    /// The latest first.
    runs: Vec<Run>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// The caller's runs of the last hour.
#[utoipa::path(get, path = "/runs", tag = "runs", operation_id = "run_list", params(Filter),
    responses((status = 200, description = "They are these.", body = RunList),
        (status = "default", description = "They could not be listed.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Params(filter): Params<Filter>,
) -> Result<Encoded<RunList>, Failure> {
    let size = page_size(filter.limit)?;
    let before = read_cursor(filter.cursor.as_deref())?;
    let label = read_label(filter.label.as_deref())?;
    let is_wanted = |work: &Arc<Work>| {
        has_label(&work.terms.labels, label.as_ref())
            && filter.status.is_none_or(|wanted| wanted == status(work))
    };
    let works = app.works().runs(&caller.tenant, before.as_deref());
    let works: Vec<_> = works.into_iter().filter(is_wanted).collect();
    let size = fitting(&works, size);
    let page = page(works, size, |work: &Arc<Work>| work.id().to_owned());
    let runs = page.items.iter().map(|work| Run::of(work)).collect();
    Ok(Encoded(RunList { runs, next_cursor: page.next_cursor }))
}

/// How many of the first go on one page: at least one, whatever its size.
fn fitting(works: &[Arc<Work>], size: usize) -> usize {
    let mut bytes = 0_usize;
    let fits = |work: &&Arc<Work>| {
        let ended = work.ended();
        let result = ended.as_ref().and_then(|ended| ended.result.as_ref().ok());
        bytes += result.map_or(0, ReadyJson::len);
        bytes <= PAGE_BYTES_MAX
    };
    works.iter().take(size).take_while(fits).count().max(1)
}

/// From where events are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// The number of the last event that the client has; all of them if left out.
    from: Option<u64>,
}

/// The events of a run that is streamed, asynchronous, or goes on without its client;
/// those after the header `Last-Event-ID`, or after `from`.
#[utoipa::path(get, path = "/runs/{run_id}/events", tag = "runs", operation_id = "run_events",
    params(("run_id" = String, Path, description = "The run."), From),
    responses(
        (status = 200, description = "They are these.", content((String = "text/event-stream"),
            (String = "application/x-ndjson"))),
        (status = "default", description = "There are none.", body = FailureBody)))]
pub(crate) async fn events(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
    Params(from): Params<From>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let work = find(&app, &caller, &run_id)?;
    let Some(log) = work.log() else { return Err(Failure::not_found("stream of events")) };
    let after = match headers.get("last-event-id") {
        Some(value) => value.to_str().ok().and_then(|text| text.parse::<u64>().ok()),
        None => Some(from.from.unwrap_or(0)),
    };
    let after = after.filter(|after| *after <= log.last());
    let after = after.ok_or_else(|| Failure::malformed("the run has no event of that number"))?;
    let form = Form::accepted(&headers).unwrap_or(Form::Sse);
    let reading = Reading::new(&app, &caller, &work, (form, after), CancelOnDrop(None))?;
    Ok(stream::body(work, reading))
}
