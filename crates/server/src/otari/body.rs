//! Bodies in JSON, refused in the words that clients of the session protocol know.

use axum::{
    extract::Request,
    http::{HeaderMap, header},
};
use serde_json::{Value, json};

use super::wrong::{Problem, Step, Wrong};
use crate::http::body_bytes;

/// Where the fields of a body are.
pub(super) const BODY: &[Step] = &[Step::Field("body")];

/// The JSON of a body; `None` where there is no body.
pub(super) async fn json_body(request: Request) -> Result<Option<Value>, Wrong> {
    let is_json = is_json(request.headers());
    let bytes = body_bytes(request).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json {
        let text = Value::from(String::from_utf8_lossy(&bytes));
        let msg = "Input should be a valid dictionary or object to extract fields from";
        return Err(in_body(Problem::new("model_attributes_type", msg, &text)));
    }
    read(&bytes).map(Some).map_err(in_body)
}

/// The JSON of a body that has to be there.
pub(super) async fn required_body(request: Request) -> Result<Value, Wrong> {
    let body = json_body(request).await?.filter(|body| !body.is_null());
    body.ok_or_else(|| in_body(Problem::new("missing", "Field required", &Value::Null)))
}

fn in_body(problem: Problem) -> Wrong {
    problem.below(Step::Field("body")).into()
}

/// Pages of other sites can send no such type by themselves.
fn is_json(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = text.and_then(|text| text.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let subtype = essence.strip_prefix("application/").unwrap_or_default();
    subtype == "json" || subtype.ends_with("+json")
}

fn read(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let column = error.column();
        Problem::new("json_invalid", "JSON decode error", &json!({}))
            .limit("error", error.to_string())
            .below(Step::Item(column))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_json_is_read() {
        let table = [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/plain", false),
            ("text/json", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=json", false),
            ("", false),
        ];
        for (text, expected) in table {
            let headers = [(header::CONTENT_TYPE, HeaderValue::from_static(text))];
            assert_eq!(is_json(&headers.into_iter().collect()), expected, "{text}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    #[test]
    fn what_is_no_json_is_said_to_be_none() {
        let deep = "[".repeat(100_000);
        for text in ["{", "{}{}", "{,}", "nul", deep.as_str()] {
            let problem = serde_json::to_value(read(text.as_bytes()).unwrap_err()).unwrap();
            assert_eq!(problem["type"], "json_invalid", "{text:.10}");
        }
        assert!(read(b"\xff").is_err());
        assert_eq!(read(b"null"), Ok(Value::Null));
    }
}
