//! Runs an installer and passes on what it says, line by line.
//!
//! Only installers are started from here, as an operator's act, never
//! anything that a caller's run names.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{self, PipeReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::environment::EnvironmentError;

/// An installer that says nothing for this long hangs: the largest packages
/// are fetched and unpacked in less.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);

/// A line is for a person to read; the rest of a longer one is dropped.
const LINE_BYTES_MAX: usize = 1000;

/// The lines that an error repeats: enough for a reason and its context.
const LINES_KEPT: usize = 12;

/// One call of an installer.
pub(super) struct Call<'a> {
    /// What is being done, for messages.
    pub(super) step: &'a str,
    pub(super) program: &'a Path,
    pub(super) args: Vec<OsString>,
    /// The directory it starts in.
    pub(super) directory: &'a Path,
    /// Its env vars, complete; later ones win.
    pub(super) env_vars: Vec<(String, String)>,
}

/// What gets each line.
pub(super) type Progress<'a> = &'a mut dyn FnMut(&str);

impl Call<'_> {
    /// Runs it to its end and gives what it said last.
    ///
    /// # Errors
    /// It cannot be started, fails, or hangs.
    pub(super) fn run(self, progress: Progress<'_>) -> Result<Vec<String>, EnvironmentError> {
        let program = self.program.to_owned();
        let failed = |source| EnvironmentError::Files { action: "starting", path: program, source };
        let step = self.step.to_owned();
        let (mut child, output) = self.start().map_err(failed)?;
        let mut lines = Lines::default();
        let followed = follow(output, |bytes| lines.take(bytes, progress));
        lines.end(progress);
        let status = match followed {
            Ok(()) => child.wait(),
            Err(error) => end(&mut child).and(Err(error)),
        };
        match status {
            Ok(status) if status.success() => Ok(lines.last.into()),
            Ok(status) => Err(lines.error(step, describe(status))),
            Err(error) => Err(lines.error(step, error.to_string())),
        }
    }

    fn start(self) -> io::Result<(Child, PipeReader)> {
        let (reader, writer) = io::pipe()?;
        let mut command = Command::new(self.program);
        command.args(self.args).current_dir(self.directory).env_clear().envs(self.env_vars);
        command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        // Our ends of the pipe go with the command, so that its end is seen.
        Ok((command.spawn()?, reader))
    }
}

fn follow(mut output: PipeReader, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let silence = Timespec::try_from(SILENCE_MAX).map_err(io::Error::other)?;
    let mut buffer = [0_u8; 8192];
    loop {
        let mut waited = [PollFd::new(&output, PollFlags::IN)];
        match poll(&mut waited, Some(&silence)) {
            Ok(0) => return Err(io::Error::other("it said nothing for 15 minutes")),
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match output.read(&mut buffer)? {
            0 => return Ok(()),
            length => take(&buffer[..length]),
        }
    }
}

fn end(child: &mut Child) -> io::Result<()> {
    child.kill()?;
    child.wait().map(drop)
}

fn describe(status: ExitStatus) -> String {
    status.code().map_or_else(|| "a signal".to_owned(), |code| code.to_string())
}

/// The lines of an output that comes in pieces.
#[derive(Default)]
struct Lines {
    begun: Vec<u8>,
    last: VecDeque<String>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], progress: Progress<'_>) {
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => self.end(progress),
                _ if self.begun.len() < LINE_BYTES_MAX => self.begun.push(*byte),
                _ => {}
            }
        }
    }

    fn end(&mut self, progress: Progress<'_>) {
        let line = printable(&String::from_utf8_lossy(&self.begun));
        self.begun.clear();
        if line.trim().is_empty() {
            return;
        }
        progress(&line);
        self.last.push_back(line);
        if self.last.len() > LINES_KEPT {
            self.last.pop_front();
        }
    }

    fn error(self, step: String, status: String) -> EnvironmentError {
        let last_lines = Vec::from(self.last).join("\n");
        EnvironmentError::Installer { step, status, last_lines }
    }
}

/// A line without what would steer a terminal.
fn printable(line: &str) -> String {
    line.trim_end().chars().filter(|c| !c.is_control() || *c == '\t').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(script: &str) -> (Result<Vec<String>, EnvironmentError>, Vec<String>) {
        let mut lines = Vec::new();
        let call = Call {
            step: "testing",
            program: Path::new("/bin/sh"),
            args: vec!["-c".into(), script.into()],
            directory: Path::new("/"),
            env_vars: vec![("A".to_owned(), "1".to_owned())],
        };
        let result = call.run(&mut |line| lines.push(line.to_owned()));
        (result, lines)
    }

    #[test]
    fn lines_of_both_streams_are_passed_on() {
        let (result, lines) = call("echo one; echo two >&2; printf 'th\\033[1mree\\r\\n\\nlast'");
        assert!(result.is_ok());
        assert_eq!(lines, ["one", "two", "th[1mree", "last"]);
    }

    #[test]
    fn it_gets_the_given_env_vars_only() {
        let (_, lines) = call("echo $A-$HOME-$CARGO_MANIFEST_DIR");
        assert_eq!(lines, ["1--"]);
    }

    #[test]
    fn a_failure_tells_status_and_last_lines() {
        let (result, _) = call("for i in $(seq 100); do echo line $i; done; exit 3");
        let Err(EnvironmentError::Installer { step, status, last_lines }) = result else {
            panic!("{result:?}")
        };
        assert_eq!((step.as_str(), status.as_str()), ("testing", "3"));
        assert!(last_lines.starts_with("line 89\n") && last_lines.ends_with("line 100"));
    }

    #[test]
    fn endless_lines_are_cut() {
        let (_, lines) = call("head -c 100000 /dev/zero | tr '\\0' x");
        assert_eq!(lines, ["x".repeat(LINE_BYTES_MAX)]);
    }
}
