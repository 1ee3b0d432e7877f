//! What came of one invocation, inside or outside the sandbox, in one shape.

use std::{
    io::{Read, Write as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use serde_json::{Value, json};

/// The longest that any invocation may take before the harness ends it: well
/// above the longest case, so that reaching it is a finding.
const PATIENCE: Duration = Duration::from_secs(75);

/// The most kept of a stream: above any output limit that a case sets.
const STREAM_BYTES_MAX: usize = 96 << 20;

/// How long a stream may stay open after its program has ended.
const LINGERING: Duration = Duration::from_millis(500);

/// How often the harness asks whether an invocation has ended.
const POLL: Duration = Duration::from_millis(3);

/// A finished process, with everything that it wrote.
#[derive(Debug)]
pub struct Finished {
    /// Its process id.
    pub pid: u32,
    /// How it ended; `None` if the harness had to end it.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
    /// How long it took.
    pub elapsed: Duration,
}

/// One attempt as the program reported it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its name.
    pub name: String,
    /// `ok`, the name of an error number, the name of a signal, or a value.
    pub result: String,
}

/// What came of one invocation.
#[derive(Debug)]
pub struct Observation {
    /// The run's result as `--json` prints it.
    pub result: Value,
    /// The attempts that the program reported.
    pub attempts: Vec<Attempt>,
    /// Every byte that came out, for the scan for canaries.
    pub output: Vec<Vec<u8>>,
    /// How long it took.
    pub elapsed: Duration,
}

/// Runs a command to its end, draining both streams, bounded in time.
///
/// # Errors
/// It cannot be started.
pub fn finish(command: &mut Command, stdin_bytes: usize) -> anyhow::Result<Finished> {
    let start = Instant::now();
    let input = if stdin_bytes == 0 { Stdio::null() } else { Stdio::piped() };
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("starting {command:?}"))?;
    let pid = child.id();
    if let Some(mut stdin) = child.stdin.take() {
        thread::spawn(move || {
            let block = vec![b'x'; 1 << 16];
            let mut rest = stdin_bytes;
            while rest > 0 && stdin.write_all(&block[..rest.min(block.len())]).is_ok() {
                rest -= rest.min(block.len());
            }
        });
    }
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let status = wait(&mut child, start + PATIENCE)?;
    let elapsed = start.elapsed();
    Ok(Finished { pid, status, stdout: stdout.take(), stderr: stderr.take(), elapsed })
}

/// A stream that is read on a thread of its own.
struct Drain {
    kept: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

fn drain(stream: Option<impl Read + Send + 'static>) -> Drain {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&kept);
    let reader = thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut block = vec![0; 1 << 16];
        while let Ok(count @ 1..) = stream.read(&mut block) {
            let Ok(mut kept) = shared.lock() else { return };
            let room = STREAM_BYTES_MAX.saturating_sub(kept.len());
            kept.extend_from_slice(&block[..count.min(room)]);
        }
    });
    Drain { kept, reader }
}

impl Drain {
    /// What was read. Waits for the end, but not for long: a process that was
    /// left behind may hold the other end for ever.
    fn take(self) -> Vec<u8> {
        let deadline = Instant::now() + LINGERING;
        while !self.reader.is_finished() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
        self.kept.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }
}

fn wait(child: &mut Child, deadline: Instant) -> anyhow::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}

/// Reads the lines that are reports of attempts.
#[must_use]
pub fn attempts(text: &str) -> Vec<Attempt> {
    let report = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        let name = value.get("attempt")?.as_str()?.to_owned();
        let result = match value.get("result")? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(Attempt { name, result })
    };
    text.lines().filter_map(report).collect()
}

impl Observation {
    /// Of a run of `cellblock … --json`.
    #[must_use]
    pub fn of_sandbox(finished: Finished) -> Self {
        let result: Value = serde_json::from_slice(&finished.stdout).unwrap_or_else(|_| {
            json!({
                "harness": "the output is not one JSON object",
                "status": finished.status.and_then(|status| status.code()),
                "stdout": String::from_utf8_lossy(&finished.stdout),
                "stderr": String::from_utf8_lossy(&finished.stderr),
            })
        });
        let text = |pointer| result.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let streams = ["/stdout", "/stderr"];
        let mut output: Vec<Vec<u8>> =
            streams.iter().map(|pointer| text(pointer).as_bytes().to_vec()).collect();
        let attempts = attempts(text("/stdout"));
        output.extend([finished.stdout, finished.stderr]);
        Self { attempts, output, elapsed: finished.elapsed, result }
    }

    /// Of a plain process, in the same shape.
    #[must_use]
    pub fn of_plain(finished: Finished) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let code = finished.status.and_then(|status| status.code());
        let signal = finished.status.and_then(|status| status.signal());
        let outcome = match (code, signal) {
            (Some(_), _) => "exited",
            (None, Some(_)) => "signaled",
            _ => "endless",
        };
        let result = json!({
            "outcome": outcome, "exit_code": code, "signal": signal, "limit": null,
            "stdout": String::from_utf8_lossy(&finished.stdout),
            "stderr": String::from_utf8_lossy(&finished.stderr),
            "stdout_bytes": finished.stdout.len(), "stdout_truncated": false,
            "stderr_bytes": finished.stderr.len(), "stderr_truncated": false,
        });
        let attempts = attempts(&String::from_utf8_lossy(&finished.stdout));
        let output = vec![finished.stdout, finished.stderr];
        Self { result, attempts, output, elapsed: finished.elapsed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_attempts_are_told_from_other_lines() {
        let found = attempts("x\n{\"attempt\":\"mount\",\"result\":\"EPERM\"}\n{}\n");
        assert_eq!(found, [Attempt { name: "mount".into(), result: "EPERM".into() }]);
    }

    #[test]
    fn a_plain_process_is_seen_with_its_status_and_output() {
        let finished =
            finish(Command::new("sh").args(["-c", "cat | wc -c; exit 3"]), 70_000).unwrap();
        let seen = Observation::of_plain(finished);
        assert_eq!(seen.result["exit_code"], 3);
        assert_eq!(seen.result["stdout"], "70000\n");
    }
}
