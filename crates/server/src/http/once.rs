//! `Idempotency-Key`: a request that is sent twice under one key is carried out once.

use api::ErrorCode;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::{
    Failure, context,
    extract::{JSON_BYTES_MAX, read},
};
use crate::{
    app::App,
    keys::Principal,
    table::{Known, Reply, RequestKey},
};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const KEY_BYTES_MAX: usize = 255;
/// The largest answer that is kept.
const REPLY_BYTES_MAX: u64 = 1 << 20;

/// What a client may send with a creation, for the document that describes them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it describes what is read by hand")]
pub(crate) struct OnceKey {
    /// 1 to 255 visible characters of the client's choice. The same request under the same
    /// key is carried out once, and answered again for an hour.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
}

/// Answers a request that was answered before with the same answer. One whose client goes
/// away is given up, and may be sent again.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    match is_asked(&request) {
        true => answer(&app, request, next).await.unwrap_or_else(IntoResponse::into_response),
        false => next.run(request).await,
    }
}

/// The same of what goes on when its client goes away: who comes back under the key gets
/// the answer that it missed.
pub(crate) async fn once_to_the_end(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Response {
    if !is_asked(&request) {
        return next.run(request).await;
    }
    let context = context::current();
    let answered = tokio::spawn(async move {
        // An error tells the request's id, which only the context knows.
        let answer =
            async { answer(&app, request, next).await.unwrap_or_else(IntoResponse::into_response) };
        match context {
            Some(context) => context.around(answer).await,
            None => answer.await,
        }
    });
    match answered.await {
        Ok(response) => response,
        // Whoever looks after requests says so and answers.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Failure::internal().into_response(),
    }
}

fn is_asked(request: &Request) -> bool {
    request.method() == Method::POST && request.headers().contains_key(KEY)
}

async fn answer(app: &App, request: Request, next: Next) -> Result<Response, Failure> {
    let key = request_key(&request)?;
    let (parts, body) = request.into_parts();
    let bytes = read(&parts.headers, body, JSON_BYTES_MAX).await?;
    let digest: [u8; 32] = Sha256::digest(&bytes).into();
    match app.replies().look(&key, digest) {
        Known::New => {}
        Known::Answered(reply) => return Ok(replay(reply)),
        Known::UnderWay => {
            let message = "a request with this Idempotency-Key is being carried out";
            return Err(conflict(message).retry(std::time::Duration::from_secs(1)));
        }
        Known::NotKept => {
            let message = "the answer to this Idempotency-Key was a stream, or too long to keep";
            return Err(conflict(message).hint("ask for the run by its id"));
        }
        Known::Other => {
            return Err(conflict("the Idempotency-Key was used for another request"));
        }
    }
    let mut pending = Pending { app, key: Some(key) };
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    pending.settle(response).await
}

fn request_key(request: &Request) -> Result<RequestKey, Failure> {
    let mut given = request.headers().get_all(KEY).iter();
    let key = given.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_text =
        (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    let is_sane = is_text && given.next().is_none();
    if !is_sane {
        let message = "Idempotency-Key: one, of 1 to 255 visible characters";
        return Err(Failure::unprocessable(message));
    }
    let principal = request.extensions().get::<Principal>().ok_or_else(Failure::internal)?;
    let path = request.uri().path().to_owned();
    Ok(RequestKey { tenant: principal.tenant.clone(), path, key: key.to_owned() })
}

fn conflict(message: &str) -> Failure {
    Failure::new(StatusCode::CONFLICT, ErrorCode::Conflict, message)
}

fn replay(reply: Reply) -> Response {
    let mut response = (reply.status, Body::from(reply.body)).into_response();
    *response.headers_mut() = reply.headers;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// A request that is being carried out; whoever gives it up lets it be sent again.
struct Pending<'a> {
    app: &'a App,
    key: Option<RequestKey>,
}

impl Pending<'_> {
    /// Keeps the answer, if it is a good one.
    async fn settle(&mut self, response: Response) -> Result<Response, Failure> {
        if !response.status().is_success() {
            return Ok(response);
        }
        let Some(key) = self.key.take() else { return Ok(response) };
        let size = response.headers().get(header::CONTENT_LENGTH);
        let size = size.and_then(|size| size.to_str().ok()?.parse::<u64>().ok());
        let size = size.or_else(|| http_body::Body::size_hint(response.body()).exact());
        if size.is_none_or(|size| size > REPLY_BYTES_MAX) {
            self.app.replies().settle(&key, None);
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|_| Failure::internal())?.to_bytes();
        let (status, headers) = (parts.status, parts.headers.clone());
        let reply = Reply { status, headers, body: body.clone() };
        self.app.replies().settle(&key, Some(reply));
        Ok(Response::from_parts(parts, Body::from(body)))
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.app.replies().forget(key);
        }
    }
}
