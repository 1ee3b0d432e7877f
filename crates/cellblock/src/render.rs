//! Everything that this program says. Nothing else prints.
//!
//! Results go to standard output, our own words to standard error, each line of
//! them after `cellblock: `.

mod gallery;
mod inline;
mod result;
mod screen;
mod stream;
mod table;
mod tell;

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use api::ErrorBody;
use clap::error::ErrorKind;
use serde::Serialize;

use crate::{
    config::{Color, HostVars},
    exit,
    failure::Failure,
};

pub(crate) use gallery::Gallery;
pub(crate) use inline::Protocol;
pub(crate) use result::RunJson;
pub(crate) use screen::{OpenLine, Screen, TurnSink};
pub(crate) use stream::Streamed;
pub(crate) use table::{Style, Table};

/// Words of ours, for a person, each line after our name.
pub(crate) fn note(text: &str) {
    let mut lines = String::new();
    for line in text.lines() {
        let _ = writeln!(lines, "cellblock: {}", printable(line));
    }
    // Where standard error is closed, nobody is left to be told of that.
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// A line of a log, which is made to be one.
pub(crate) fn log_line(line: &str) {
    // Where standard error is closed, nobody is left to be told of that.
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// A line of progress, shown to a person who waits and to nobody else.
pub(crate) fn progress(line: &str) {
    if io::stderr().is_terminal() {
        note(line);
    }
}

/// Help that nobody asked for, on standard error.
pub(crate) fn help(text: &str) {
    // Where standard error is closed, nobody is left to be told of that.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Text on standard output.
///
/// # Errors
/// It cannot be written.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(Failure::Output)
}

/// A question of code inside, for the person who is to answer it.
///
/// # Errors
/// It cannot be written.
pub(crate) fn question(prompt: &str) -> io::Result<()> {
    let prompt = tell::tamed(prompt);
    if !io::stdout().is_terminal() {
        // A file that takes the output would hide it.
        return io::stderr().write_all(prompt.as_bytes());
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(prompt.as_bytes())?;
    stdout.flush()
}

/// A JSON value on a line of standard output.
///
/// # Errors
/// It cannot be written.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|error| Failure::Output(error.into()))?;
    text(&format!("{line}\n"))
}

/// A JSON value over several lines of standard output.
///
/// # Errors
/// It cannot be written.
pub(crate) fn pretty_json(value: &impl Serialize) -> Result<(), Failure> {
    let lines = serde_json::to_string_pretty(value);
    let lines = lines.map_err(|error| Failure::Output(error.into()))?;
    text(&format!("{lines}\n"))
}

#[derive(Serialize)]
struct ErrorJson<'a> {
    error: &'a ErrorBody,
}

/// Reports a failure: to a person in words, to a program as JSON.
pub(crate) fn failure(failure: &Failure, as_json: bool) {
    if failure.is_silent() {
        return;
    }
    let body = failure.body();
    if as_json {
        // What cannot be written now was what failed.
        let _ = json(&ErrorJson { error: &body });
        return;
    }
    note(&body.message);
    if let Some(hint) = &body.hint {
        note(&format!("hint: {hint}"));
    }
}

/// Reports that the command line makes no sense, or prints the help that was
/// asked for; gives the exit status.
pub(crate) fn usage(error: &clap::Error, as_json: bool) -> u8 {
    if !error.use_stderr() {
        // A reader that closed the pipe has read enough of the help.
        let _ = error.print();
        return exit::SUCCESS;
    }
    let rendered = error.render().to_string();
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        help(&rendered);
        return exit::USAGE;
    }
    let message = rendered.trim_end().strip_prefix("error: ").unwrap_or(&rendered);
    if as_json {
        let body = ErrorBody {
            code: api::ErrorCode::InvalidRequest,
            message: message.lines().next().unwrap_or_default().to_owned(),
            hint: Some("`cellblock --help` lists commands and flags".to_owned()),
            retryable: false,
        };
        let _ = json(&ErrorJson { error: &body });
    } else {
        let _ = writeln!(io::stderr(), "cellblock: {message}");
    }
    exit::USAGE
}

/// How reports on standard output are to look.
pub(crate) fn style(color: Color, vars: &HostVars) -> Style {
    style_of(io::stdout().is_terminal(), color, vars)
}

/// How a stream is to look that is a terminal, or not.
pub(crate) fn style_of(is_terminal: bool, color: Color, vars: &HostVars) -> Style {
    let colored = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => is_terminal && !vars.no_color(),
    };
    Style { colored }
}

/// The same of text in lines.
pub(crate) fn tamed(text: &str) -> std::borrow::Cow<'_, str> {
    tell::tamed(text)
}

/// Text that may come from inside, without anything that a terminal would act on.
pub(crate) fn printable(text: &str) -> String {
    let plain = |letter: char| match letter {
        '\t' => ' ',
        letter if letter.is_control() => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    text.chars().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_inside_reaches_a_terminal_as_a_command() {
        assert_eq!(printable("a\x1b[2Jb\tc\u{9b}d"), "a\u{fffd}[2Jb c\u{fffd}d");
    }
}
