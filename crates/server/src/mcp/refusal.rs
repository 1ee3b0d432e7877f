//! Why a tool could not do what it was asked, in words that a model can act on.

use api::ErrorCode;
use rmcp::model::{CallToolResult, ContentBlock};
use serde::Serialize;

use crate::http::Failure;

/// Why a tool could not do what it was asked. What the user's code did is never here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Refusal {
    error: ErrorCode,
    message: String,
    hint: Option<String>,
}

impl Refusal {
    pub(super) fn new(error: ErrorCode, message: impl Into<String>) -> Self {
        Self { error, message: message.into(), hint: None }
    }

    /// The arguments are not such as can be taken.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As a tool's result.
    pub(super) fn result(&self) -> CallToolResult {
        let told = Self { hint: Some(self.advice().to_owned()), ..self.clone() };
        // It is text alone, for structured content has to be what the tool promises.
        let text = serde_json::to_string(&told).unwrap_or_default();
        CallToolResult::error(vec![ContentBlock::text(text)])
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        format!("{}; {}", self.message, self.advice())
    }

    /// What to do about it: a model that is told nothing tries the same again.
    fn advice(&self) -> &str {
        self.hint.as_deref().unwrap_or(match self.error {
            ErrorCode::Internal | ErrorCode::LaunchFailed => {
                "it is not about the arguments; tell the operator of this server"
            }
            ErrorCode::Busy | ErrorCode::QuotaExceeded => "wait some seconds and try again",
            ErrorCode::Unauthenticated | ErrorCode::Forbidden => {
                "ask the operator of this server for a key that allows it"
            }
            ErrorCode::PolicyRefused => "ask the operator of this server to allow it",
            ErrorCode::NotFound | ErrorCode::FileNotFound => {
                "list what there is, and take a name or id from there"
            }
            ErrorCode::Conflict => {
                "look at what there is now; it is not as the call takes it to be"
            }
            _ => "change the arguments as the message says",
        })
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let body = failure.body;
        let hint = hint(body.code).map(str::to_owned).or(body.hint);
        Self { error: body.code, message: body.message, hint }
    }
}

impl From<engine::SessionError> for Refusal {
    fn from(error: engine::SessionError) -> Self {
        Failure::from(error).into()
    }
}

/// What to do about an error, where a client of this protocol does something else than
/// others.
const fn hint(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::SessionClosed => Some(
            "call execute_code or run_command without session_id for a new session; variables \
             and files of the old one are gone",
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_an_error_with_its_text() {
        let refusal = Refusal::invalid("code: it is missing").hint("give code");
        let result = refusal.result();
        assert_eq!(result.is_error, Some(true));
        assert_eq!(result.structured_content, None);
        let text = serde_json::to_value(&result).unwrap()["content"][0]["text"].clone();
        let told: serde_json::Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(told["error"], "invalid_request");
        assert_eq!(
            (&told["message"], &told["hint"]),
            (&"code: it is missing".into(), &"give code".into())
        );
        assert_eq!(refusal.line(), "code: it is missing; give code");
    }

    #[test]
    fn what_is_not_about_the_arguments_is_not_mended_by_them() {
        let table = [
            (ErrorCode::InvalidRequest, "change the arguments"),
            (ErrorCode::NotFound, "list what there is"),
            (ErrorCode::FileNotFound, "list what there is"),
            (ErrorCode::Conflict, "look at what there is"),
            (ErrorCode::Forbidden, "ask the operator"),
            (ErrorCode::PolicyRefused, "ask the operator"),
            (ErrorCode::QuotaExceeded, "wait"),
        ];
        for (code, advice) in table {
            let refusal = Refusal::new(code, "it cannot be");
            assert!(refusal.line().starts_with(&format!("it cannot be; {advice}")), "{code:?}");
        }
    }
}
