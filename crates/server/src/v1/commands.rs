//! Commands of a session: programs beside its kernel, waited for or in the background.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use api::{CommandId, ErrorBody, FileChange, Outcome, RunResult, Signal, StreamName};
use axum::{
    Json as Encoded,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::{Command, CommandInfo, Input, RunIo, SessionRun, SessionRunResult};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::{
    begin::{self, OnDisconnect, WAIT_MAX, Wanted, begin},
    explain::{Explanation, explain},
    program, sessions,
    view::moment,
};
use crate::{
    app::App,
    http::{Failure, FailureBody, Json, OnceKey, Params, Path, Reader, ReadyJson, Runner, names},
    keys::Principal,
    stream::Recorder,
    table::{CancelOnDrop, Entry, Terms, Work},
};

/// How long a client waits for the end of what it has ended.
const END_TIME_MAX: Duration = Duration::from_secs(5);
/// The most of a log that is read in one request.
const LOG_PIECE_MAX: usize = 1 << 20;

/// A program that is wanted beside a session's kernel: `code` with its `language`, or a
/// `command`, or a line for the `shell`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCommand {
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
    /// What it reads from its standard input; in the background, more can follow.
    #[serde(default)]
    stdin: Option<String>,
    /// The directory to start in, in the workspace; the workspace if left out.
    #[serde(default)]
    cwd: Option<String>,
    /// Env vars besides those of the session.
    #[serde(default, deserialize_with = "names")]
    env_vars: BTreeMap<String, String>,
    /// How long it may take; as long as a turn if left out or longer. In the background
    /// it is as long as the session lives.
    #[serde(default)]
    wall_time_ms: Option<u64>,
    /// Whether nobody waits for it.
    #[serde(default)]
    background: bool,
    /// What becomes of it when the client that waits goes away.
    #[serde(default)]
    on_disconnect: OnDisconnect,
}

/// What came of a command that was waited for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandResult {
    #[serde(flatten)]
    result: RunResult,
    /// Files that were created, changed or deleted meanwhile.
    changes: Vec<FileChange>,
    /// Why code was ended or held back.
    explanation: Option<Explanation>,
}

impl CommandResult {
    fn of(done: SessionRunResult) -> Self {
        let SessionRunResult { result, changes } = done;
        let explanation = explain(&result.outcome, [&result.stdout, &result.stderr]);
        Self { result, changes, explanation }
    }
}

/// A command in the background.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandView {
    /// Its id.
    command_id: CommandId,
    /// What runs.
    what: String,
    /// Where it is.
    status: CommandStatus,
    /// When it began, RFC 3339.
    #[schema(format = "date-time")]
    started_at: String,
    /// When it ended, RFC 3339.
    #[schema(format = "date-time")]
    ended_at: Option<String>,
    /// How it ended.
    #[schema(value_type = Option<Outcome>)]
    outcome: Option<Outcome>,
    /// Why it could not be run.
    error: Option<ErrorBody>,
}

/// Where a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CommandStatus {
    /// It is under way.
    Running,
    /// It has ended.
    Ended,
}

impl CommandView {
    fn of(info: CommandInfo) -> Self {
        let status =
            if info.ended.is_some() { CommandStatus::Ended } else { CommandStatus::Running };
        Self {
            command_id: info.id,
            what: info.what,
            status,
            started_at: moment(info.started),
            ended_at: info.ended.map(moment),
            outcome: info.outcome,
            error: info.error,
        }
    }
}

/// Runs a program beside the session's kernel. In the background, answers when it has
/// begun; else when it is over, or with its events as `Accept` asks.
#[utoipa::path(post, path = "/sessions/{session_id}/commands", tag = "commands",
    operation_id = "command_create",
    params(("session_id" = String, Path, description = "The session."), OnceKey),
    request_body = NewCommand,
    responses(
        (status = 200, description = "It is over.", body = CommandResult),
        (status = 201, description = "It runs in the background.", body = CommandView),
        (status = "default", description = "It could not be run.", body = FailureBody)))]
pub(crate) async fn create(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewCommand>,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let wanted = Wanted::new(&headers, new.on_disconnect);
    let is_background = new.background;
    let stdin = new.stdin.clone();
    let run = wanted_run(new)?;
    if is_background {
        return background(&app, &caller, &entry.session, run, stdin).await;
    }
    let terms = Terms::inside(entry.session.id(), &caller, wanted.is_recorded());
    let started = start(&app, &entry, (run, stdin), (terms, wanted)).await?;
    begin::answer((&app, &caller), started, wanted, |_, json| json.answer(StatusCode::OK)).await
}

/// Begins a program beside the session's kernel, which is waited for.
pub(crate) async fn start(
    app: &App,
    entry: &Entry,
    (run, stdin): (SessionRun, Option<String>),
    (terms, wanted): (Terms, Wanted),
) -> Result<(Arc<Work>, CancelOnDrop), Failure> {
    let session = entry.session.clone();
    begin(app, terms, wanted, move |work| async move {
        let mut recorder = Recorder::new(Arc::clone(&work));
        let stdin = stdin.map_or(Input::Empty, |text| Input::of_bytes(text.into_bytes()));
        let (cancel, asker) = (work.cancel.clone(), work.terms.asker.clone());
        let io = RunIo { events: &mut recorder, stdin, cancel, asker };
        let done = session.run(&run, io).await;
        let bytes = recorder.finish();
        ReadyJson::of(&CommandResult::of(done?), bytes)
    })
    .await
}

fn wanted_run(new: NewCommand) -> Result<SessionRun, Failure> {
    let NewCommand { language, code, file_name, command, shell, .. } = new;
    let asked = program::Wanted { language, code, file_name, command, shell };
    let (program, args) = program::with_args(asked, new.args)?;
    Ok(SessionRun {
        args,
        wall_time: new.wall_time_ms.map(Duration::from_millis),
        directory: new.cwd.map(PathBuf::from),
        env_vars: new.env_vars,
        ..SessionRun::new(program)
    })
}

async fn background(
    app: &App,
    caller: &Principal,
    session: &engine::Session,
    run: SessionRun,
    stdin: Option<String>,
) -> Result<Response, Failure> {
    // Beginning one counts; it then runs under its session's own bounds.
    let permit = app.quotas().acquire_run(&caller.tenant).await?;
    let id = session.start(run, caller.asker()).await?;
    drop(permit);
    let command = session.command(id).ok_or_else(|| Failure::not_found("command"))?;
    if let Some(text) = stdin {
        // It may have ended already, and then reads nothing.
        let _ = command.write_stdin(text.into_bytes(), false).await;
    }
    let location = format!("/v1/sessions/{}/commands/{id}", session.id());
    let view = Encoded(CommandView::of(command.info()));
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], view).into_response())
}

fn find(
    app: &App,
    caller: &Principal,
    (session_id, command_id): (&str, &str),
) -> Result<Command, Failure> {
    let entry = sessions::find(app, caller, session_id)?;
    let id = command_id.parse::<CommandId>().map_err(|_| Failure::not_found("command"))?;
    entry.session.command(id).ok_or_else(|| Failure::not_found("command"))
}

/// Commands of a session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommandList {
    /// Those in the background, the oldest first.
    commands: Vec<CommandView>,
}

/// The session's commands in the background.
#[utoipa::path(get, path = "/sessions/{session_id}/commands", tag = "commands",
    operation_id = "command_list",
    params(("session_id" = String, Path, description = "The session.")),
    responses((status = 200, description = "They are these.", body = CommandList),
        (status = "default", description = "There is no such session.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
) -> Result<Encoded<CommandList>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let commands = entry.session.commands().into_iter().map(CommandView::of).collect();
    Ok(Encoded(CommandList { commands }))
}

/// How long a client waits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wait {
    /// Waits so long for its end, at most a minute.
    wait_ms: Option<u64>,
}

/// A command in the background.
#[utoipa::path(get, path = "/sessions/{session_id}/commands/{command_id}", tag = "commands",
    operation_id = "command_get",
    params(("session_id" = String, Path, description = "The session."),
        ("command_id" = String, Path, description = "The command."), Wait),
    responses((status = 200, description = "It is this.", body = CommandView),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    Path((session_id, command_id)): Path<(String, String)>,
    Params(wait): Params<Wait>,
) -> Result<Encoded<CommandView>, Failure> {
    let command = find(&app, &caller, (&session_id, &command_id))?;
    if let Some(wait) = wait.wait_ms {
        // Whether it has ended is told either way.
        let _ = timeout(Duration::from_millis(wait).min(WAIT_MAX), command.ended()).await;
    }
    Ok(Encoded(CommandView::of(command.info())))
}

/// Ends a command in the background.
#[utoipa::path(delete, path = "/sessions/{session_id}/commands/{command_id}", tag = "commands",
    operation_id = "command_delete",
    params(("session_id" = String, Path, description = "The session."),
        ("command_id" = String, Path, description = "The command.")),
    responses((status = 204, description = "It is killed, or was over."),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Runner(caller): Runner,
    Path((session_id, command_id)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let command = find(&app, &caller, (&session_id, &command_id))?;
    command.kill();
    // Whoever looks next is not to find it at work; it is dead for sure soon after.
    let _ = timeout(END_TIME_MAX, command.ended()).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Which part of a log is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    /// `stdout` or `stderr`.
    #[param(value_type = Option<StreamName>)]
    stream: Option<StreamName>,
    /// From which byte on, counted from the command's first.
    offset: Option<u64>,
    /// How many bytes at most.
    limit: Option<u64>,
    /// Waits so long for output, at most a minute, where there is none yet.
    wait_ms: Option<u64>,
}

/// A part of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPart {
    /// It as text; bytes that are not UTF-8 are replaced by U+FFFD.
    text: String,
    /// Its bytes in base64, where they are no text.
    base64: Option<String>,
    /// Its first byte, counted from the command's first.
    offset: u64,
    /// Where what follows begins.
    next_offset: u64,
    /// The first byte that is still kept.
    oldest_offset: u64,
    /// Whether nothing will follow.
    is_ended: bool,
}

/// What a command in the background has written.
#[utoipa::path(get, path = "/sessions/{session_id}/commands/{command_id}/logs",
    tag = "commands", operation_id = "command_logs",
    params(("session_id" = String, Path, description = "The session."),
        ("command_id" = String, Path, description = "The command."), Part),
    responses((status = 200, description = "It is this.", body = LogPart),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn logs(
    State(app): State<App>,
    Reader(caller): Reader,
    Path((session_id, command_id)): Path<(String, String)>,
    Params(part): Params<Part>,
) -> Result<Encoded<LogPart>, Failure> {
    let command = find(&app, &caller, (&session_id, &command_id))?;
    let stream = part.stream.unwrap_or(StreamName::Stdout);
    let offset = part.offset.unwrap_or(0);
    if let Some(wait) = part.wait_ms {
        let wait = Duration::from_millis(wait).min(WAIT_MAX);
        let _ = timeout(wait, command.wait_for_output(stream, offset)).await;
    }
    if part.limit == Some(0) {
        return Err(Failure::malformed("limit has to be 1 or more"));
    }
    let limit = part.limit.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.unwrap_or(LOG_PIECE_MAX).min(LOG_PIECE_MAX);
    let chunk = command.logs(stream, offset, limit);
    let base64 = str::from_utf8(&chunk.bytes).is_err().then(|| STANDARD.encode(&chunk.bytes));
    Ok(Encoded(LogPart {
        text: String::from_utf8_lossy(&chunk.bytes).into_owned(),
        base64,
        offset: chunk.offset,
        next_offset: chunk.next_offset,
        oldest_offset: chunk.oldest_offset,
        is_ended: chunk.is_ended,
    }))
}

/// A signal.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSignal {
    /// Its name, such as `TERM`, or its number.
    #[schema(value_type = String, example = "TERM")]
    signal: SignalName,
}

/// A signal as clients name it.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum SignalName {
    Name(String),
    Number(i32),
}

/// Sends a command in the background a signal.
#[utoipa::path(post, path = "/sessions/{session_id}/commands/{command_id}/signal",
    tag = "commands", operation_id = "command_signal",
    params(("session_id" = String, Path, description = "The session."),
        ("command_id" = String, Path, description = "The command.")),
    request_body = NewSignal,
    responses((status = 204, description = "It is sent."),
        (status = "default", description = "It could not be.", body = FailureBody)))]
pub(crate) async fn signal(
    State(app): State<App>,
    Runner(caller): Runner,
    Path((session_id, command_id)): Path<(String, String)>,
    Json(new): Json<NewSignal>,
) -> Result<StatusCode, Failure> {
    let command = find(&app, &caller, (&session_id, &command_id))?;
    let signal = match new.signal {
        SignalName::Name(name) => name.parse::<Signal>().ok(),
        SignalName::Number(number) => Signal::try_from(number).ok(),
    };
    let unknown = || {
        let names: Vec<_> = Signal::ALL.iter().map(|signal| signal.name()).collect();
        Failure::unprocessable(format!("signal: it is one of {}", names.join(", ")))
    };
    command.signal(signal.ok_or_else(unknown)?).map_err(over)?;
    Ok(StatusCode::NO_CONTENT)
}

/// More for a command to read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInput {
    /// Text.
    #[serde(default)]
    text: Option<String>,
    /// Bytes in base64, instead of text.
    #[serde(default)]
    base64: Option<String>,
    /// Whether nothing follows.
    #[serde(default)]
    close: bool,
}

/// Writes to the standard input of a command in the background.
#[utoipa::path(post, path = "/sessions/{session_id}/commands/{command_id}/stdin",
    tag = "commands", operation_id = "command_stdin",
    params(("session_id" = String, Path, description = "The session."),
        ("command_id" = String, Path, description = "The command.")),
    request_body = NewInput,
    responses((status = 204, description = "It is written."),
        (status = "default", description = "It could not be.", body = FailureBody)))]
pub(crate) async fn stdin(
    State(app): State<App>,
    Runner(caller): Runner,
    Path((session_id, command_id)): Path<(String, String)>,
    Json(new): Json<NewInput>,
) -> Result<StatusCode, Failure> {
    let command = find(&app, &caller, (&session_id, &command_id))?;
    let bytes = match (new.text, new.base64) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(text)) => {
            STANDARD.decode(text).map_err(|_| Failure::unprocessable("base64: it is not base64"))?
        }
        (None, None) => Vec::new(),
        (Some(_), Some(_)) => {
            return Err(Failure::unprocessable("give one of text and base64"));
        }
    };
    let written = timeout(WAIT_MAX, command.write_stdin(bytes, new.close)).await;
    written.map_err(|_| busy())?.map_err(over)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was asked of a command that is over contradicts that.
fn over(error: engine::SessionError) -> Failure {
    let is_over = matches!(
        error,
        engine::SessionError::CommandEnded | engine::SessionError::Input(engine::FeedError::Closed)
    );
    let failure = Failure::from(error);
    if !is_over {
        return failure;
    }
    Failure::new(StatusCode::CONFLICT, api::ErrorCode::Conflict, failure.body.message)
}

fn busy() -> Failure {
    let (status, code) = (StatusCode::CONFLICT, api::ErrorCode::Conflict);
    Failure::new(status, code, "the command does not read what it was given before")
        .retry(Duration::from_secs(1))
}
