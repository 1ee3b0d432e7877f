//! `/mcp`: the protocol over HTTP, in both of its generations.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::Method,
    response::{IntoResponse, Response},
    routing::any,
};
use futures_util::StreamExt;
use http_body_util::{BodyExt, Full};
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::{
    MESSAGE_BYTES_MAX,
    handler::{Handler, Way, asked},
    profile::InvalidProfile,
    seats::{Seats, on_behalf_of},
};
use crate::{
    app::App,
    http::{Failure, context, read},
    keys::Principal,
};

/// The path.
const PATH: &str = "/mcp";

type Service = StreamableHttpService<Handler, Seats>;

/// The route.
pub(crate) fn route(app: &App) -> Router<App> {
    // The gate has looked at the host and at the origin.
    let config = StreamableHttpServerConfig::default()
        .disable_allowed_hosts()
        .with_json_response(true)
        .with_max_request_body_bytes(MESSAGE_BYTES_MAX);
    let made = app.clone();
    let make = move || Ok(Handler::new(made.clone(), Way::Http));
    let service = StreamableHttpService::new(make, Arc::new(Seats::default()), config);
    let app = app.clone();
    Router::new().route(
        PATH,
        any(move |request| async move {
            answer(&app, &service, request).await.unwrap_or_else(IntoResponse::into_response)
        }),
    )
}

async fn answer(app: &App, service: &Service, request: Request) -> Result<Response, Failure> {
    let caller = request.extensions().get::<Principal>().cloned();
    let caller = caller.ok_or_else(Failure::internal)?;
    check_profile(&request)?;
    let is_stream = request.method() == Method::GET;
    let permit = is_stream.then(|| app.quotas().acquire_stream(&caller.tenant)).transpose()?;
    let request = whole(request).await?;
    let response = on_behalf_of(caller.tenant, service.handle(request)).await;
    let Some(permit) = permit else { return Ok(response.map(Body::new)) };
    // It carries nothing of its own, and so holds up nobody who ends.
    let app = app.clone();
    let until = async move { app.drain_begun().await };
    Ok(response.map(|body| {
        let chunks = BodyExt::into_data_stream(body).take_until(Box::pin(until));
        Body::from_stream(chunks.inspect(move |_| {
            let _ = &permit;
        }))
    }))
}

fn check_profile(request: &Request) -> Result<(), Failure> {
    let query = request.uri().query().unwrap_or_default();
    let asks = query.split('&').any(|pair| pair.starts_with("tools="));
    if asks && asked(request.uri()).is_none() {
        return Err(Failure::malformed(format!("tools: {InvalidProfile}")));
    }
    Ok(())
}

/// The request with its body, which came in time and is not too large; and with what is
/// known of it.
async fn whole(request: Request) -> Result<axum::http::Request<Full<bytes::Bytes>>, Failure> {
    let (mut parts, body) = request.into_parts();
    if let Some(context) = context::current() {
        parts.extensions.insert(context);
    }
    let bytes = read(&parts.headers, body, MESSAGE_BYTES_MAX).await?;
    Ok(axum::http::Request::from_parts(parts, Full::new(bytes)))
}
