//! What came of code or a command, as clients are told it. Pure.

use std::{fmt::Write as _, time::SystemTime};

use api::{
    CapturedStream, DisplayData, ExceptionInfo, FileChange, FileChangeKind, Outcome, StreamName,
    Usage,
};
use rmcp::model::{ContentBlock, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::images;
use crate::{
    http::{Failure, ReadyJson},
    mcp::uri,
    v1::explain::Explanation,
};

/// The most of an output stream, or of a value, that is told: more would fill a model's
/// context and tell it little.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// The most values and texts shown that are told.
const DISPLAYS_MAX: usize = 20;
/// The most files that are told.
const FILES_MAX: usize = 100;
/// The most files that are linked to.
const LINKS_MAX: usize = 20;

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::mcp) enum RanStatus {
    /// It goes on; ask again with its `run_id`.
    Running,
    /// It is over.
    Ended,
}

/// What came of code or a command.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct Ran {
    /// The session that it ran in: pass it on to go on with its variables and files.
    session_id: String,
    /// The run, to ask for again.
    run_id: String,
    /// Where it is.
    status: RanStatus,
    /// How it ended: `exited`, `raised`, `timed_out`, `out_of_memory`, `output_limited`,
    /// `cancelled`, `denied`, `signaled` or `kernel_died`; `null` while it goes on.
    outcome: Option<String>,
    /// Its exit status, where it exited.
    exit_code: Option<i64>,
    /// The signal that ended it.
    signal: Option<i64>,
    /// What it wrote to standard output, without the middle where that is long.
    stdout: String,
    /// What it wrote to standard error, without the middle where that is long.
    stderr: String,
    /// Whether something of it was left out.
    stdout_truncated: bool,
    /// Whether something of it was left out.
    stderr_truncated: bool,
    /// What it showed, as text.
    displays: Vec<String>,
    /// The value of its last expression, as text.
    result: Option<String>,
    /// Images that it showed; they come beside this.
    image_count: usize,
    /// The exception that ended it.
    #[schema(value_type = Option<ExceptionInfo>)]
    error: Option<ExceptionInfo>,
    /// Files that it created, changed or deleted; the first hundred.
    files: Vec<FileChange>,
    /// Whether the session's variables are gone; its files are not.
    state_lost: bool,
    /// How long it took, or has taken so far.
    duration_seconds: f64,
    /// Why it was ended or held back.
    #[schema(value_type = Option<Explanation>)]
    explanation: Option<Explanation>,
}

/// What a piece of work has told of itself: a turn or a program.
#[derive(Debug, Deserialize)]
pub(in crate::mcp) struct Told {
    #[serde(flatten)]
    outcome: Outcome,
    stdout: CapturedStream,
    stderr: CapturedStream,
    usage: Usage,
    #[serde(default)]
    displays: Vec<DisplayData>,
    #[serde(default)]
    result: Option<DisplayData>,
    #[serde(default)]
    exception: Option<ExceptionInfo>,
    #[serde(default)]
    files: Vec<FileChange>,
    #[serde(default)]
    changes: Vec<FileChange>,
    #[serde(default)]
    state_lost: bool,
    #[serde(default)]
    explanation: Option<Explanation>,
}

impl Told {
    pub(in crate::mcp) fn read(json: &ReadyJson) -> Result<Self, Failure> {
        json.read().map_err(|error| {
            tracing::error!(%error, "a result cannot be read back");
            Failure::internal()
        })
    }

    pub(in crate::mcp) const fn stream(&self, stream: StreamName) -> &CapturedStream {
        match stream {
            StreamName::Stdout => &self.stdout,
            StreamName::Stderr => &self.stderr,
        }
    }
}

type Answer = crate::mcp::tool::Answer<Ran>;

/// What is told of a run that goes on.
pub(super) fn running((session_id, run_id): (&str, &str), since: SystemTime) -> Answer {
    let so_far = since.elapsed().unwrap_or_default();
    let text = format!(
        "[still running after {:.1} s; session {session_id}; ask again with run_id {run_id}]",
        so_far.as_secs_f64()
    );
    let ran = Ran { duration_seconds: so_far.as_secs_f64(), ..empty(session_id, run_id) };
    Answer::text(text, ran)
}

fn empty(session_id: &str, run_id: &str) -> Ran {
    Ran {
        session_id: session_id.to_owned(),
        run_id: run_id.to_owned(),
        status: RanStatus::Running,
        outcome: None,
        exit_code: None,
        signal: None,
        stdout: String::new(),
        stderr: String::new(),
        stdout_truncated: false,
        stderr_truncated: false,
        displays: Vec::new(),
        result: None,
        image_count: 0,
        error: None,
        files: Vec::new(),
        state_lost: false,
        duration_seconds: 0.0,
        explanation: None,
    }
}

/// What is told of a run that is over.
pub(super) fn ended(
    (session_id, run_id): (&str, &str),
    json: &ReadyJson,
) -> Result<Answer, Failure> {
    let told = Told::read(json)?;
    let images = images::of(told.displays.iter().chain(&told.result));
    let (stdout, stdout_truncated) = clip(&told.stdout);
    let (stderr, stderr_truncated) = clip(&told.stderr);
    let outcome = serde_json::to_value(told.outcome).unwrap_or_default();
    let number = |name: &str| outcome.get(name).and_then(Value::as_i64);
    let mut files: Vec<_> = told.files.into_iter().chain(told.changes).collect();
    files.truncate(FILES_MAX);
    let wall_time_ms = u32::try_from(told.usage.wall_time_ms).unwrap_or(u32::MAX);
    let ran = Ran {
        status: RanStatus::Ended,
        outcome: outcome.get("outcome").and_then(Value::as_str).map(str::to_owned),
        exit_code: number("exit_code"),
        signal: number("signal"),
        stdout,
        stderr,
        stdout_truncated,
        stderr_truncated,
        displays: told.displays.iter().filter_map(text_of).take(DISPLAYS_MAX).collect(),
        result: told.result.as_ref().and_then(text_of),
        image_count: images.len(),
        error: told.exception.map(bounded),
        files,
        state_lost: told.state_lost,
        duration_seconds: f64::from(wall_time_ms) / 1000.0,
        explanation: told.explanation,
        ..empty(session_id, run_id)
    };
    let mut content = vec![ContentBlock::text(ran.text())];
    content.extend(images);
    content.extend(ran.links());
    Ok(Answer { content, structured: ran })
}

impl Ran {
    /// All of it for a model to read.
    fn text(&self) -> String {
        let mut text = String::new();
        part(&mut text, "", &self.stdout);
        part(&mut text, "[stderr]\n", &self.stderr);
        for display in &self.displays {
            part(&mut text, "[shown]\n", display);
        }
        if let Some(result) = &self.result {
            part(&mut text, "[result]\n", result);
        }
        if let Some(error) = &self.error {
            part(&mut text, "[error]\n", &traceback(error));
        }
        let _ = write!(text, "[{}; session {}", self.ending(), self.session_id);
        for file in &self.files {
            let _ = write!(text, "; {} {}", change(file.change), file.path);
        }
        text.push(']');
        if self.state_lost {
            text.push_str("\n[the session's variables are gone; its files are there]");
        }
        if let Some(Explanation { what, instead, .. }) = &self.explanation {
            let _ = write!(text, "\n[{what}; {instead}]");
        }
        text
    }

    fn ending(&self) -> String {
        let how = match (self.outcome.as_deref(), self.exit_code, self.signal) {
            (Some("exited"), Some(code), _) => format!("exited with {code}"),
            (Some("signaled"), _, Some(signal)) => format!("ended by signal {signal}"),
            (outcome, ..) => outcome.unwrap_or("ended").replace('_', " "),
        };
        format!("{how} after {:.2} s", self.duration_seconds)
    }

    /// Links to what is not told, and to the files.
    fn links(&self) -> Vec<ContentBlock> {
        let (session, run) = (&self.session_id, &self.run_id);
        let streams = [
            ("stdout", StreamName::Stdout, self.stdout_truncated),
            ("stderr", StreamName::Stderr, self.stderr_truncated),
        ];
        let streams =
            streams.into_iter().filter(|(.., is_cut)| *is_cut).map(|(name, stream, _)| {
                let resource = Resource::new(uri::of_output(session, run, stream), name);
                ContentBlock::resource_link(resource.with_mime_type("text/plain"))
            });
        let is_there = |file: &&FileChange| file.change != FileChangeKind::Deleted;
        let files =
            self.files.iter().filter(is_there).take(LINKS_MAX).map(|file| link(session, file));
        streams.chain(files).collect()
    }
}

fn link(session_id: &str, file: &FileChange) -> ContentBlock {
    let mut resource = Resource::new(uri::of_file(session_id, &file.path), file.path.clone());
    resource.mime_type = file.mime.clone();
    resource.size = file.size_bytes;
    ContentBlock::resource_link(resource)
}

fn part(text: &mut String, title: &str, body: &str) {
    if body.is_empty() {
        return;
    }
    let _ = write!(text, "{title}{body}");
    if !body.ends_with('\n') {
        text.push('\n');
    }
}

const fn change(kind: FileChangeKind) -> &'static str {
    match kind {
        FileChangeKind::Created => "created",
        FileChangeKind::Changed => "changed",
        FileChangeKind::Deleted => "deleted",
    }
}

fn traceback(error: &ExceptionInfo) -> String {
    if error.traceback.is_empty() {
        return format!("{}: {}", error.name, error.value);
    }
    error.traceback.join("\n")
}

/// An exception whose texts are no longer than others.
fn bounded(error: ExceptionInfo) -> ExceptionInfo {
    let traceback = cut_middle(&error.traceback.join("\n")).0;
    ExceptionInfo {
        name: cut_middle(&error.name).0,
        value: cut_middle(&error.value).0,
        traceback: traceback.split('\n').map(str::to_owned).collect(),
    }
}

/// The form of something shown that a model reads best.
fn text_of(shown: &DisplayData) -> Option<String> {
    let forms = ["text/markdown", "text/plain", "text/latex", "application/json", "text/html"];
    let found = forms.iter().find_map(|form| shown.data.get(*form))?;
    let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
    Some(cut_middle(&text).0)
}

/// A stream as it is told, and whether something of it was left out.
fn clip(stream: &CapturedStream) -> (String, bool) {
    if stream.omitted_bytes == 0 && stream.tail.is_empty() {
        return cut_middle(&stream.head);
    }
    let whole = whole(stream);
    let (text, _) = cut_middle(&whole);
    (text, stream.omitted_bytes > 0 || whole.len() > TEXT_BYTES_MAX)
}

/// All that was kept of a stream.
pub(in crate::mcp) fn whole(stream: &CapturedStream) -> String {
    match stream.omitted_bytes {
        0 => format!("{}{}", stream.head, stream.tail),
        omitted => format!("{}{}{}", stream.head, mark(omitted), stream.tail),
    }
}

fn mark(omitted: u64) -> String {
    format!("\n[... {omitted} bytes left out ...]\n")
}

/// The beginning and the end of a text, and whether that is not all of it.
fn cut_middle(text: &str) -> (String, bool) {
    if text.len() <= TEXT_BYTES_MAX {
        return (text.to_owned(), false);
    }
    let head = &text[..text.floor_char_boundary(TEXT_BYTES_MAX / 2)];
    let tail = &text[text.ceil_char_boundary(text.len() - TEXT_BYTES_MAX / 2)..];
    let omitted = text.len() - head.len() - tail.len();
    (format!("{head}{}{tail}", mark(omitted as u64)), true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn turn(stdout: &str) -> Value {
        let stream = |text: &str| {
            let total = text.len();
            json!({"head": text, "tail": "", "total_bytes": total, "omitted_bytes": 0})
        };
        json!({
            "turn_id": "t", "outcome": "raised", "exit_code": null, "signal": null, "limit": null,
            "stdout": stream(stdout), "stderr": stream(""),
            "displays": [{"data": {"text/plain": "shown"}, "metadata": {}}],
            "result": {"data": {"text/plain": "42"}, "metadata": {}},
            "exception": {"name": "KeyError", "value": "'x'", "traceback": ["line 1", "KeyError"]},
            "execution_count": 1,
            "files": [{"path": "a b.png", "change": "created", "size_bytes": 7, "sha256": null,
                "mime": "image/png"}],
            "usage": {"wall_time_ms": 1250, "cpu_time_ms": null, "memory_peak_bytes": null,
                "pids_peak": null},
            "state_lost": false, "detail": null, "explanation": null
        })
    }

    #[test]
    fn a_turn_is_told_in_words_and_in_fields() {
        let answer = ended(("s", "r"), &ReadyJson::of(&turn("hello\n"), 0).unwrap()).unwrap();
        let content = serde_json::to_value(&answer.content).unwrap();
        assert_eq!(
            content[0]["text"],
            "hello\n[shown]\nshown\n[result]\n42\n[error]\nline 1\nKeyError\n\
             [raised after 1.25 s; session s; created a b.png]"
        );
        assert_eq!(content[1]["type"], "resource_link");
        assert_eq!(content[1]["uri"], "cellblock://sessions/s/files/a%20b.png");
        let told = serde_json::to_value(&answer.structured).unwrap();
        assert_eq!((&told["outcome"], &told["status"]), (&json!("raised"), &json!("ended")));
        assert_eq!(told["error"]["name"], "KeyError");
    }

    #[test]
    fn a_long_output_loses_its_middle_and_is_linked_to() {
        let long = format!("begin{}end", "\u{e9}".repeat(TEXT_BYTES_MAX));
        let answer = ended(("s", "r"), &ReadyJson::of(&turn(&long), 0).unwrap()).unwrap();
        let told = serde_json::to_value(&answer.structured).unwrap();
        let stdout = told["stdout"].as_str().unwrap();
        assert!(stdout.starts_with("begin") && stdout.ends_with("end"));
        assert!(stdout.len() < TEXT_BYTES_MAX + 100);
        assert_eq!(told["stdout_truncated"], true);
        let content = serde_json::to_value(&answer.content).unwrap();
        assert_eq!(content[1]["uri"], "cellblock://sessions/s/runs/r/stdout");
    }
}
