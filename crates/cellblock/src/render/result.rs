//! A run's result as the command line's JSON: flat, with the streams as plain text.

use api::{
    CapturedStream, Control, ControlReport, Digests, DownloadedFile, Outcome, Phase, RunId,
    RunResult, Usage,
};
use serde::Serialize;

/// A run's result. Field names are a promise to whoever parses them.
#[derive(Debug, Serialize)]
pub(crate) struct RunJson<'a> {
    run_id: RunId,
    #[serde(flatten)]
    outcome: Outcome,
    phase: Phase,
    /// The exit status of this command.
    return_code: u8,
    stdout: String,
    stderr: String,
    stdout_bytes: u64,
    stderr_bytes: u64,
    stdout_truncated: bool,
    stderr_truncated: bool,
    files: &'a [DownloadedFile],
    usage: Usage,
    enforcement: EnforcementJson<'a>,
    digests: &'a Digests,
    /// Always `null` here: what we failed to do has a shape of its own.
    error: Option<()>,
}

#[derive(Debug, Serialize)]
struct EnforcementJson<'a> {
    backend: &'a str,
    controls: &'a std::collections::BTreeMap<Control, ControlReport>,
    missing: Vec<Control>,
}

impl<'a> RunJson<'a> {
    pub(crate) fn new(result: &'a RunResult, return_code: u8) -> Self {
        Self {
            run_id: result.run_id,
            outcome: result.outcome,
            phase: result.phase,
            return_code,
            stdout: joined(&result.stdout),
            stderr: joined(&result.stderr),
            stdout_bytes: result.stdout.total_bytes,
            stderr_bytes: result.stderr.total_bytes,
            stdout_truncated: result.stdout.omitted_bytes > 0,
            stderr_truncated: result.stderr.omitted_bytes > 0,
            files: &result.files,
            usage: result.usage,
            enforcement: EnforcementJson {
                backend: &result.enforcement.backend,
                controls: &result.enforcement.controls,
                missing: result.enforcement.missing().collect(),
            },
            digests: &result.digests,
            error: None,
        }
    }
}

/// A stream as one text; where bytes were left out, a line says how many.
fn joined(stream: &CapturedStream) -> String {
    match stream.omitted_bytes {
        0 => format!("{}{}", stream.head, stream.tail),
        omitted => format!("{}\n[... {omitted} bytes omitted ...]\n{}", stream.head, stream.tail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn left_out_bytes_are_counted_where_they_were() {
        let stream = CapturedStream {
            head: "ab".to_owned(),
            tail: "yz".to_owned(),
            total_bytes: 26,
            omitted_bytes: 22,
        };
        assert_eq!(joined(&stream), "ab\n[... 22 bytes omitted ...]\nyz");
    }
}
