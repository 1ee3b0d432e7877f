//! `code_execution`: code for the session's kernel.

use std::time::Duration;

use api::{CapturedStream, Outcome, TimeLimit, TurnRequest, TurnResult};
use engine::{Asker, Cancel, NoInput, SessionError, TurnIo};

use super::ran::{Ran, Unheard, clip, clip_text, produced, without_newline};
use crate::table::Entry;

/// The name that tracebacks show.
const FILE_NAME: &str = "<sandbox>";
/// The signals by which a kernel ends that say which limit it was.
const LIMIT_SIGNALS: [(i32, &str); 3] = [(9, "memory"), (24, "cpu"), (25, "file_size")];
/// What a status adds to the number of a signal.
const SIGNAL_BASE: i32 = 128;

/// Runs code in the session's kernel.
///
/// # Errors
/// As of a turn.
pub(super) async fn run(
    entry: &Entry,
    code: String,
    (time, cancel, asker): (Duration, Cancel, Asker),
    most: u64,
) -> Result<Ran, SessionError> {
    prepare(entry, &cancel).await?;
    let result = turn(entry, code, (time, cancel, asker)).await?;
    if result.state_lost
        && let Some(handle) = &entry.otari
    {
        handle.set_prepared(false);
    }
    Ok(told(result, time, most))
}

/// Has allocations fail that are beyond the session's memory, so that code gets an
/// exception where it would otherwise be killed. What code raises again is bounded all
/// the same.
async fn prepare(entry: &Entry, cancel: &Cancel) -> Result<(), SessionError> {
    let Some(handle) = entry.otari.as_ref().filter(|handle| !handle.is_prepared()) else {
        return Ok(());
    };
    let bytes = entry.session.policy().limits().memory_bytes;
    let code = format!(
        "__import__('resource').setrlimit(2, ({bytes}, \
         __import__('resource').getrlimit(2)[1]))"
    );
    // Where it cannot be had, memory is bounded otherwise.
    let own = Asker::default().with_own_account();
    let done = turn(entry, code, (PREPARE_TIME_MAX, cancel.clone(), own)).await?;
    handle.set_prepared(done.outcome.is_success());
    Ok(())
}

/// Sees to a session whose programs were killed for their memory, its kernel perhaps
/// among them.
pub(super) async fn renew(entry: &Entry, cancel: &Cancel) -> Result<(), SessionError> {
    if let Some(handle) = &entry.otari {
        handle.set_prepared(false);
    }
    prepare(entry, cancel).await
}

/// How long that may take.
const PREPARE_TIME_MAX: Duration = Duration::from_secs(5);

async fn turn(
    entry: &Entry,
    code: String,
    (time, cancel, asker): (Duration, Cancel, Asker),
) -> Result<TurnResult, SessionError> {
    let request = TurnRequest {
        code,
        silent: true,
        plain: true,
        file_name: Some(FILE_NAME.to_owned()),
        ..TurnRequest::default()
    };
    let (input, wall_time) = (&mut NoInput, Some(time));
    let io = TurnIo { events: &mut Unheard, cancel, input, wall_time, asker };
    entry.session.turn(&request, io).await
}

fn told(result: TurnResult, time: Duration, most: u64) -> Ran {
    let ran = Ran {
        stdout: stripped(&result.stdout, most),
        stderr: stripped(&result.stderr, most),
        files: produced(result.files),
        ..Ran::default()
    };
    let limit = |name: &str| format!("runner: killed by sandbox limit ({name})\n");
    match result.outcome {
        Outcome::Exited { code } => Ran { return_code: code, ..ran },
        Outcome::Raised => {
            let lines = result.exception.map(|exception| exception.traceback.join("\n"));
            raised(ran, result.stderr, &lines.unwrap_or_default(), most)
        }
        Outcome::TimedOut { limit: TimeLimit::WallTime } => {
            let reason = format!("runner: execution timed out after {}s\n", seconds(time));
            Ran { timed_out: true, ..ran }.ended(&reason)
        }
        Outcome::TimedOut { limit: TimeLimit::CpuTime } => ran.ended(&limit("cpu")),
        Outcome::OutOfMemory => ran.ended(&limit("memory")),
        Outcome::OutputLimited => ran.ended(&limit("output")),
        Outcome::Cancelled => ran.ended("runner: execution was interrupted\n"),
        Outcome::Signaled { signal } => Ran { return_code: -signal, ..ran },
        Outcome::KernelDied | Outcome::Denied { .. } => {
            let detail = result.detail.unwrap_or_default();
            // Process 1 ends with a status in the place of a signal.
            let is_it = |(signal, _): &&(i32, _)| {
                detail.ends_with(&format!("signal {signal}"))
                    || detail.ends_with(&format!("status {}", SIGNAL_BASE + signal))
            };
            let signal = LIMIT_SIGNALS.iter().find(is_it);
            match signal {
                Some((_, name)) => ran.ended(&limit(name)),
                None => ran.ended("runner: process exited unexpectedly\n"),
            }
        }
    }
}

fn stripped(stream: &CapturedStream, most: u64) -> String {
    if stream.omitted_bytes > 0 {
        return clip(stream, most);
    }
    clip_text(without_newline(&stream.head), most)
}

/// The traceback stands behind what the code itself wrote.
fn raised(ran: Ran, stderr: CapturedStream, traceback: &str, most: u64) -> Ran {
    let stderr = if stderr.omitted_bytes > 0 {
        // What was written is cut; what went wrong is not.
        format!("{}\n{traceback}", ran.stderr)
    } else {
        clip_text(without_newline(&(stderr.head + traceback)), most)
    };
    Ran { stderr, return_code: 1, ..ran }
}

/// A limit of time in seconds, as messages have it.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use api::{ExceptionInfo, TurnId, Usage};

    use super::{super::ran::ENDED, *};

    fn result(outcome: Outcome, stdout: &str, stderr: &str) -> TurnResult {
        let stream = |text: &str| CapturedStream {
            head: text.to_owned(),
            total_bytes: text.len() as u64,
            ..CapturedStream::default()
        };
        TurnResult {
            turn_id: TurnId::generate(),
            outcome,
            stdout: stream(stdout),
            stderr: stream(stderr),
            displays: Vec::new(),
            result: None,
            exception: None,
            execution_count: None,
            files: Vec::new(),
            usage: Usage::default(),
            state_lost: false,
            detail: None,
        }
    }

    fn tell(result: TurnResult) -> (i32, String, String) {
        let ran = told(result, Duration::from_millis(900), 100);
        (ran.return_code, ran.stdout, ran.stderr)
    }

    #[test]
    fn each_outcome_is_told_as_clients_know_it() {
        let limit = |name: &str| format!("runner: killed by sandbox limit ({name})\n");
        let late = "e\nrunner: execution timed out after 1s\n".to_owned();
        let timed_out = |limit| Outcome::TimedOut { limit };
        let died = "runner: process exited unexpectedly\n".to_owned();
        let table = [
            (Outcome::Exited { code: 0 }, 0, "e".to_owned()),
            (Outcome::Exited { code: 7 }, 7, "e".to_owned()),
            (timed_out(TimeLimit::WallTime), ENDED, late),
            (timed_out(TimeLimit::CpuTime), ENDED, format!("e\n{}", limit("cpu"))),
            (Outcome::OutOfMemory, ENDED, format!("e\n{}", limit("memory"))),
            (Outcome::KernelDied, ENDED, format!("e\n{died}")),
        ];
        for (outcome, code, stderr) in table {
            let told = tell(result(outcome, "o\n", "e\n"));
            assert_eq!(told, (code, "o".to_owned(), stderr), "{outcome:?}");
        }
    }

    #[test]
    fn a_signal_tells_which_limit_it_was() {
        for (signal, name) in [(9, "memory"), (24, "cpu"), (25, "file_size")] {
            let by_signal = format!("the kernel was ended by signal {signal}");
            let by_status = format!("the kernel ended with status {}", 128 + signal);
            for detail in [by_signal, by_status] {
                let died =
                    TurnResult { detail: Some(detail), ..result(Outcome::KernelDied, "", "") };
                assert_eq!(tell(died).2, format!("runner: killed by sandbox limit ({name})\n"));
            }
        }
    }

    #[test]
    fn a_traceback_stands_behind_what_was_written() {
        let exception = ExceptionInfo {
            traceback: vec!["Traceback:".to_owned(), "E: x".to_owned()],
            ..ExceptionInfo::default()
        };
        let raised =
            TurnResult { exception: Some(exception), ..result(Outcome::Raised, "o\n\n", "e\n") };
        assert_eq!(tell(raised), (1, "o\n".to_owned(), "e\nTraceback:\nE: x".to_owned()));
    }
}
