//! What is said to a kernel.

use std::collections::BTreeMap;

use api::{InputReply, TurnRequest};
use serde::Serialize;

use crate::{CallId, KernelError, Token, ToolReply, ToolSpec, frame::Frame};

/// The most code that one turn takes.
pub const CODE_BYTES_MAX: usize = 16 << 20;

/// What a kernel is told before its first turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Configuration {
    /// Its env vars, all of them.
    pub env: BTreeMap<String, String>,
    /// The guest path of the directory that it works in.
    pub directory: String,
    /// What code finds as the program's arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argv: Option<Vec<String>>,
    /// How much of each output stream is kept, so that it need not write more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

/// A program that is a kernel's only one, and ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// The guest path of its file, if it has one.
    pub path: Option<String>,
    /// Its text, if that is not to be read from the file.
    pub code: Option<String>,
    /// Its arguments, after its own name.
    pub argv: Vec<String>,
    /// Its own name, as the program finds it and tracebacks show it.
    pub name: String,
}

/// One message to a kernel.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    Configure(&'a Configuration),
    Execute(&'a TurnRequest),
    Script(&'a Script),
    Complete { code: &'a str, cursor: usize },
    Inspect { code: &'a str, cursor: usize, detailed: bool },
    Input(&'a InputReply),
    Shutdown,
    ToolReply(CallId, &'a ToolReply),
    Tools(&'a [ToolSpec]),
}

impl Request<'_> {
    const fn number(&self) -> u8 {
        match self {
            Self::Configure(_) => 1,
            Self::Execute(_) => 2,
            Self::Script(_) => 3,
            Self::Complete { .. } => 4,
            Self::Inspect { .. } => 5,
            Self::Input(_) => 6,
            Self::Shutdown => 7,
            Self::ToolReply(..) => 8,
            Self::Tools(_) => 9,
        }
    }

    /// The message as bytes.
    ///
    /// # Errors
    /// It is longer than a kernel takes.
    pub(crate) fn encode(&self, token: Token) -> Result<Vec<u8>, KernelError> {
        let code = self.code().len();
        if code > CODE_BYTES_MAX {
            return Err(KernelError::TooLong { bytes: code });
        }
        let body = self.body().map_err(|_| KernelError::TooLong { bytes: code })?;
        let bytes = body.len();
        let frame = Frame { kind: self.number(), token, body };
        frame.encode().ok_or(KernelError::TooLong { bytes })
    }

    const fn code(&self) -> &str {
        match self {
            Self::Execute(TurnRequest { code, .. }) => code.as_str(),
            Self::Script(Script { code: Some(code), .. }) => code.as_str(),
            Self::Complete { code, .. } | Self::Inspect { code, .. } => code,
            _ => "",
        }
    }

    fn body(&self) -> serde_json::Result<Vec<u8>> {
        match *self {
            Self::Configure(configuration) => serde_json::to_vec(configuration),
            Self::Execute(request) => serde_json::to_vec(&Execute {
                code: &request.code,
                allow_input: request.allow_input,
                silent: request.silent,
                plain: request.plain,
                file_name: request.file_name.as_deref(),
            }),
            Self::Script(script) => serde_json::to_vec(script),
            Self::Complete { code, cursor } => serde_json::to_vec(&Complete { code, cursor }),
            Self::Inspect { code, cursor, detailed } => {
                serde_json::to_vec(&Inspect { code, cursor, detail: u8::from(detailed) })
            }
            Self::Input(InputReply::Line(value)) => serde_json::to_vec(&Line { value }),
            Self::Input(InputReply::End) => Ok(br#"{"end":true}"#.to_vec()),
            Self::Shutdown => Ok(b"{}".to_vec()),
            Self::ToolReply(call, reply) => serde_json::to_vec(&Called::new(call, reply)),
            Self::Tools(tools) => serde_json::to_vec(&Tools { tools }),
        }
    }
}

#[derive(Serialize)]
struct Execute<'a> {
    code: &'a str,
    allow_input: bool,
    silent: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    plain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Complete<'a> {
    code: &'a str,
    cursor: usize,
}

#[derive(Serialize)]
struct Inspect<'a> {
    code: &'a str,
    cursor: usize,
    detail: u8,
}

#[derive(Serialize)]
struct Line<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Called<'a> {
    call: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    is_error: bool,
}

impl<'a> Called<'a> {
    fn new(call: CallId, reply: &'a ToolReply) -> Self {
        let (content, error, is_error) = match reply {
            ToolReply::Content(content) => (Some(&**content), None, false),
            ToolReply::Failed(content) => (Some(&**content), None, true),
            ToolReply::Error(error) => (None, Some(&**error), true),
        };
        Self { call: call.number(), content, error, is_error }
    }
}

#[derive(Serialize)]
struct Tools<'a> {
    tools: &'a [ToolSpec],
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn body(request: &Request<'_>) -> Value {
        serde_json::from_slice(&request.body().unwrap()).unwrap()
    }

    #[test]
    fn bodies_are_as_the_protocol_has_them() {
        let configuration = Configuration {
            env: [("A".to_owned(), "1".to_owned())].into(),
            directory: "/workspace".to_owned(),
            ..Configuration::default()
        };
        let turn = TurnRequest { code: "1\n".to_owned(), silent: true, ..TurnRequest::default() };
        let script = Script {
            path: Some("/code/a.py".to_owned()),
            code: None,
            argv: vec!["-v".to_owned()],
            name: "a.py".to_owned(),
        };
        let line = InputReply::Line("\"x\"".to_owned());
        let call = CallId::from_number(3);
        let tools = [ToolSpec { name: "a".to_owned(), doc: "b".to_owned() }];
        let table = [
            (
                Request::Configure(&configuration),
                json!({"env": {"A": "1"}, "directory": "/workspace"}),
            ),
            (Request::Execute(&turn), json!({"code": "1\n", "allow_input": false, "silent": true})),
            (
                Request::Script(&script),
                json!({"path": "/code/a.py", "code": null, "argv": ["-v"], "name": "a.py"}),
            ),
            (Request::Complete { code: "pri", cursor: 3 }, json!({"code": "pri", "cursor": 3})),
            (
                Request::Inspect { code: "x", cursor: 1, detailed: true },
                json!({"code": "x", "cursor": 1, "detail": 1}),
            ),
            (Request::Input(&line), json!({"value": "\"x\""})),
            (Request::Input(&InputReply::End), json!({"end": true})),
            (Request::Shutdown, json!({})),
            (
                Request::ToolReply(call, &ToolReply::Content("[1]".to_owned())),
                json!({"call": 3, "content": "[1]", "is_error": false}),
            ),
            (Request::Tools(&tools), json!({"tools": [{"name": "a", "doc": "b"}]})),
            (
                Request::ToolReply(call, &ToolReply::Failed("1".to_owned())),
                json!({"call": 3, "content": "1", "is_error": true}),
            ),
            (
                Request::ToolReply(call, &ToolReply::Error("no".to_owned())),
                json!({"call": 3, "error": "no", "is_error": true}),
            ),
        ];
        let numbers = [1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 8, 8];
        for (number, (request, expected)) in numbers.into_iter().zip(table) {
            assert_eq!(request.number(), number, "{request:?}");
            assert_eq!(body(&request), expected, "{request:?}");
        }
    }

    #[test]
    fn more_code_than_the_limit_is_refused() {
        let encode = |code: String| {
            let turn = TurnRequest { code, ..TurnRequest::default() };
            Request::Execute(&turn).encode(Token::NONE).map(|bytes| bytes.len())
        };
        assert!(encode("a".repeat(1000)).is_ok());
        assert!(matches!(
            encode("a".repeat(CODE_BYTES_MAX + 1)),
            Err(KernelError::TooLong { bytes }) if bytes == CODE_BYTES_MAX + 1
        ));
        // Each becomes six bytes in JSON, and together more than a frame holds.
        assert!(encode("\u{1}".repeat(CODE_BYTES_MAX / 4)).is_err());
    }
}
