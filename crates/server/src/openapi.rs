//! The routes, and the document that describes them: both from one list.

use axum::{
    Router,
    http::{StatusCode, Uri, header},
    middleware::from_fn_with_state,
    response::{Html, IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    health,
    http::{
        Failure, Reader,
        context::{Dialect, dialect},
        guard,
    },
    mcp, metrics, otari, v1,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cellblock",
        description = "Runs code that nobody vouches for: one-shot runs, and sessions that keep \
                       their state. What code does is an outcome in an answer with status 200; \
                       other statuses are about the request and the server.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&Keys),
    components(schemas(api::StreamName, v1::Format, v1::Status)),
    security((), ("key" = [])),
    tags(
        (name = "runs", description = "One-shot runs."),
        (name = "projects", description = "Code kept in git, run on snapshots of data."),
        (name = "records", description = "What is kept of every run, turn and command."),
        (name = "sessions", description = "Sandboxes that keep their state."),
        (name = "commands", description = "Programs beside a session's kernel."),
        (name = "otari", description = "Sessions by the protocol of otari's sandbox."),
        (name = "files", description = "Files of a session."),
        (name = "server", description = "The server itself.")
    )
)]
struct Document;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// Everything that is answered.
pub(crate) fn router(app: App) -> Router {
    let (router, document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .nest("/v1", v1::router(&app))
        .merge(otari::router())
        .split_for_parts();
    let text = document.to_pretty_json().unwrap_or_default();
    let document = move |_: Reader| async move {
        ([(header::CONTENT_TYPE, "application/json")], text).into_response()
    };
    router
        .route("/openapi.json", axum::routing::get(document))
        .merge(mcp::route(&app))
        .route("/metrics", axum::routing::get(metrics::page))
        .route("/docs", axum::routing::get(docs))
        .route("/docs.js", axum::routing::get(docs_script))
        .route("/docs.css", axum::routing::get(docs_style))
        .fallback(nothing)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(app.clone(), guard))
        .with_state(app)
}

async fn docs(_: Reader) -> Html<&'static str> {
    Html(include_str!("docs.html"))
}

async fn docs_script(_: Reader) -> Response {
    ([(header::CONTENT_TYPE, "text/javascript")], include_str!("docs.js")).into_response()
}

async fn docs_style(_: Reader) -> Response {
    ([(header::CONTENT_TYPE, "text/css")], include_str!("docs.css")).into_response()
}

async fn nothing(uri: Uri) -> Response {
    if dialect() == Dialect::Own {
        return nothing_of_ours().into_response();
    }
    match without_slash(&uri) {
        Some(place) => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, place)]).into_response()
        }
        None => Failure::new(StatusCode::NOT_FOUND, api::ErrorCode::NotFound, "Not Found")
            .into_response(),
    }
}

/// Where clients of the session protocol look next who put a slash behind a path of it.
fn without_slash(uri: &Uri) -> Option<String> {
    let place = uri.path().strip_suffix('/')?;
    let is_known = place == "/health" || place == "/sessions" || place.starts_with("/sessions/");
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    is_known.then(|| format!("{place}{query}"))
}

fn nothing_of_ours() -> Failure {
    Failure::new(StatusCode::NOT_FOUND, api::ErrorCode::NotFound, "there is nothing at this path")
        .hint("/docs lists what there is")
}

async fn wrong_method() -> Failure {
    let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, api::ErrorCode::MethodNotAllowed);
    let message = match dialect() {
        Dialect::Own => "this path does not take this method",
        Dialect::Otari => "Method Not Allowed",
    };
    Failure::new(status, code, message)
}
