//! What a client is told when a request cannot be answered: one shape, one place
//! where errors become statuses.

use std::time::Duration;

use api::{ErrorBody, ErrorCode};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{RunError, SessionError};
use project::ProjectError;
use record::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use super::context::{self, Dialect};
use crate::quota::{QuotaError, QuotaKind};

/// How long a client that found no room is told to wait where nothing better is known.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request cannot be answered as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    pub(crate) body: ErrorBody,
    pub(crate) retry_after: Option<Duration>,
}

/// The shape of every error.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureBody {
    /// What went wrong.
    error: ErrorBody,
    /// The request that it is about, as the header `X-Request-Id` has it.
    request_id: String,
}

/// The shape that clients of the session protocol know.
#[derive(Debug, Serialize)]
struct Detail<'a> {
    detail: &'a str,
}

impl Failure {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        let body = ErrorBody { code, message: message.into(), hint: None, retryable: false };
        Self { status, body, retry_after: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.body.hint = Some(hint.into());
        self
    }

    /// The same request may succeed after so long.
    pub(crate) fn retry(mut self, after: Duration) -> Self {
        self.body.retryable = true;
        self.retry_after = Some(after);
        self
    }

    /// The request is not one that could be understood.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::InvalidRequest, message)
    }

    /// The request is understood, and asks for what cannot be.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::InvalidRequest, message)
    }

    /// There is none, or none for this caller: the two look the same.
    pub(crate) fn not_found(what: &str) -> Self {
        let message = format!("there is no such {what}");
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, message)
    }

    /// The request came too slowly.
    pub(crate) fn too_slow() -> Self {
        let message = "the request did not arrive in time";
        Self::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::TooSlow, message)
    }

    /// The request's body is too large.
    pub(crate) fn too_large(maximum: u64) -> Self {
        let message = format!("the request is larger than {maximum} bytes, which is the most");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, message)
    }

    /// A defect of ours. What it was is for the log alone.
    pub(crate) fn internal() -> Self {
        let message = "the server failed; its log tells more under the request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message)
    }

    fn of(body: ErrorBody) -> Self {
        let status = status(body.code);
        if status.is_server_error() {
            tracing::warn!(code = ?body.code, message = body.message, "a request failed");
        }
        let retry_after = body.retryable.then_some(RETRY_AFTER);
        Self { status, body, retry_after }
    }
}

/// The status of each kind of error.
const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::InvalidRequest
        | ErrorCode::EnvironmentNotFound
        | ErrorCode::LanguageUnknown
        | ErrorCode::ToolchainMissing => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::FileNotFound | ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        ErrorCode::PolicyRefused | ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::SessionClosed => StatusCode::GONE,
        ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ErrorCode::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorCode::TooSlow => StatusCode::REQUEST_TIMEOUT,
        ErrorCode::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Busy | ErrorCode::ControlMissing => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::LaunchFailed | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Run(error) => error.into(),
            error => Self::of(error.body()),
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let failure = Self::of(error.body());
        match failure.status {
            // It is about what is to be run, not about the path that was asked.
            StatusCode::NOT_FOUND => Self { status: StatusCode::UNPROCESSABLE_ENTITY, ..failure },
            _ => failure,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let body = error.body();
        if body.code == ErrorCode::Internal {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "the records cannot be used");
        }
        Self::of(body)
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Store(error) => error.into(),
            ProjectError::Run(error) => error.into(),
            error => Self::of(error.body()),
        }
    }
}

impl From<QuotaError> for Failure {
    fn from(error: QuotaError) -> Self {
        let status = StatusCode::from_u16(error.status());
        let status = status.unwrap_or(StatusCode::TOO_MANY_REQUESTS);
        let code = match error.what {
            QuotaKind::Time => ErrorCode::Busy,
            _ => ErrorCode::QuotaExceeded,
        };
        let failure = Self::new(status, code, error.to_string());
        match error.retry_after {
            Some(after) => failure.retry(after),
            None => failure,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let retry_after = self.retry_after;
        let mut response = match context::dialect() {
            Dialect::Own => {
                let request_id = context::request_id();
                (self.status, Json(FailureBody { error: self.body, request_id })).into_response()
            }
            Dialect::Otari => {
                (self.status, Json(Detail { detail: &self.body.message })).into_response()
            }
        };
        let headers = response.headers_mut();
        if let Some(after) = retry_after {
            // The header has whole seconds; none is worth less than one.
            let seconds = after.as_secs_f64().ceil().clamp(1.0, 999_999.0);
            if let Ok(value) = HeaderValue::from_str(&format!("{seconds:.0}")) {
                headers.insert(header::RETRY_AFTER, value);
            }
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let value = HeaderValue::from_static("Bearer realm=\"cellblock\"");
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}
