//! Tools of a session: functions of the client's that code inside may call.

use std::{sync::Arc, time::Duration};

use axum::{Json as Encoded, extract::State};
use engine::ToolSpec;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions;
use crate::{
    app::App,
    http::{Failure, FailureBody, Json, Path, Runner, objects},
    tools::{CALL_TIME_MAX, Callback},
};

/// How long a call may take where the client does not say.
const CALL_TIME_DEFAULT: Duration = Duration::from_secs(300);
/// The module that code imports them from.
const MODULE: &str = "_platform_tools";

/// A function of the client's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTool {
    /// Its name, as code calls it.
    name: String,
    /// What it does, for whoever writes the code.
    #[serde(default)]
    doc: String,
}

/// The functions of the client's, and where it answers for them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewTools {
    /// Every one; those of before that are not here are gone.
    #[serde(deserialize_with = "objects")]
    tools: Vec<NewTool>,
    /// Where calls are posted to, by the server.
    callback_url: String,
    /// What the server shows there. It never enters the sandbox.
    token: String,
    /// How long a call may take; five minutes if left out.
    #[serde(default)]
    timeout_ms: Option<u64>,
}

/// What code can import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ToolsView {
    /// The module.
    module: &'static str,
    /// How many functions it has.
    tool_count: usize,
}

/// Gives a session's code functions that the client answers for: they take keyword
/// arguments, and each call is a POST of `{"call_id", "name", "input"}` to the callback,
/// which answers `{"content", "is_error"}`.
#[utoipa::path(post, path = "/sessions/{session_id}/tools", tag = "sessions",
    operation_id = "session_register_tools",
    params(("session_id" = String, Path, description = "The session.")),
    request_body = NewTools,
    responses((status = 200, description = "They can be called from the next turn on.",
            body = ToolsView),
        (status = "default", description = "They cannot be.", body = FailureBody)))]
pub(crate) async fn register(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Json(new): Json<NewTools>,
) -> Result<Encoded<ToolsView>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let timeout = new.timeout_ms.map_or(CALL_TIME_DEFAULT, Duration::from_millis);
    if timeout.is_zero() || timeout > CALL_TIME_MAX {
        let message = format!("timeout_ms: from 1 to {}", CALL_TIME_MAX.as_millis());
        return Err(Failure::unprocessable(message));
    }
    let callback = Callback { url: new.callback_url, token: new.token, timeout };
    let host = app.tools().tools(&callback);
    let host = host.map_err(|error| Failure::unprocessable(error.to_string()))?;
    let specs: Vec<_> = new.tools.into_iter().map(NewTool::spec).collect();
    let tool_count = specs.len();
    entry.session.set_tools(specs, Arc::new(host))?;
    Ok(Encoded(ToolsView { module: MODULE, tool_count }))
}

impl NewTool {
    fn spec(self) -> ToolSpec {
        ToolSpec { name: self.name, doc: self.doc }
    }
}
