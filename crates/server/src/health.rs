//! Whether there is a server, and whether it takes work.

use axum::{Extension, Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{app::App, keys::Principal};

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
        session_count: tells.then(|| app.sessions().count()),
        max_sessions: tells.then(|| app.config().sessions_max),
    })
}
