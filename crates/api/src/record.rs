//! What is kept of a run: of one-shot runs, turns, commands and project runs alike.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Enforcement, ErrorBody, Outcome, ProjectId, RunId, SessionId, Timestamp, Usage};

/// The text is none of the words that stand there.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {words}")]
pub struct UnknownWord {
    /// The text.
    pub word: String,
    /// The words that are known, for a message.
    pub words: &'static str,
}

macro_rules! words {
    ($name:ident, $all:literal, $($variant:ident => $word:literal,)+) => {
        impl $name {
            /// Every one, in the order of a run's life or of the words' importance.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word in JSON and on the command line.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.word())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord { word: word.to_owned(), words: $all }),
                }
            }
        }
    };
}

/// What kind of execution a record is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A run of its own, in a sandbox that ended with it.
    Run,
    /// A turn of a session.
    Turn,
    /// A command in a session's sandbox.
    Command,
    /// A project's code at a commit.
    Project,
}

words! {
    RunKind, "run, turn, command, project",
    Run => "run",
    Turn => "turn",
    Command => "command",
    Project => "project",
}

/// Where a run is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It waits for its turn.
    Pending,
    /// It has started.
    Running,
    /// It ended well.
    Success,
    /// It ended badly.
    Failed,
    /// It ran longer than it may.
    TimedOut,
    /// It was taken back.
    Cancelled,
    /// It had started, and what ran it died before it could say how it ended.
    Lost,
}

words! {
    RunStatus, "pending, running, success, failed, timed_out, cancelled, lost",
    Pending => "pending",
    Running => "running",
    Success => "success",
    Failed => "failed",
    TimedOut => "timed_out",
    Cancelled => "cancelled",
    Lost => "lost",
}

impl RunStatus {
    /// Whether it is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    /// The status that a run with this outcome ends in.
    #[must_use]
    pub const fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Exited { code: 0 } => Self::Success,
            Outcome::TimedOut { .. } => Self::TimedOut,
            Outcome::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// The beginning of an output stream, and where the rest is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputHead {
    /// The first bytes, as text; bytes that are not UTF-8 are replaced by U+FFFD.
    pub head: String,
    /// Bytes that the program wrote.
    pub total_bytes: u64,
    /// The SHA-256, in hexadecimal digits, under which more of it is kept, if it is.
    pub sha256: Option<String>,
}

/// Something that a run left, kept by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ArtifactInfo {
    /// Its name, such as the path below `/outputs`.
    pub name: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
    /// What it is, such as `text/csv`.
    pub media_type: String,
}

/// What is kept of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunRecord {
    /// The run's id; a turn's or a command's own id where it is about one.
    pub run_id: RunId,
    /// Its number among its project's runs, from 1; `null` without a project.
    pub number: Option<u64>,
    /// What kind of execution it was.
    pub kind: RunKind,
    /// Where it is in its life.
    pub status: RunStatus,
    /// The name of the key that asked for it; `local` for the command line.
    pub requested_by: String,
    /// The project.
    pub project_id: Option<ProjectId>,
    /// The project's name when the run was asked for.
    pub project: Option<String>,
    /// The model of the project.
    pub model: Option<String>,
    /// Whether the project or one model was run.
    pub scope: Option<String>,
    /// The branch that was asked for.
    pub branch: Option<String>,
    /// The commit that was run.
    pub commit_sha: Option<String>,
    /// The data snapshot that it saw.
    pub snapshot: Option<String>,
    /// The session that it was in.
    pub session_id: Option<SessionId>,
    /// The run that it repeats.
    pub rerun_of: Option<RunId>,
    /// How the code ended; `null` while it has not, and where that is not known.
    pub outcome: Option<Outcome>,
    /// The exit status, where it ended by itself.
    pub exit_code: Option<i32>,
    /// SHA-256 of the code, in hexadecimal digits.
    pub code_digest: Option<String>,
    /// The environment's name.
    pub environment: Option<String>,
    /// SHA-256 of the environment's lock and packages, in hexadecimal digits.
    pub environment_digest: Option<String>,
    /// SHA-256 of the resolved policy, in hexadecimal digits.
    pub policy_digest: Option<String>,
    /// What was enforced.
    pub enforcement: Option<Enforcement>,
    /// What it used.
    pub usage: Option<Usage>,
    /// When it was asked for.
    pub queued_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// What it wrote to standard output.
    pub stdout: OutputHead,
    /// What it wrote to standard error.
    pub stderr: OutputHead,
    /// Why there is no outcome, or what else went wrong.
    pub error: Option<ErrorBody>,
    /// What was asked for, as far as it takes to do it again.
    pub request: Option<serde_json::Value>,
    /// The result that it handed back, if it is small.
    pub result: Option<serde_json::Value>,
    /// What it left, by name; empty in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<ArtifactInfo>,
    /// How often it was started.
    pub attempt: u32,
    /// How often it may be started.
    pub attempts_max: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back_and_are_those_of_json() {
        for status in RunStatus::ALL {
            assert_eq!(status.word().parse(), Ok(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
        for kind in RunKind::ALL {
            assert_eq!(kind.word().parse(), Ok(*kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
        assert!("Success".parse::<RunStatus>().is_err());
    }
}
