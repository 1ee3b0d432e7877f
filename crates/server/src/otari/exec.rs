//! `POST /sessions/{id}/exec`: one call of one of the three tools.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use engine::{Asker, Cancel, SessionError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    anthropic, bash,
    blocks::{self, Answer, Block},
    body::{BODY, required_body},
    edit_input, editor,
    handle::{Named, life_left, new_call_id},
    lax::{Fields, literal, object, sized, string, within},
    python,
    ran::Ran,
    shapes::Shapes,
    wrong::{Detail, Wrong},
};
use crate::{
    app::App,
    http::{ReadyJson, Runner},
    keys::Principal,
    table::{Entry, Terms},
    v1::begin::{self, OnDisconnect, Wanted, begin},
};

/// The longest that a call may take, in seconds.
pub(crate) const TIME_MAX: i64 = 120;
/// The most characters of code, or of a command.
const INPUT_CHARS_MAX: usize = 200_000;

const TOOLS: [&str; 3] = ["code_execution", "bash_code_execution", "text_editor_code_execution"];

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
enum Tool {
    #[serde(rename = "code_execution")]
    Python,
    #[serde(rename = "bash_code_execution")]
    Bash,
    #[serde(rename = "text_editor_code_execution")]
    Editor,
}

impl Tool {
    /// What its results are called.
    const fn result(self) -> &'static str {
        match self {
            Self::Python => "code_execution_tool_result",
            Self::Bash => "bash_code_execution_tool_result",
            Self::Editor => "text_editor_code_execution_tool_result",
        }
    }
}

/// A call of a tool.
#[derive(Debug, ToSchema)]
pub(crate) struct Call {
    /// The tool.
    tool: Tool,
    /// What it is called with: `code`; or `command`; or `command`, `path` and what else
    /// the editor needs.
    #[schema(value_type = Object)]
    input: Value,
    /// How long it may take.
    #[schema(required = false, minimum = 1, maximum = 120, default = 30)]
    timeout_seconds: Option<i64>,
    /// What the answer is known by; made up if left out.
    tool_use_id: Option<String>,
}

impl Call {
    fn read(body: &Value) -> Result<Self, Wrong> {
        let mut fields = Fields::of(body, BODY)?;
        let tool = fields.required("tool", &literal(&TOOLS));
        let input = fields.required("input", &object);
        let timeout_seconds = fields.optional("timeout_seconds", &within(1..=TIME_MAX));
        let tool_use_id = fields.nullable("tool_use_id", &string);
        let (Some(tool), Some(input), true) = (tool, input, fields.problems.is_empty()) else {
            return Err(Wrong::Fields(fields.problems));
        };
        let tool = match tool {
            0 => Tool::Python,
            1 => Tool::Bash,
            _ => Tool::Editor,
        };
        Ok(Self { tool, input, timeout_seconds, tool_use_id })
    }
}

/// What is to be done.
#[derive(Debug)]
enum Job {
    Python(String),
    Bash(String),
    Edit(edit_input::Wanted),
}

impl Job {
    fn read(tool: Tool, input: &Value) -> Result<Self, Wrong> {
        Ok(match tool {
            Tool::Python => Self::Python(text(input, "code")?),
            Tool::Bash => Self::Bash(text(input, "command")?),
            Tool::Editor => Self::Edit(edit_input::read(input)?),
        })
    }
}

fn text(input: &Value, name: &'static str) -> Result<String, Wrong> {
    let mut fields = Fields::of(input, &[])?;
    let text = fields.required(name, &sized(1..=INPUT_CHARS_MAX));
    text.ok_or(Wrong::Fields(fields.problems))
}

/// A result in the shape that was asked for.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content {
    Plain(blocks::Content),
    Run(anthropic::RunContent),
    Edit(anthropic::EditContent),
}

/// Under which terms a call is carried out.
struct Bounds {
    time: Duration,
    cancel: Cancel,
    asker: Asker,
    output_bytes: u64,
    shapes: Option<Shapes>,
}

/// Calls a tool.
#[utoipa::path(post, path = "/sessions/{session_id}/exec", tag = "otari",
    operation_id = "otari_exec",
    params(("session_id" = String, Path, description = "The session.", max_length = 64)),
    request_body = Call,
    responses(
        (status = 200, description = "What came of it.", body = Answer<blocks::Content>),
        (status = "default", description = "It could not be called.", body = Detail)))]
pub(crate) async fn exec(
    State(app): State<App>,
    Runner(caller): Runner,
    named: Named,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Wrong> {
    let call = Call::read(&required_body(request).await?)?;
    let asked = Shapes::asked(&headers)?;
    let entry = named.find(&app, &caller)?;
    let job = Job::read(call.tool, &call.input)?;
    let shapes = asked.or_else(|| entry.otari.as_ref()?.shapes);
    if shapes.is_some_and(|shapes| !shapes.have_commands()) && call.tool != Tool::Python {
        let sentence = "these block shapes have no other tool than code_execution";
        return Err(Wrong::said(StatusCode::UNPROCESSABLE_ENTITY, sentence));
    }
    let time = time(&app, &entry, call.timeout_seconds).ok_or_else(|| named.gone())?;
    let called = Called { named, entry, tool: call.tool, job, id: call.tool_use_id, shapes };
    called.answer(&app, caller, time).await
}

/// How long a call may take: not beyond the session's life. `None` where that is over.
fn time(app: &App, entry: &Entry, asked: Option<i64>) -> Option<Duration> {
    let usual = app.config().otari.wall_time;
    let asked = asked.and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    let left = life_left(&entry.session);
    Some(asked.unwrap_or(usual).min(left)).filter(|time| !time.is_zero())
}

/// A call of a tool of a session.
struct Called {
    named: Named,
    entry: Arc<Entry>,
    tool: Tool,
    job: Job,
    id: Option<String>,
    shapes: Option<Shapes>,
}

impl Called {
    async fn answer(self, app: &App, caller: Principal, time: Duration) -> Result<Response, Wrong> {
        let terms = Terms::inside(self.entry.session.id(), &caller, false);
        let wanted = Wanted { form: None, on_disconnect: OnDisconnect::Cancel };
        let output_bytes = app.config().otari.output_bytes;
        let started = begin(app, terms, wanted, move |work| async move {
            let cancel = work.cancel.clone();
            let asker = work.terms.asker.clone();
            let bounds = Bounds { time, cancel, asker, output_bytes, shapes: self.shapes };
            let began = Instant::now();
            let carried_out = carry_out(&self.entry, self.job, bounds).await;
            let (content, bytes) = carried_out.map_err(|error| self.named.failure(error))?;
            let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let id = self.id.filter(|id| !id.is_empty()).unwrap_or_else(new_call_id);
            let block = Block { kind: self.tool.result(), tool_use_id: id.clone(), content };
            let answer = Answer { tool_use_id: id, result_block: block, execution_time_ms: took };
            ReadyJson::of(&answer, bytes)
        });
        let whole = |_: &_, json: &ReadyJson| json.answer(StatusCode::OK);
        Ok(begin::answer((app, &caller), started.await?, wanted, whole).await?)
    }
}

/// Gives what the call is answered with, and how many bytes of output there are in it.
async fn carry_out(
    entry: &Entry,
    job: Job,
    bounds: Bounds,
) -> Result<(Content, usize), SessionError> {
    let Bounds { time, cancel, asker, output_bytes, shapes } = bounds;
    let of_run = |ran: Ran, names| {
        let bytes = ran.stdout.len() + ran.stderr.len();
        match shapes {
            None => (Content::Plain(blocks::of_run(ran)), bytes),
            Some(_) => (Content::Run(anthropic::of_run(ran, names)), bytes),
        }
    };
    Ok(match job {
        Job::Python(code) => {
            let ran = python::run(entry, code, (time, cancel, asker), output_bytes).await?;
            of_run(ran, anthropic::PYTHON)
        }
        Job::Bash(command) => {
            let ran = bash::run(entry, command, (time, cancel, asker), output_bytes).await?;
            of_run(ran, anthropic::BASH)
        }
        Job::Edit(wanted) => {
            let path = wanted.path.clone();
            let edited = editor::edit(&entry.session, wanted).await?;
            match shapes {
                None => (Content::Plain(blocks::of_edit(edited)), 0),
                Some(_) => (Content::Edit(anthropic::of_edit(edited, &path)), 0),
            }
        }
    })
}
