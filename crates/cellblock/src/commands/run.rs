//! `run`, `exec` and `shell`: one run of code, of a program, of a command line.

use std::{ffi::OsString, os::fd::AsFd, time::Duration};

use api::{Event, Outcome, Program, RunRequest, RunResult, StartSpec};
use engine::{Cancel, EventSink, Input};

use super::{Context, plan};
use crate::{
    args::{ExecArgs, RunArgs, RunOptions, ShellArgs},
    code::{CodeError, Origin},
    drive::{Driven, Driver},
    exit,
    failure::{Failure, account},
    render::{self, RunJson, Streamed},
    request,
};

/// Runs code.
pub(super) fn code(args: RunArgs, context: &Context) -> Result<u8, Failure> {
    let (origin, words) = origin(args.code, args.words)?;
    // The code and the program cannot both be read from one stream.
    let takes_stdin = origin != Origin::Stdin;
    let source = origin.read(args.language.as_deref())?;
    let program = (Program::Source(source), request::arguments(words)?);
    carry_out(&args.options, program, takes_stdin, context)
}

/// Runs a program of the environment.
pub(super) fn program(args: ExecArgs, context: &Context) -> Result<u8, Failure> {
    let mut words = request::arguments(args.words)?.into_iter();
    let name = words.next().unwrap_or_default();
    carry_out(&args.options, (Program::Command { name }, words.collect()), true, context)
}

/// Runs a shell command line.
pub(super) fn shell(args: ShellArgs, context: &Context) -> Result<u8, Failure> {
    let mut words = vec!["-c".to_owned(), args.command, "sh".to_owned()];
    words.extend(request::arguments(args.words)?);
    let program = Program::Command { name: "sh".to_owned() };
    carry_out(&args.options, (program, words), true, context)
}

/// Where the code is, and the words after it.
fn origin(
    code: Option<String>,
    words: Vec<OsString>,
) -> Result<(Origin, Vec<OsString>), CodeError> {
    if let Some(text) = code {
        return Ok((Origin::Text(text), words));
    }
    let mut words = words.into_iter();
    match words.next() {
        Some(word) if word == "-" => Ok((Origin::Stdin, words.collect())),
        Some(word) if !word.is_empty() => Ok((Origin::File(word.into()), words.collect())),
        _ => Err(CodeError::NothingGiven),
    }
}

fn carry_out(
    options: &RunOptions,
    program: (Program, Vec<String>),
    takes_stdin: bool,
    context: &Context,
) -> Result<u8, Failure> {
    let request = request::of(options, program, &context.config.settings, &context.vars)?;
    if options.plan {
        return plan::print(&request, context);
    }
    // A parked interpreter has no standard input, nor has what is forked from it.
    let takes_stdin = takes_stdin && request.policy.start != Some(StartSpec::Fork);
    let stdin = if takes_stdin { stdin()? } else { Input::Empty };
    if options.json {
        as_json(request, stdin, options.quiet, context)
    } else {
        streamed(request, stdin, options.quiet, context)
    }
}

/// This process's standard input for the program.
fn stdin() -> Result<Input, Failure> {
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned();
    let failed = |source| Failure::Process { action: "pass standard input on", source };
    descriptor.map(Input::Descriptor).map_err(failed)
}

/// A sink for runs whose output is asked for at the end.
pub(super) struct Silent;

impl EventSink for Silent {
    fn event(&mut self, _: Event<'_>) {}
}

fn as_json(
    request: RunRequest,
    stdin: Input,
    quiet: bool,
    context: &Context,
) -> Result<u8, Failure> {
    let driver = Driver::start(&context.config.settings, &context.vars)?;
    let driven = driver.run(request, &mut Silent, (stdin, Cancel::new()))?;
    let status = status(&driven);
    render::json(&RunJson::new(&driven.result?, status))?;
    if let Some(line) = driven.remark.filter(|_| !quiet) {
        render::note(&line);
    }
    Ok(status)
}

fn streamed(
    request: RunRequest,
    stdin: Input,
    quiet: bool,
    context: &Context,
) -> Result<u8, Failure> {
    let driver = Driver::start(&context.config.settings, &context.vars)?;
    let limits = request.policy.limits.clone();
    let cancel = Cancel::new();
    let wall_time = Duration::from_millis(request::wall_time_ms(&limits));
    let mut sink = Streamed::new(cancel.clone(), wall_time, quiet);
    let driven = driver.run(request, &mut sink, (stdin, cancel))?;
    let written = sink.finish();
    let status = status(&driven);
    let result = driven.result?;
    written?;
    if !quiet {
        let told = remarks(&result, &request::worded(&limits));
        for line in told.into_iter().chain(driven.remark) {
            render::note(&line);
        }
    }
    Ok(status)
}

/// What a person should know of a run beside the program's own words.
fn remarks(result: &RunResult, limits: &crate::failure::Limits) -> Vec<String> {
    let failed = |file: &api::DownloadedFile| {
        let error = file.error.as_ref()?;
        Some(format!("{} was not brought back: {}", file.path, error.message))
    };
    let ending = account(&result.outcome, limits);
    ending.into_iter().chain(result.files.iter().filter_map(failed)).collect()
}

fn status(driven: &Driven) -> u8 {
    let Ok(result) = &driven.result else { return exit::FAILED };
    let is_file_missing = result.files.iter().any(|file| file.error.is_some());
    match (&result.outcome, driven.signal) {
        (Outcome::Cancelled, Some(signal)) => exit::of_signal(signal),
        (outcome, _) if outcome.is_success() && is_file_missing => exit::FAILED,
        (outcome, _) => exit::of_outcome(outcome),
    }
}
