//! Takes the engine's events: notes when a run has begun, and writes its log where
//! somebody reads it.

use std::sync::Arc;

use api::{Event, StreamName};
use engine::EventSink;
use serde_json::json;

use super::text::Text;
use crate::table::Work;

/// Takes the events of one run.
pub(crate) struct Recorder {
    work: Arc<Work>,
    stdout: Text,
    stderr: Text,
    /// Bytes of output so far.
    bytes: usize,
}

impl Recorder {
    pub(crate) fn new(work: Arc<Work>) -> Self {
        Self { work, stdout: Text::default(), stderr: Text::default(), bytes: 0 }
    }

    /// Tells what was held back, and how many bytes of output there were. To be called when
    /// there is no more.
    pub(crate) fn finish(&mut self) -> usize {
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        self.tell("stdout", stdout);
        self.tell("stderr", stderr);
        self.bytes
    }

    fn tell(&self, kind: &'static str, text: String) {
        if let Some(log) = self.work.log()
            && !text.is_empty()
        {
            log.push(kind, json!({ "text": text }));
        }
    }
}

impl EventSink for Recorder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started { run_id } => self.work.started(run_id.to_string()),
            Event::TurnStarted { turn_id } => self.work.started(turn_id.to_string()),
            Event::Output { bytes, .. } => self.bytes = self.bytes.saturating_add(bytes.len()),
            _ => {}
        }
        let Some(log) = self.work.log() else { return };
        match event {
            Event::Started { run_id } => log.push("run.started", json!({ "run_id": run_id })),
            Event::TurnStarted { turn_id } => {
                log.push("turn.started", json!({ "turn_id": turn_id }));
            }
            Event::Output { stream: StreamName::Stdout, bytes } => {
                let text = self.stdout.push(bytes);
                self.tell("stdout", text);
            }
            Event::Output { stream: StreamName::Stderr, bytes } => {
                let text = self.stderr.push(bytes);
                self.tell("stderr", text);
            }
            Event::Omitted { stream, bytes } => {
                log.push("omitted", json!({ "stream": stream, "bytes": bytes }));
            }
            Event::Display { data } => log.push("display", data),
            Event::Clear { wait } => log.push("clear", json!({ "wait": wait })),
            Event::Value { data } => log.push("result", data),
        }
    }
}
