//! What Cellblock failed to do, as a caller sees it.

use std::error::Error;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The kind of an error, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is malformed or contradicts itself.
    InvalidRequest,
    /// A named environment does not exist or is not usable.
    EnvironmentNotFound,
    /// A named language is not one of ours.
    LanguageUnknown,
    /// The host lacks the language's toolchain.
    ToolchainMissing,
    /// A file or directory that the request names does not exist or cannot be read.
    FileNotFound,
    /// What was asked for exceeds the operator's ceiling or names a host path that is off limits.
    PolicyRefused,
    /// The host cannot enforce a control, and the caller did not accept to run without it.
    ControlMissing,
    /// The sandbox could not be set up.
    LaunchFailed,
    /// The session has ended.
    SessionClosed,
    /// Too much is running already.
    Busy,
    /// There is nothing of that name or id, or none that the caller may see.
    NotFound,
    /// The path takes another method.
    MethodNotAllowed,
    /// No key was given, or none that is known.
    Unauthenticated,
    /// The key does not allow this.
    Forbidden,
    /// It contradicts what is there already.
    Conflict,
    /// A precondition that the request names does not hold.
    PreconditionFailed,
    /// The part that is asked for does not exist.
    RangeNotSatisfiable,
    /// The request is larger than may be.
    TooLarge,
    /// The request's body is of a kind that is not taken here.
    UnsupportedMediaType,
    /// The request did not arrive in time.
    TooSlow,
    /// The caller has as much under way as it may.
    QuotaExceeded,
    /// A defect or a failure of the host underneath us.
    Internal,
}

/// The one shape of errors on every wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The kind, for programs.
    pub code: ErrorCode,
    /// What could not be done and why, in one sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

/// An error's sentence with those of its causes, each once; of a system error the words
/// without the number that the standard library adds.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        let words = text.rsplit_once(" (os error ").map_or(text.as_str(), |(words, _)| words);
        if !message.contains(words) {
            message = format!("{message}: {words}");
        }
        cause = inner.source();
    }
    message
}
