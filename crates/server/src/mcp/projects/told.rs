//! Runs of projects as they are told. Pure, but for the bytes of outputs.

use api::{Outcome, OutputHead, RunOutputs, RunRecord, RunStatus, Timestamp};
use record::RunEvent;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The most of a stream that is told, by the contract.
const STREAM_BYTES_MAX: usize = 4096;
/// The key of a result that is no object.
const RESULT: &str = "result";

/// Where a run is, in the contract's words.
pub(super) const fn status(record: &RunRecord) -> &'static str {
    match record.status {
        // The contract has no other word for it; the error says what it is.
        RunStatus::Lost => "failed",
        status => status.word(),
    }
}

/// Which statuses are told by the contract's word for this one.
pub(super) fn statuses(word: RunStatus) -> Vec<RunStatus> {
    match word {
        RunStatus::Failed => vec![RunStatus::Failed, RunStatus::Lost],
        status => vec![status],
    }
}

/// Why a run did not succeed.
pub(super) fn error(record: &RunRecord) -> Option<String> {
    if let Some(error) = &record.error {
        return Some(error.message.clone());
    }
    let text = match (record.status, &record.outcome) {
        (RunStatus::Pending | RunStatus::Running | RunStatus::Success, _) => return None,
        (RunStatus::Lost, _) => "what ran it died before it could say how it ended; it was not \
                                 run again"
            .to_owned(),
        (RunStatus::TimedOut, _) => "it ran longer than it may".to_owned(),
        (RunStatus::Cancelled, _) => "it was taken back".to_owned(),
        (RunStatus::Failed, Some(Outcome::Exited { code })) => {
            format!("it ended with the exit status {code}; see stderr")
        }
        (RunStatus::Failed, Some(Outcome::Signaled { signal })) => {
            format!("signal {signal} ended it")
        }
        (RunStatus::Failed, Some(Outcome::OutOfMemory)) => {
            "it needed more memory than it may have".to_owned()
        }
        (RunStatus::Failed, _) => "it failed".to_owned(),
    };
    Some(text)
}

/// The beginning of a stream, and whether that is not all of it.
pub(super) fn stream(stream: &OutputHead) -> (String, bool) {
    let text = &stream.head[..stream.head.floor_char_boundary(STREAM_BYTES_MAX)];
    let is_cut = text.len() < stream.head.len() || stream.total_bytes > STREAM_BYTES_MAX as u64;
    (text.to_owned(), is_cut)
}

/// What a run that goes on has written to a stream.
pub(super) fn written(events: &[RunEvent], stream: &str) -> OutputHead {
    let of_stream = events.iter().filter(|event| event.kind == stream);
    let head: String = of_stream.map(|event| event.data.as_str()).collect();
    OutputHead { total_bytes: head.len() as u64, head, sha256: None }
}

/// What a run left, by the name of the file or the key of its result.
pub(super) fn outputs(record: &RunRecord, files: RunOutputs) -> Map<String, Value> {
    let mut outputs = match record.result.clone() {
        Some(Value::Object(result)) => result,
        Some(Value::Null) | None => Map::new(),
        Some(value) => Map::from_iter([(RESULT.to_owned(), value)]),
    };
    for (name, file) in files {
        let value = match (file.json, file.text) {
            (Some(json), _) => json,
            (None, Some(text)) => Value::String(text),
            (None, None) => serde_json::json!({
                "media_type": file.media_type,
                "size_bytes": file.size_bytes,
                "sha256": file.sha256,
            }),
        };
        outputs.insert(name, value);
    }
    outputs
}

/// A moment as the contract has it.
pub(super) fn moment(at: Option<Timestamp>) -> Option<String> {
    let text = at?.to_string();
    Some(text.strip_suffix('Z').map_or_else(|| text.clone(), |text| format!("{text}+00:00")))
}

/// How long a run took.
pub(super) fn duration_seconds(record: &RunRecord) -> Option<f64> {
    let millis = record.ended_at?.unix_ms().saturating_sub(record.started_at?.unix_ms());
    let millis = u32::try_from(millis.max(0)).unwrap_or(u32::MAX);
    Some(f64::from(millis) / 1000.0)
}

/// A run in one line of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunSummary {
    /// Its id.
    pub(super) run_id: String,
    /// Its number among its project's runs.
    run_number: Option<u64>,
    /// The project's name.
    project_name: Option<String>,
    /// The model, where one was run.
    model_name: Option<String>,
    /// Where it is: `pending`, `running`, `success`, `failed`, `timed_out` or `cancelled`.
    pub(super) status: String,
    /// The branch that was asked for.
    branch: Option<String>,
    /// The commit.
    commit_sha: Option<String>,
    /// The data that it saw.
    data_snapshot_ref: Option<String>,
    /// When it was asked for, RFC 3339.
    queued_at: Option<String>,
    /// When it started, RFC 3339.
    started_at: Option<String>,
    /// When it ended, RFC 3339.
    finished_at: Option<String>,
    /// Why it did not succeed.
    error_message: Option<String>,
}

impl RunSummary {
    pub(super) fn of(record: &RunRecord) -> Self {
        Self {
            run_id: record.run_id.to_string(),
            run_number: record.number,
            project_name: record.project.clone(),
            model_name: record.model.clone(),
            status: status(record).to_owned(),
            branch: record.branch.clone(),
            commit_sha: record.commit_sha.clone(),
            data_snapshot_ref: record.snapshot.clone(),
            queued_at: moment(Some(record.queued_at)),
            started_at: moment(record.started_at),
            finished_at: moment(record.ended_at),
            error_message: error(record),
        }
    }

    pub(super) fn line(&self) -> String {
        let model = self.model_name.as_deref().unwrap_or("project");
        let project = self.project_name.as_deref().unwrap_or("-");
        format!("- {} {} {project}/{model}", self.run_id, self.status)
    }
}
