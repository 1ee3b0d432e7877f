//! One turn of a session's kernel: what is asked and what comes back.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{CapturedStream, DisplayData, ExceptionInfo, MimeBundle, Outcome, TurnId, Usage};

/// Code for a session's kernel, which keeps its state from turn to turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnRequest {
    /// The code.
    pub code: String,
    /// Whether the code may ask for input; if not, its `input()` fails at once.
    #[serde(default)]
    pub allow_input: bool,
    /// Whether the last expression's value is of no interest; the count of turns
    /// then stays as it is.
    #[serde(default)]
    pub silent: bool,
    /// Whether the code is no more than Python, as a program is: without magics, without
    /// `await` at top level, with no value, and with nothing said of an exit.
    #[serde(default)]
    pub plain: bool,
    /// The file name that tracebacks show; one of the kernel's own if left out.
    #[serde(default)]
    pub file_name: Option<String>,
}

/// What is known of a turn when it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnResult {
    /// The turn's id.
    pub turn_id: TurnId,
    /// How it ended. Code that came to its end has exited with 0.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// What it wrote to standard output.
    pub stdout: CapturedStream,
    /// What it wrote to standard error.
    pub stderr: CapturedStream,
    /// What it showed, in order; an update stands where what it replaces stood.
    pub displays: Vec<DisplayData>,
    /// The value of its last expression, unless that was `None`.
    pub result: Option<DisplayData>,
    /// The exception that ended it.
    pub exception: Option<ExceptionInfo>,
    /// The number of this turn among the kernel's; `null` where it is not known.
    pub execution_count: Option<u64>,
    /// Files that it created, changed or deleted.
    pub files: Vec<FileChange>,
    /// What it used.
    pub usage: Usage,
    /// Whether the kernel had to be replaced, so that variables are gone. Files are not.
    pub state_lost: bool,
    /// What was noticed, where the kernel died or the code never began.
    pub detail: Option<String>,
}

/// A file of the workspace that a turn left otherwise than it found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileChange {
    /// The guest path, relative to the workspace; odd bytes escaped.
    pub path: String,
    /// What became of it.
    pub change: FileChangeKind,
    /// Its size now; `null` where it is gone.
    pub size_bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal digits; `null` where it is gone or was not read.
    pub sha256: Option<String>,
    /// Its MIME type by its name; `null` where the name does not tell.
    pub mime: Option<String>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileChangeKind {
    /// It was not there before.
    Created,
    /// It was there before, with other content.
    Changed,
    /// It is not there any more.
    Deleted,
}

/// What code asks of whoever sits in front of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InputRequest {
    /// What to ask.
    pub prompt: String,
    /// Whether the answer is not to be seen while it is typed.
    pub password: bool,
}

/// The answer to what code asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InputReply {
    /// This line, without its end.
    Line(String),
    /// There is no more input.
    End,
}

/// How code can go on at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Completion {
    /// What can stand there.
    pub matches: Vec<String>,
    /// The first character that a match replaces.
    pub start: usize,
    /// The character after the last that a match replaces.
    pub end: usize,
    /// What each match is (`function`, `module`), where the kernel knows.
    #[serde(default)]
    pub types: Vec<String>,
}

/// What is known of the name at the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inspection {
    /// Whether there is such a name.
    pub found: bool,
    /// Its description.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: MimeBundle,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_has_its_outcome_among_its_own_keys() {
        let result = TurnResult {
            turn_id: TurnId::generate(),
            outcome: Outcome::Raised,
            stdout: CapturedStream::default(),
            stderr: CapturedStream::default(),
            displays: vec![DisplayData::default()],
            result: None,
            exception: Some(ExceptionInfo { name: "KeyError".to_owned(), ..Default::default() }),
            execution_count: Some(1),
            files: vec![FileChange {
                path: "plot.png".to_owned(),
                change: FileChangeKind::Created,
                size_bytes: Some(7),
                sha256: None,
                mime: Some("image/png".to_owned()),
            }],
            usage: Usage::default(),
            state_lost: false,
            detail: None,
        };
        let wire = serde_json::to_value(&result).unwrap();
        assert_eq!(wire["outcome"], json!("raised"));
        assert_eq!(wire["exit_code"], json!(null));
        assert_eq!(wire["exception"]["name"], json!("KeyError"));
        assert_eq!(wire["files"][0]["change"], json!("created"));
        assert_eq!(serde_json::from_value::<TurnResult>(wire).unwrap(), result);
    }

    #[test]
    fn a_request_needs_no_more_than_code() {
        let request: TurnRequest = serde_json::from_value(json!({"code": "1"})).unwrap();
        assert_eq!(request, TurnRequest { code: "1".to_owned(), ..TurnRequest::default() });
        let unknown = json!({"code": "1", "timeout": 3});
        assert!(serde_json::from_value::<TurnRequest>(unknown).is_err());
    }
}
