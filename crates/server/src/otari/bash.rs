//! `bash_code_execution`: a command beside the session's kernel.

use std::time::Duration;

use api::{Outcome, Program, TimeLimit};
use engine::{Asker, Cancel, Input, RunIo, SessionError, SessionRun, SessionRunResult};

use super::{
    python::{self, seconds},
    ran::{Ran, Unheard, clip, produced},
};
use crate::table::Entry;

/// What the shell is called, by itself and in its messages.
const SHELL: &str = "/bin/bash";
/// The longest command that is an argument: Linux takes 128 KiB of one.
const ARGUMENT_BYTES_MAX: usize = 100_000;
/// How a longer one is taken: read first, then run without input.
const FROM_INPUT: &str = "eval \"$(cat)\" < /dev/null";

/// Runs a command.
///
/// # Errors
/// As of a program in a session.
pub(super) async fn run(
    entry: &Entry,
    command: String,
    (time, cancel, asker): (Duration, Cancel, Asker),
    most: u64,
) -> Result<Ran, SessionError> {
    let bound = bound(entry.session.policy().limits().memory_bytes);
    let (line, stdin) = if command.len() > ARGUMENT_BYTES_MAX {
        (FROM_INPUT.to_owned(), Input::of_bytes(command.into_bytes()))
    } else {
        (command, Input::Empty)
    };
    let run = SessionRun {
        args: ["-c".to_owned(), bound + &line, SHELL.to_owned()].into(),
        wall_time: Some(time),
        ..SessionRun::new(Program::Command { name: "bash".to_owned() })
    };
    let io = RunIo { events: &mut Unheard, stdin, cancel: cancel.clone(), asker };
    let done = entry.session.run(&run, io).await?;
    if done.result.outcome == Outcome::OutOfMemory {
        python::renew(entry, &cancel).await?;
    }
    Ok(told(done, time, most))
}

/// Has allocations of each process fail that are beyond the session's memory, before
/// all of the session is killed for them. Stands on the command's first line, whose
/// number messages show.
fn bound(memory_bytes: u64) -> String {
    format!("ulimit -Sd {} 2> /dev/null; ", memory_bytes / 1024)
}

fn told(done: SessionRunResult, time: Duration, most: u64) -> Ran {
    let SessionRunResult { result, changes } = done;
    let ran = Ran {
        stdout: clip(&result.stdout, most),
        stderr: clip(&result.stderr, most),
        files: produced(changes),
        ..Ran::default()
    };
    let limit = |name: &str| format!("bash: killed by sandbox limit ({name})\n");
    match result.outcome {
        Outcome::Exited { code } => Ran { return_code: code, ..ran },
        Outcome::Signaled { signal } => Ran { return_code: -signal, ..ran },
        Outcome::TimedOut { limit: TimeLimit::WallTime } => {
            let reason = format!("bash: command timed out after {}s\n", seconds(time));
            Ran { timed_out: true, ..ran }.ended(&reason)
        }
        Outcome::TimedOut { limit: TimeLimit::CpuTime } => ran.ended(&limit("cpu")),
        Outcome::OutOfMemory => ran.ended(&limit("memory")),
        Outcome::OutputLimited => ran.ended(&limit("output")),
        Outcome::Cancelled => ran.ended("bash: command was interrupted\n"),
        Outcome::Denied { .. } | Outcome::Raised | Outcome::KernelDied => {
            ran.ended("bash: command ended unexpectedly\n")
        }
    }
}
