//! What servers are asked for, in our own API and in otari's contract.

use anyhow::{Context, Result, bail};

use super::wire::{Answer, Client, Content, Place, Request};

/// The statement of every turn.
const STATEMENT: &str = "x = 1";

/// Which API a server is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Our own.
    Own,
    /// Otari's contract.
    Otari,
}

/// A server, the API, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) place: Place,
    pub(super) dialect: Dialect,
    pub(super) key: Option<String>,
}

impl Target {
    /// A server that needs no key.
    pub(super) fn open(place: Place, dialect: Dialect) -> Self {
        Self { place, dialect, key: None }
    }

    /// A connection.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn connect(&self) -> Result<Client> {
        Client::connect(self.place)
    }

    /// Makes a session.
    pub(super) fn create(&self) -> Request {
        self.post("", "{}")
    }

    /// Ends one.
    pub(super) fn delete(&self, session: &str) -> Request {
        self.request("DELETE", &format!("{}/{session}", self.root()), Content::None)
    }

    /// A turn.
    pub(super) fn turn(&self, session: &str) -> Request {
        self.code(session, STATEMENT)
    }

    /// Python for a session's interpreter.
    pub(super) fn code(&self, session: &str, code: &str) -> Request {
        match self.dialect {
            Dialect::Own => {
                let body = serde_json::json!({ "code": code }).to_string();
                self.post(&format!("/{session}/turns"), &body)
            }
            Dialect::Otari => self.exec(session, "code_execution", ("code", code)),
        }
    }

    /// The same within a time; only in our own API.
    pub(super) fn code_within(&self, session: &str, code: &str, time_ms: u64) -> Request {
        let body = serde_json::json!({ "code": code, "wall_time_ms": time_ms }).to_string();
        self.post(&format!("/{session}/turns"), &body)
    }

    /// A shell's command within a time; only in our own API.
    pub(super) fn shell_within(&self, session: &str, script: &str, time_ms: u64) -> Request {
        let command = ["sh", "-c", script];
        let body = serde_json::json!({ "command": command, "wall_time_ms": time_ms }).to_string();
        self.post(&format!("/{session}/commands"), &body)
    }

    /// The command `true`.
    pub(super) fn command(&self, session: &str) -> Request {
        match self.dialect {
            Dialect::Own => self.post(&format!("/{session}/commands"), r#"{"command":["true"]}"#),
            Dialect::Otari => self.exec(session, "bash_code_execution", ("command", "true")),
        }
    }

    /// A run in a sandbox of its own; only in our own API.
    pub(super) fn run(&self, code: &str) -> Request {
        let body = serde_json::json!({ "code": code }).to_string();
        self.request("POST", "/v1/runs", Content::Json(&body))
    }

    /// Writes a file of a session; only in our own API.
    pub(super) fn upload(&self, session: &str, bytes: &[u8]) -> Request {
        let path = format!("{}/{session}/files/content?path=file", self.root());
        self.request("PUT", &path, Content::Bytes(bytes))
    }

    /// Reads that file; only in our own API.
    pub(super) fn download(&self, session: &str) -> Request {
        let path = format!("{}/{session}/files/content?path=file", self.root());
        self.request("GET", &path, Content::None)
    }

    fn root(&self) -> &'static str {
        match self.dialect {
            Dialect::Own => "/v1/sessions",
            Dialect::Otari => "/sessions",
        }
    }

    fn exec(&self, session: &str, tool: &str, (name, value): (&str, &str)) -> Request {
        let body = serde_json::json!({ "tool": tool, "input": { name: value } }).to_string();
        self.post(&format!("/{session}/exec"), &body)
    }

    fn post(&self, path: &str, body: &str) -> Request {
        self.request("POST", &format!("{}{path}", self.root()), Content::Json(body))
    }

    fn request(&self, method: &str, path: &str, content: Content<'_>) -> Request {
        Request::with_key(self.key.as_deref(), method, path, content)
    }
}

/// Makes a session that has had its first turn; gives its id.
///
/// # Errors
/// It cannot be had.
pub(super) fn live_session(client: &mut Client, target: &Target) -> Result<String> {
    let answer = client.ask(&target.create())?.good().context("no session can be had")?;
    let session = answer.text("session_id")?;
    check(&client.ask(&target.turn(&session))?.good()?)?;
    Ok(session)
}

/// Looks whether code that was run has succeeded, in either API.
///
/// # Errors
/// It has not.
pub(super) fn check(answer: &Answer) -> Result<()> {
    let goods: [&[u8]; 2] = [b"\"exit_code\":0", b"\"return_code\":0"];
    let has = |good: &[u8]| answer.body.windows(good.len()).any(|window| window == good);
    if !goods.into_iter().any(has) {
        bail!("it did not end well: {}", String::from_utf8_lossy(&answer.body));
    }
    Ok(())
}
