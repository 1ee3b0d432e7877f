//! Turns: code for a session's kernel, and what an editor asks of one.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use api::{Completion, InputReply, InputRequest, Inspection, TurnRequest, TurnResult};
use axum::{
    Json as Encoded,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{InputSource, TurnIo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    begin::{self, OnDisconnect, Wanted, begin},
    explain::{Explanation, explain},
    sessions,
};
use crate::{
    app::App,
    http::{Failure, FailureBody, Json, OnceKey, Path, ReadyJson, Runner},
    stream::Recorder,
    table::{CancelOnDrop, Entry, Terms, Work},
};

/// The most lines of input that come with a turn.
const INPUTS_MAX: usize = 1000;

/// Code for a session's kernel.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTurn {
    /// The code.
    code: String,
    /// Whether the last expression's value is of no interest.
    #[serde(default)]
    silent: bool,
    /// The file name that tracebacks show.
    #[serde(default)]
    file_name: Option<String>,
    /// What `input()` gets, line by line; without it, `input()` is refused.
    #[serde(default)]
    inputs: Vec<String>,
    /// How long it may take; as long as the session's limit if left out or longer.
    #[serde(default)]
    wall_time_ms: Option<u64>,
    /// What becomes of it when the client goes away.
    #[serde(default)]
    on_disconnect: OnDisconnect,
}

/// What came of a turn.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TurnView {
    #[serde(flatten)]
    result: TurnResult,
    /// Why code was ended or held back.
    explanation: Option<Explanation>,
}

/// Answers code with the lines that came with it.
struct Lines(VecDeque<String>);

impl InputSource for Lines {
    fn ask(
        &mut self,
        _: InputRequest,
    ) -> std::pin::Pin<Box<dyn Future<Output = InputReply> + Send + '_>> {
        let reply = self.0.pop_front().map_or(InputReply::End, InputReply::Line);
        Box::pin(std::future::ready(reply))
    }
}

/// Runs code in the session's kernel. With `Accept: text/event-stream` or
/// `application/x-ndjson`, answers with its events as they happen.
#[utoipa::path(post, path = "/sessions/{session_id}/turns", tag = "sessions",
    operation_id = "turn_create",
    params(("session_id" = String, Path, description = "The session."), OnceKey),
    request_body = NewTurn,
    responses(
        (status = 200, description = "What came of it.", body = TurnView),
        (status = "default", description = "It could not be run.", body = FailureBody)))]
pub(crate) async fn create(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    headers: HeaderMap,
    Json(new): Json<NewTurn>,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let wanted = Wanted::new(&headers, new.on_disconnect);
    if new.inputs.len() > INPUTS_MAX {
        let message = format!("inputs: there may be {INPUTS_MAX} at most");
        return Err(Failure::unprocessable(message));
    }
    let terms = Terms::inside(entry.session.id(), &caller, wanted.is_recorded());
    let started = start(&app, &entry, new, (terms, wanted)).await?;
    begin::answer((&app, &caller), started, wanted, |_, json| json.answer(StatusCode::OK)).await
}

impl NewTurn {
    /// Code that may take so long.
    pub(crate) fn of_code(code: String, wall_time_ms: u64) -> Self {
        Self {
            code,
            silent: false,
            file_name: None,
            inputs: Vec::new(),
            wall_time_ms: Some(wall_time_ms),
            on_disconnect: OnDisconnect::Cancel,
        }
    }
}

/// Begins code in a session's kernel.
pub(crate) async fn start(
    app: &App,
    entry: &Entry,
    new: NewTurn,
    (terms, wanted): (Terms, Wanted),
) -> Result<(Arc<Work>, CancelOnDrop), Failure> {
    let session = entry.session.clone();
    begin(app, terms, wanted, move |work| async move {
        let request = TurnRequest {
            code: new.code,
            allow_input: !new.inputs.is_empty(),
            silent: new.silent,
            file_name: new.file_name,
            ..TurnRequest::default()
        };
        let mut recorder = Recorder::new(work.clone());
        let mut lines = Lines(new.inputs.into());
        let io = TurnIo {
            events: &mut recorder,
            cancel: work.cancel.clone(),
            input: &mut lines,
            wall_time: new.wall_time_ms.map(Duration::from_millis),
            asker: work.terms.asker.clone(),
        };
        let result = session.turn(&request, io).await;
        let bytes = recorder.finish();
        ReadyJson::of(&TurnView::of(result?), bytes)
    })
    .await
}

impl TurnView {
    fn of(result: TurnResult) -> Self {
        let explanation = explain(&result.outcome, [&result.stdout, &result.stderr]);
        Self { result, explanation }
    }
}

/// Where in which code somebody asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// The code.
    code: String,
    /// After how many characters of it.
    cursor: usize,
    /// Whether more is to be told, such as the source.
    #[serde(default)]
    detail: bool,
}

/// How code can go on.
#[utoipa::path(post, path = "/sessions/{session_id}/complete", tag = "sessions",
    operation_id = "session_complete",
    params(("session_id" = String, Path, description = "The session.")),
    request_body = Place,
    responses((status = 200, description = "What can stand there.", body = Completion),
        (status = "default", description = "It could not be asked.", body = FailureBody)))]
pub(crate) async fn complete(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Json(place): Json<Place>,
) -> Result<Encoded<Completion>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    Ok(Encoded(entry.session.complete(&place.code, place.cursor).await?))
}

/// What is known of the name at a place.
#[utoipa::path(post, path = "/sessions/{session_id}/inspect", tag = "sessions",
    operation_id = "session_inspect",
    params(("session_id" = String, Path, description = "The session.")),
    request_body = Place,
    responses((status = 200, description = "What is known.", body = Inspection),
        (status = "default", description = "It could not be asked.", body = FailureBody)))]
pub(crate) async fn inspect(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Json(place): Json<Place>,
) -> Result<Encoded<Inspection>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    Ok(Encoded(entry.session.inspect(&place.code, place.cursor, place.detail).await?))
}
