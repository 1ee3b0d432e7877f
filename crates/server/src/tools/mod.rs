//! Tools that a client registered, called over HTTP.
//!
//! Code in a sandbox says only which tool, and with which arguments. The address, the
//! token and all headers are the client's, and never enter the sandbox.
//!
//! Whoever may register tools decides where this server sends requests: to the hosts
//! around it, too, and to itself. Where clients are not trusted with that, the operator
//! names the hosts that callbacks may have. Redirects are not followed, so that a named
//! host is the only one that is asked; what it answers reaches the code of the client
//! that named it, and nobody else.

mod callback;
mod connect;
mod reply;

use std::{error::Error as _, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use engine::{BoxFuture, ToolCall, ToolHost, ToolReply};
use http_body::Body as _;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    body::Incoming,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT},
};
use hyper_util::{
    client::legacy::{Client, Error},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{sync::Semaphore, time::timeout};
use uuid::Uuid;

pub use callback::CallbackError;
use callback::address;
pub(crate) use connect::Connector;
use reply::RESPONSE_BYTES_MAX;

/// Calls of all sessions that are in flight at the same time; further ones wait, at the
/// cost of their own time.
const CALLS_AT_ONCE_MAX: usize = 256;
/// Connections to one host that are kept for the next call.
const IDLE_CONNECTIONS_MAX: usize = 8;
/// How long such a connection is kept.
const IDLE_CONNECTION_TIME: Duration = Duration::from_secs(30);
/// The longest that a call may take.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(3600);
/// What is told of a failed connection: enough for any operating system's words.
const CAUSE_CHARS_MAX: usize = 200;

type HttpClient = Client<Connector, Full<Bytes>>;

/// Calls tools for all sessions.
#[derive(Clone)]
pub struct ToolCaller {
    shared: Arc<Shared>,
}

struct Shared {
    client: HttpClient,
    /// The hosts that callbacks may have; any if `None`.
    hosts: Option<Vec<String>>,
    places: Semaphore,
}

/// Where a client has its tools.
#[derive(Clone)]
pub struct Callback {
    /// The address that calls are posted to.
    pub url: String,
    /// Shown to it with each call.
    pub token: String,
    /// How long a call may take; at most [`CALL_TIME_MAX`].
    pub timeout: Duration,
}

/// The tools of one session.
pub struct HttpTools {
    shared: Arc<Shared>,
    url: Uri,
    headers: HeaderMap,
    timeout: Duration,
}

impl fmt::Debug for ToolCaller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ToolCaller")
            .field("hosts", &self.shared.hosts)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address may hold secrets as well.
        formatter.debug_struct("Callback").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpTools {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host().unwrap_or_default();
        formatter.debug_struct("HttpTools").field("host", &host).finish_non_exhaustive()
    }
}

impl ToolCaller {
    /// With these hosts for callbacks, each a name or an address, with a port or without;
    /// any host if `None`. Certificates are judged by what this machine trusts.
    #[must_use]
    pub fn new(callback_hosts: Option<Vec<String>>) -> Self {
        Self::with(Connector::new(), callback_hosts)
    }

    fn with(connector: Connector, callback_hosts: Option<Vec<String>>) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        let places = Semaphore::new(CALLS_AT_ONCE_MAX);
        Self { shared: Arc::new(Shared { client, hosts: callback_hosts, places }) }
    }

    /// The tools of a client that has them there.
    ///
    /// # Errors
    /// There can be no callback like that, or the operator does not allow it.
    pub fn tools(&self, callback: &Callback) -> Result<HttpTools, CallbackError> {
        let Callback { url, token, timeout } = callback;
        let url = address(url, self.shared.hosts.as_deref())?;
        let headers = headers(token)?;
        let timeout = (*timeout).min(CALL_TIME_MAX);
        Ok(HttpTools { shared: Arc::clone(&self.shared), url, headers, timeout })
    }
}

fn headers(token: &str) -> Result<HeaderMap, CallbackError> {
    if token.is_empty() {
        return Err(CallbackError::EmptyToken);
    }
    let bearer = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut bearer = bearer.map_err(|_| CallbackError::Token)?;
    bearer.set_sensitive(true);
    let json = HeaderValue::from_static("application/json");
    let agent = HeaderValue::from_static(concat!("cellblock/", env!("CARGO_PKG_VERSION")));
    let headers = [
        (AUTHORIZATION, bearer),
        (CONTENT_TYPE, json.clone()),
        (ACCEPT, json),
        (USER_AGENT, agent),
    ];
    Ok(headers.into_iter().collect())
}

impl ToolHost for HttpTools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolReply> {
        Box::pin(async move {
            let answered = timeout(self.timeout, self.ask(&call)).await;
            let answered = answered.unwrap_or(Err(Failure::Time(self.timeout)));
            answered.unwrap_or_else(|failure| ToolReply::Error(failure.said_of(&call.name)))
        })
    }
}

/// Why there is no answer of the tool's.
enum Failure {
    Status(StatusCode),
    Unreachable(String),
    Transport(String),
    Time(Duration),
}

impl Failure {
    /// What the code is told.
    fn said_of(&self, name: &str) -> String {
        match self {
            Self::Status(status) => format!("tool '{name}' failed: HTTP {}", status.as_u16()),
            Self::Unreachable(cause) => format!("tool '{name}' unreachable: {cause}"),
            Self::Transport(cause) => format!("tool '{name}' transport error: {cause}"),
            Self::Time(time) => {
                let seconds = time.as_secs_f64();
                format!("tool '{name}' transport error: no answer within {seconds} seconds")
            }
        }
    }

    fn of(error: &Error) -> Self {
        let mut cause = error.source();
        while let Some(deeper) = cause.and_then(|cause| cause.source()) {
            cause = Some(deeper);
        }
        let text = cause.map_or_else(|| error.to_string(), ToString::to_string);
        let text = text.chars().take(CAUSE_CHARS_MAX).collect();
        if error.is_connect() { Self::Unreachable(text) } else { Self::Transport(text) }
    }
}

impl HttpTools {
    async fn ask(&self, call: &ToolCall) -> Result<ToolReply, Failure> {
        let closed = |_| Failure::Unreachable("the server is ending".to_owned());
        let _place = self.shared.places.acquire().await.map_err(closed)?;
        let response = self.shared.client.request(self.request(call)).await;
        let response = response.map_err(|error| Failure::of(&error))?;
        if !response.status().is_success() {
            return Err(Failure::Status(response.status()));
        }
        let body = body(response).await?;
        reply::read(&body).map_err(|problem| Failure::Transport(problem.to_owned()))
    }

    fn request(&self, call: &ToolCall) -> Request<Full<Bytes>> {
        let body = reply::body(&Uuid::now_v7().simple().to_string(), call);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

async fn body(response: Response<Incoming>) -> Result<Bytes, Failure> {
    let too_long =
        || Failure::Transport(format!("the answer has more than {RESPONSE_BYTES_MAX} bytes"));
    // What is announced need not be waited for.
    if response.body().size_hint().lower() > RESPONSE_BYTES_MAX as u64 {
        return Err(too_long());
    }
    let limited = Limited::new(response.into_body(), RESPONSE_BYTES_MAX);
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| {
        if error.is::<LengthLimitError>() {
            too_long()
        } else {
            Failure::Transport("the answer broke off".to_owned())
        }
    };
    Ok(limited.collect().await.map_err(failed)?.to_bytes())
}

#[cfg(test)]
mod tests;
