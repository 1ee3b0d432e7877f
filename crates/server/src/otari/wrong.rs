//! What is said of a request that cannot be answered, in the words that clients of the
//! session protocol know.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::SessionError;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::Failure;

/// The largest value of a client's that is sent back to it.
const ECHO_BYTES_MAX: usize = 1000;

/// A step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Step {
    /// A field of an object.
    Field(&'static str),
    /// An item of a list.
    Item(usize),
}

/// Something that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// What kind of mistake it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Where it is.
    loc: Vec<Step>,
    /// What is wrong.
    msg: String,
    /// What is there; `null` if that is long.
    input: Value,
    /// The limit that does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    ctx: Option<Box<Value>>,
}

impl Problem {
    /// Something of that kind that is wrong with a value.
    pub(super) fn new(kind: &'static str, msg: impl Into<String>, input: &Value) -> Self {
        Self { kind, loc: Vec::new(), msg: msg.into(), input: echo(input), ctx: None }
    }

    /// With the limit that does not hold.
    pub(super) fn limit(mut self, name: &str, limit: impl Into<Value>) -> Self {
        self.ctx = Some(Box::new([(name.to_owned(), limit.into())].into_iter().collect()));
        self
    }

    /// There, before where it is already known to be.
    pub(super) fn below(mut self, step: Step) -> Self {
        self.loc.insert(0, step);
        self
    }
}

/// The value, unless sending it back would make a long answer of a long question.
fn echo(value: &Value) -> Value {
    let is_short = |value: &Value| match value {
        Value::String(text) => text.len() <= ECHO_BYTES_MAX,
        Value::Array(_) | Value::Object(_) => {
            serde_json::to_string(value).is_ok_and(|text| text.len() <= ECHO_BYTES_MAX)
        }
        _ => true,
    };
    if is_short(value) { value.clone() } else { Value::Null }
}

/// The shape of every error: a sentence, or what is wrong with each field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Detail {
    detail: Said,
}

/// What is said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum Said {
    /// A sentence.
    #[expect(dead_code, reason = "it describes how other failures are told")]
    Sentence(String),
    /// What is wrong with each field.
    Fields(Vec<Problem>),
}

/// Why a request is not answered as it was meant.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// Fields of it are wrong.
    Fields(Vec<Problem>),
    /// Anything else.
    Failure(Failure),
}

impl Wrong {
    /// A sentence with a status.
    pub(super) fn said(status: StatusCode, sentence: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::NOT_FOUND => api::ErrorCode::NotFound,
            StatusCode::FORBIDDEN => api::ErrorCode::Forbidden,
            StatusCode::PAYLOAD_TOO_LARGE => api::ErrorCode::TooLarge,
            _ => api::ErrorCode::InvalidRequest,
        };
        Self::Failure(Failure::new(status, code, sentence))
    }
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<SessionError> for Wrong {
    fn from(error: SessionError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Problem> for Wrong {
    fn from(problem: Problem) -> Self {
        Self::Fields(vec![problem])
    }
}

impl IntoResponse for Wrong {
    fn into_response(self) -> Response {
        match self {
            Self::Failure(failure) => failure.into_response(),
            Self::Fields(problems) => {
                let detail = Detail { detail: Said::Fields(problems) };
                (StatusCode::UNPROCESSABLE_ENTITY, Json(detail)).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_has_the_fields_that_clients_know() {
        let problem = Problem::new("less_than_equal", "too much", &json!(9)).limit("le", 5);
        let problem = problem.below(Step::Item(0)).below(Step::Field("body"));
        assert_eq!(
            serde_json::to_value(problem).unwrap(),
            json!({"type": "less_than_equal", "loc": ["body", 0], "msg": "too much", "input": 9,
                "ctx": {"le": 5}}),
        );
    }

    #[test]
    fn what_is_long_is_not_sent_back() {
        let long = json!("x".repeat(ECHO_BYTES_MAX + 1));
        assert_eq!(Problem::new("a", "b", &long).input, Value::Null);
        assert_eq!(Problem::new("a", "b", &json!([long])).input, Value::Null);
        let short = json!({"a": ["x".repeat(ECHO_BYTES_MAX / 2)]});
        assert_eq!(Problem::new("a", "b", &short).input, short);
    }
}
