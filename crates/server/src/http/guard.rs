//! The one gate: whoever gets through is known, sent by nobody else's page, and
//! answered even if what answers panics.

use std::panic::AssertUnwindSafe;

use api::ErrorCode;
use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;

use super::{Failure, account::Account, context::Context, host};
use crate::{
    app::App,
    keys::{Principal, Scope},
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Paths that are answered to anybody: they say whether there is a server.
const OPEN: [&str; 2] = ["/health", "/ready"];

/// Lets a request through, or refuses it.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let given_id = request.headers().get(REQUEST_ID).map(|value| value.as_bytes());
    let mut context = Context::new(request.uri().path(), given_id);
    let account = Account::begin(&app, &request, &context.request_id);
    context.span = account.span();
    let response = caught(context, answer(app, request, next)).await;
    account.end(&response);
    response
}

/// The answer to a request, even if what answers panics.
async fn caught(context: Context, answer: impl Future<Output = Response>) -> Response {
    let id = context.request_id.clone();
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let mut response = context
        .around(async {
            answer.await.unwrap_or_else(|_| {
                tracing::error!(request_id = id, "what answers a request panicked");
                Failure::internal().into_response()
            })
        })
        .await;
    dress(response.headers_mut(), &id);
    response
}

async fn answer(app: App, mut request: Request, next: Next) -> Response {
    match admit(&app, &request) {
        Ok(None) => next.run(request).await,
        Ok(Some(principal)) => {
            let tenant = principal.tenant.clone();
            request.extensions_mut().insert(principal);
            let mut response = next.run(request).await;
            response.extensions_mut().insert(tenant);
            response
        }
        Err(failure) => failure.into_response(),
    }
}

/// Says who asks; nobody needs to for what is open.
fn admit(app: &App, request: &Request) -> Result<Option<Principal>, Failure> {
    let headers = request.headers();
    check_path(request.uri())?;
    host::check(request.uri(), headers, &app.config().hosts)?;
    check_transfer(headers)?;
    check_encoding(headers)?;
    let principal = app.authenticate(headers);
    if OPEN.contains(&request.uri().path()) {
        // Whoever shows no key is told less.
        return Ok(principal.ok());
    }
    principal.map(Some)
}

/// What different servers read differently is not read at all.
fn check_path(uri: &Uri) -> Result<(), Failure> {
    let path = uri.path();
    let lower = path.to_ascii_lowercase();
    let odd = ["%00", "%2f", "%5c", "%2e", "//", "\\", ";"];
    let is_odd = !path.starts_with('/')
        || odd.iter().any(|part| lower.contains(part))
        || path.split('/').any(|part| part == "." || part == "..");
    if is_odd {
        return Err(Failure::malformed("the path has parts that are not taken in a path"));
    }
    Ok(())
}

/// Two servers in a row that measure a body by different headers can be told different
/// requests.
fn check_transfer(headers: &HeaderMap) -> Result<(), Failure> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else { return Ok(()) };
    let is_plain = coding.as_bytes().eq_ignore_ascii_case(b"chunked") && codings.next().is_none();
    if is_plain && !headers.contains_key(header::CONTENT_LENGTH) {
        return Ok(());
    }
    Err(Failure::malformed("the length of the body is given in a way that is not taken"))
}

fn check_encoding(headers: &HeaderMap) -> Result<(), Failure> {
    let is_plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(is_plain) {
        return Ok(());
    }
    let message = "bodies are taken as they are, without Content-Encoding";
    let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType);
    Err(Failure::new(status, code, message))
}

/// What every answer carries.
fn dress(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
    // Some of what is handed out was made by hostile code.
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(no_store);
}

/// A caller of at least a scope.
macro_rules! caller {
    ($(#[doc = $doc:literal])+ $name:ident, $scope:expr) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug)]
        pub(crate) struct $name(pub(crate) Principal);

        impl<S: Sync> FromRequestParts<S> for $name {
            type Rejection = Failure;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
                caller(parts, $scope).map(Self)
            }
        }
    };
}

caller! {
    /// A caller who may look.
    Reader, Scope::Read
}
caller! {
    /// A caller who may run code and change files.
    Runner, Scope::Run
}
caller! {
    /// A caller who may see what concerns the whole server.
    Admin, Scope::Admin
}

fn caller(parts: &Parts, scope: Scope) -> Result<Principal, Failure> {
    let Some(principal) = parts.extensions.get::<Principal>() else {
        // A route that is open must not ask who calls.
        return Err(Failure::internal());
    };
    if principal.scope >= scope {
        return Ok(principal.clone());
    }
    let message = format!("the key's scope is {}, and this needs {scope}", principal.scope);
    Err(Failure::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered_and_nothing_of_it_is_told() {
        async fn panics() -> Response {
            panic!("a secret");
        }
        let context = || Context::new("/v1/runs", Some(b"a-request"));
        let response = caught(context(), panics()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[REQUEST_ID], "a-request");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("a-request") && !text.contains("secret"), "{text}");
        let next = caught(context(), async { StatusCode::OK.into_response() }).await;
        assert_eq!(next.status(), StatusCode::OK);
    }

    #[test]
    fn odd_paths_are_refused() {
        for path in ["/v1/runs", "/", "/v1/sessions/x/files/content?path=a/../b", "/a%20b"] {
            assert!(check_path(&path.parse().unwrap()).is_ok(), "{path}");
        }
        let odd = [
            "*",
            "/a//b",
            "/a/./b",
            "/v1/../admin",
            "/a%2fb",
            "/a%00",
            "/a;b",
            "/%2e%2e/x",
            "/a%5Cb",
        ];
        for path in odd {
            assert!(check_path(&path.parse().unwrap()).is_err(), "{path}");
        }
    }
}
