//! Whether there is a server, and whether it takes work.

use std::time::Duration;

use api::ErrorCode;
use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{Failure, FailureBody},
    keys::Principal,
};

/// When to look again: another server has its place by then.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
    /// Sessions now; only for callers who are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    session_count: Option<usize>,
    /// The most there may be; only for callers who are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_sessions: Option<usize>,
}

/// The most sessions that there may be by the session protocol, which is who asks.
fn most(app: &App) -> usize {
    app.config().otari.sessions_max.min(app.config().sessions_max)
}

/// Whether there is a server.
#[utoipa::path(get, path = "/health", tag = "server", security(()),
    responses((status = 200, description = "It is there.", body = Health)))]
pub(crate) async fn health(
    State(app): State<App>,
    principal: Option<Extension<Principal>>,
) -> Json<Health> {
    let tells = principal.is_some();
    Json(Health {
        status: "ok",
        session_count: tells.then(|| app.sessions().count_handles()),
        max_sessions: tells.then(|| most(&app)),
    })
}

/// Whether the server takes work.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Ready {
    /// `ready`.
    status: &'static str,
}

/// Whether the server takes work; while it is ending, it does not.
#[utoipa::path(get, path = "/ready", tag = "server", security(()),
    responses((status = 200, description = "It does.", body = Ready),
        (status = "default", description = "It does not.", body = FailureBody)))]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Ready>, Failure> {
    if app.is_draining() {
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Busy);
        let failure = Failure::new(status, code, "the server is ending");
        return Err(failure.retry(RETRY_AFTER));
    }
    Ok(Json(Ready { status: "ready" }))
}
