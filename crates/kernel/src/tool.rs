//! Tools: functions of the host side that code calls by name.

use std::future::ready;

use serde::{Serialize, de::IgnoredAny};

use crate::{BoxFuture, budget::after_string};

/// Arguments of one call, as JSON.
pub const TOOL_INPUT_BYTES_MAX: usize = 1 << 20;
/// What one call gives back, as JSON: a table of some size. With escapes, and for all
/// calls in flight, no more than a turn may show.
pub const TOOL_CONTENT_BYTES_MAX: usize = 4 << 20;
/// Brackets in brackets in a call's arguments. What reads them at the other end may
/// do so recursively.
pub const TOOL_DEPTH_MAX: usize = 100;
/// The longest name of a tool.
pub const TOOL_NAME_BYTES_MAX: usize = 128;

/// A tool, as code sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolSpec {
    /// Its name, a Python identifier.
    pub name: String,
    /// What it does; its docstring.
    pub doc: String,
}

/// A call of a tool. All of it was written by user code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// The tool's name. It need not be one that there is.
    pub name: String,
    /// Its arguments: a JSON object as text, valid and of any depth.
    pub input: String,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolReply {
    /// This, as JSON text. Text that is not JSON reaches the code as an error.
    Content(String),
    /// The tool says that it failed. The code gets an exception that holds this, which
    /// is JSON text as well.
    Failed(String),
    /// There was no answer of the tool's, and the code gets an exception that says this.
    Error(String),
}

/// Calls tools for code.
pub trait ToolHost: Send + Sync {
    /// Makes a call. The future is dropped where the code no longer waits for it, or
    /// its turn is over.
    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolReply>;
}

/// Has no tools.
#[derive(Clone, Copy, Debug)]
pub struct NoTools;

impl ToolHost for NoTools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolReply> {
        Box::pin(ready(ToolReply::not_registered(&call.name)))
    }
}

impl ToolReply {
    /// There is no such tool.
    #[must_use]
    pub fn not_registered(name: &str) -> Self {
        Self::Error(format!("tool '{name}' is not registered"))
    }

    /// There are no tools at all.
    #[must_use]
    pub fn none() -> Self {
        Self::Error("there are no tools".to_owned())
    }

    pub(crate) fn too_long() -> Self {
        Self::Error(format!("the tool's answer has more than {TOOL_CONTENT_BYTES_MAX} bytes"))
    }

    pub(crate) const fn is_too_long(&self) -> bool {
        let (Self::Content(text) | Self::Failed(text) | Self::Error(text)) = self;
        text.len() > TOOL_CONTENT_BYTES_MAX
    }

    /// The turn is to end.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::Error("the call was cancelled".to_owned())
    }
}

impl ToolCall {
    /// The answer where this call is not to be made: there is no such tool among these,
    /// or its arguments are too deep.
    #[must_use]
    pub fn refusal(&self, tools: &[ToolSpec]) -> Option<ToolReply> {
        let name = &self.name;
        if !tools.iter().any(|tool| tool.name == *name) {
            return Some(ToolReply::not_registered(name));
        }
        (depth(self.input.as_bytes()) > TOOL_DEPTH_MAX).then(|| {
            ToolReply::Error(format!(
                "tool '{name}' takes values nested {TOOL_DEPTH_MAX} deep at most"
            ))
        })
    }
}

/// What is wrong with a call's arguments, if anything is.
pub(crate) fn problem_with_input(input: &str) -> Option<&'static str> {
    if input.len() > TOOL_INPUT_BYTES_MAX {
        return Some("more arguments than a call has");
    }
    let is_object = input.starts_with('{') && serde_json::from_str::<IgnoredAny>(input).is_ok();
    (!is_object).then_some("arguments that are not a JSON object")
}

/// How many brackets of valid JSON are open at once.
fn depth(mut rest: &[u8]) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'"' => rest = after_string(rest),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object_of_bounded_size() {
        let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
        let table = [
            ("{}".to_owned(), true),
            (r#"{"a": [1, {"b": "\"{[\\"}], "c": null}"#.to_owned(), true),
            (format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)), true),
            (long(TOOL_INPUT_BYTES_MAX - 8), true),
            (long(TOOL_INPUT_BYTES_MAX - 7), false),
            (String::new(), false),
            ("[]".to_owned(), false),
            ("{".to_owned(), false),
            ("{} {}".to_owned(), false),
            ("{'a': 1}".to_owned(), false),
            ("{\"a\": NaN}".to_owned(), false),
        ];
        for (input, fits) in table {
            let problem = problem_with_input(&input);
            assert_eq!(problem.is_none(), fits, "{input:.40} {problem:?}");
        }
    }

    #[test]
    fn only_tools_that_there_are_get_arguments_and_of_bounded_depth() {
        let tools = [ToolSpec { name: "a".to_owned(), doc: String::new() }];
        let refusal =
            |name: &str, input: String| ToolCall { name: name.to_owned(), input }.refusal(&tools);
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(refusal("b", "{}".to_owned()), Some(ToolReply::not_registered("b")));
        for (input, fits) in [
            (deep(TOOL_DEPTH_MAX - 1), true),
            (deep(TOOL_DEPTH_MAX), false),
            (deep(100_000), false),
            (format!("{{\"a\":{:?}}}", "[\"{".repeat(1000)), true),
            ("{\"a\":[[],[],[]]}".repeat(1000), true),
        ] {
            assert_eq!(refusal("a", input.clone()).is_none(), fits, "{input:.40}");
        }
    }
}
