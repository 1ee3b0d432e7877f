//! A client over HTTP that speaks bytes.

use serde_json::Value;

use super::messages::{STATELESS, initialize, request};
use crate::fixture::{Answer, Server};

const ACCEPT: &str = "accept: application/json, text/event-stream\r\n";

/// A client of one key, or of none.
pub(super) struct Client<'a> {
    server: &'a Server,
    path: String,
    headers: String,
}

impl<'a> Client<'a> {
    pub(super) fn new(server: &'a Server, key: Option<&str>) -> Self {
        let key = key.map(|key| format!("authorization: Bearer {key}\r\n")).unwrap_or_default();
        Self { server, path: "/mcp".to_owned(), headers: format!("{ACCEPT}{key}") }
    }

    pub(super) fn with_tools(mut self, profile: &str) -> Self {
        self.path = format!("/mcp?tools={profile}");
        self
    }

    pub(super) fn with(mut self, header: &str) -> Self {
        self.headers.push_str(header);
        self.headers.push_str("\r\n");
        self
    }

    pub(super) fn send(&self, method: &str, body: &str) -> Answer {
        self.server.ask_with((method, &self.path), &self.headers, body)
    }

    pub(super) fn post(&self, message: &Value) -> Answer {
        self.send("POST", &message.to_string())
    }

    /// Begins a session; gives a client of it.
    #[track_caller]
    pub(super) fn begin(self) -> Self {
        let answer = self.post(&initialize("2025-11-25"));
        assert_eq!(answer.status, 200, "{answer:?}");
        let seat = answer.head.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
        let seat = format!("mcp-session-id: {}", seat.unwrap());
        self.with(&seat).with("mcp-protocol-version: 2025-11-25")
    }

    #[track_caller]
    pub(super) fn result(&self, method: &str, params: &Value) -> Value {
        let answer = self.post(&request(1.into(), method, params));
        assert_eq!(answer.status, 200, "{answer:?}");
        let message = messages(&answer).pop().unwrap();
        assert!(message.get("error").is_none(), "{message}");
        message["result"].clone()
    }
}

/// The headers of a request that says all of itself.
pub(super) fn standard(method: &str, name: Option<&str>) -> String {
    let name = name.map(|name| format!("mcp-name: {name}\r\n")).unwrap_or_default();
    format!("{ACCEPT}mcp-protocol-version: {STATELESS}\r\nmcp-method: {method}\r\n{name}")
}

/// The messages of an answer: of a stream of events, or the one that it is.
#[track_caller]
pub(super) fn messages(answer: &Answer) -> Vec<Value> {
    let body = if answer.head.contains("transfer-encoding: chunked") {
        unchunked(&answer.body)
    } else {
        answer.body.clone()
    };
    if answer.head.contains("content-type: application/json") {
        return vec![serde_json::from_str(&body).unwrap()];
    }
    let events = body.lines().filter_map(|line| line.strip_prefix("data:"));
    let events = events.map(str::trim).filter(|data| !data.is_empty());
    events.map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn unchunked(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        text.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").unwrap_or_default();
    }
    text
}
