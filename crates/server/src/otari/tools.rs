//! `POST /sessions/{id}/programmatic-tools/register`: functions of the client's that
//! code in its session may call.

use std::{sync::Arc, time::Duration};

use axum::{
    Json as Encoded,
    extract::{Request, State},
    http::StatusCode,
};
use engine::{SessionError, ToolSpec};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    body::{BODY, required_body},
    handle::Named,
    lax::{Fields, list, string, within},
    wrong::{Detail, Problem, Wrong},
};
use crate::{app::App, http::Runner, tools::Callback};

/// The longest that a call may take, in seconds.
const TIME_MAX: i64 = 3600;
/// How long it may take if nobody says, in seconds.
const TIME_DEFAULT: i64 = 300;
/// Where the module would lie if it were a file.
const STUB_PATH: &str = "/lib/_platform_tools.py";

/// A function.
#[derive(Debug, ToSchema)]
pub(crate) struct Function {
    /// What code calls it.
    name: String,
    /// What it does.
    #[schema(required = false)]
    doc: String,
}

/// Functions, and where calls of them go.
#[derive(Debug, ToSchema)]
pub(crate) struct Registration {
    /// Where calls are posted to.
    callback_url: String,
    /// Shown there with each call.
    token: String,
    /// The functions; those registered before are gone.
    #[schema(required = false)]
    tools: Vec<Function>,
    /// How long a call may take.
    #[schema(required = false, minimum = 1, maximum = 3600, default = 300)]
    timeout_seconds: i64,
}

/// What was registered.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registered {
    /// The module in which code finds the functions.
    stub_path: &'static str,
    /// How many there are.
    tool_count: usize,
}

impl Registration {
    fn read(body: &Value) -> Result<Self, Wrong> {
        let mut fields = Fields::of(body, BODY)?;
        let callback_url = fields.required("callback_url", &string);
        let token = fields.required("token", &string);
        let tools = fields.optional("tools", &list(function)).unwrap_or_default();
        let time = fields.optional("timeout_seconds", &within(1..=TIME_MAX));
        let (Some(callback_url), Some(token), true) =
            (callback_url, token, fields.problems.is_empty())
        else {
            return Err(Wrong::Fields(fields.problems));
        };
        let timeout_seconds = time.unwrap_or(TIME_DEFAULT);
        Ok(Self { callback_url, token, tools, timeout_seconds })
    }
}

fn function(value: &Value) -> Result<Function, Vec<Problem>> {
    let mut fields = Fields::of(value, &[]).map_err(|problem| vec![problem])?;
    let name = fields.required("name", &string);
    let doc = fields.optional("doc", &string).unwrap_or_default();
    match name {
        Some(name) if fields.problems.is_empty() => Ok(Function { name, doc }),
        _ => Err(fields.problems),
    }
}

/// Registers functions that code in the session may call.
#[utoipa::path(post, path = "/sessions/{session_id}/programmatic-tools/register",
    tag = "otari", operation_id = "otari_register_tools",
    params(("session_id" = String, Path, description = "The session.", max_length = 64)),
    request_body = Registration,
    responses((status = 200, description = "They are registered.", body = Registered),
        (status = "default", description = "They cannot be.", body = Detail)))]
pub(crate) async fn register(
    State(app): State<App>,
    Runner(caller): Runner,
    named: Named,
    request: Request,
) -> Result<Encoded<Registered>, Wrong> {
    let Registration { callback_url, token, tools, timeout_seconds } =
        Registration::read(&required_body(request).await?)?;
    let entry = named.find(&app, &caller)?;
    let refused = |sentence: String| Wrong::said(StatusCode::UNPROCESSABLE_ENTITY, sentence);
    let timeout = Duration::from_secs(u64::try_from(timeout_seconds).unwrap_or(1));
    let callback = Callback { url: callback_url, token, timeout };
    let host = app.tools().tools(&callback).map_err(|error| refused(error.to_string()))?;
    let tool_count = tools.len();
    let specs = tools.into_iter().map(|Function { name, doc }| ToolSpec { name, doc }).collect();
    entry.session.set_tools(specs, Arc::new(host)).map_err(|error| match error {
        SessionError::Tools(error) => refused(error.to_string()),
        error => named.failure(error).into(),
    })?;
    Ok(Encoded(Registered { stub_path: STUB_PATH, tool_count }))
}
