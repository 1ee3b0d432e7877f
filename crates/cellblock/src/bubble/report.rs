//! What came of a command, in the words and places of bubble-sandbox. Pure.

use api::Outcome;
use serde::Serialize;

use crate::exit;

/// What came of a command, as its JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) return_code: u8,
    #[serde(skip)]
    pub(crate) ending: Ending,
}

/// How a command ended, and what of its output is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) timeout_seconds: f64,
    pub(crate) truncated: bool,
}

impl Eq for Ending {}

impl Report {
    /// The text for a person or an agent: how it ended if not well, then both streams.
    pub(crate) fn text(&self) -> String {
        let mut text = self.ending.line().map(|line| format!("{line}\n")).unwrap_or_default();
        text.push_str(&self.stdout);
        text.push_str(&self.stderr);
        if self.ending.truncated {
            text.push_str("\n<truncated>");
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

impl Ending {
    fn line(&self) -> Option<String> {
        match self.outcome {
            Outcome::Exited { code: 0 } => None,
            Outcome::Exited { code } => Some(format!("Exited with code: {code}")),
            Outcome::Raised | Outcome::KernelDied => {
                let code = exit::of_outcome(&self.outcome);
                Some(format!("Exited with code: {code}"))
            }
            Outcome::TimedOut { .. } => {
                Some(format!("Timed out after {} seconds", self.timeout_seconds))
            }
            Outcome::Signaled { signal } => Some(format!("Terminated by signal {signal}")),
            ended => {
                let signal = exit::of_outcome(&ended).saturating_sub(exit::SIGNAL_BASE);
                Some(format!("Terminated by signal {signal}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use api::TimeLimit;

    use super::*;

    fn text(outcome: Outcome, timeout_seconds: f64, truncated: bool) -> String {
        let report = Report {
            stdout: "out\n".to_owned(),
            stderr: "err\n".to_owned(),
            return_code: exit::of_outcome(&outcome),
            ending: Ending { outcome, timeout_seconds, truncated },
        };
        report.text()
    }

    #[test]
    fn the_status_line_stands_first_and_only_when_there_is_something_to_say() {
        let timed_out = Outcome::TimedOut { limit: TimeLimit::WallTime };
        let table = [
            (text(Outcome::Exited { code: 0 }, 30.0, false), "out\nerr\n"),
            (text(Outcome::Exited { code: 3 }, 30.0, false), "Exited with code: 3\nout\nerr\n"),
            (text(timed_out, 2.0, false), "Timed out after 2 seconds\nout\nerr\n"),
            (text(timed_out, 0.5, false), "Timed out after 0.5 seconds\nout\nerr\n"),
            (
                text(Outcome::Signaled { signal: 11 }, 1.0, false),
                "Terminated by signal 11\nout\nerr\n",
            ),
            (text(Outcome::Raised, 1.0, false), "Exited with code: 1\nout\nerr\n"),
            (text(Outcome::OutOfMemory, 1.0, false), "Terminated by signal 9\nout\nerr\n"),
            (text(Outcome::Exited { code: 0 }, 1.0, true), "out\nerr\n\n<truncated>\n"),
        ];
        for (given, expected) in table {
            assert_eq!(given, expected);
        }
    }
}
