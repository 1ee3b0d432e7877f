//! What is said to a client's tools, and what they answer.

use engine::{TOOL_CONTENT_BYTES_MAX, ToolCall, ToolReply};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest answer: the content, and room for what is around it.
pub(super) const RESPONSE_BYTES_MAX: usize = TOOL_CONTENT_BYTES_MAX + 1024;

/// A call as JSON.
pub(super) fn body(call_id: &str, call: &ToolCall) -> String {
    // The name is a registered one, and the input is JSON already.
    let ToolCall { name, input } = call;
    format!(r#"{{"call_id":"{call_id}","name":"{name}","input":{input}}}"#)
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    is_error: Option<bool>,
}

/// Reads an answer; what is in the content is for the code to read.
pub(super) fn read(body: &[u8]) -> Result<ToolReply, &'static str> {
    let problem = "the answer is not a JSON object with content and is_error";
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(problem);
    }
    let Answer { content, is_error } = serde_json::from_slice(body).map_err(|_| problem)?;
    let said = |nothing| content.map_or(nothing, RawValue::get).to_owned();
    Ok(match is_error {
        Some(true) => ToolReply::Failed(said("\"unknown tool error\"")),
        _ => ToolReply::Content(said("null")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_without_looking_into_their_content() {
        let content = |text: &str| Ok(ToolReply::Content(text.to_owned()));
        let failed = |text: &str| Ok(ToolReply::Failed(text.to_owned()));
        let deep = format!(r#"{{"content":{}{}}}"#, "[".repeat(9000), "]".repeat(9000));
        let table = [
            (r#"{"content":[1, "x"],"is_error":false}"#, content("[1, \"x\"]")),
            (r#" {"is_error":true,"content":"no","more":[1]} "#, failed("\"no\"")),
            (r#"{"content":1}"#, content("1")),
            (r#"{"content":1,"is_error":null}"#, content("1")),
            ("{}", content("null")),
            (r#"{"is_error":true}"#, failed("\"unknown tool error\"")),
            (&deep, content(&deep[11..deep.len() - 1])),
        ];
        for (body, reply) in table {
            assert_eq!(read(body.as_bytes()), reply, "{body:.40}");
        }
        let wrong: [&[u8]; 7] = [
            b"",
            b"[1, true]",
            b"{\"content\":}",
            b"{\"content\":1,\"is_error\":\"no\"}",
            b"{\"content\":1} x",
            b"<html>",
            b"{\"content\":\"\xff\"}",
        ];
        for body in wrong {
            assert!(read(body).is_err(), "{body:?}");
        }
    }
}
