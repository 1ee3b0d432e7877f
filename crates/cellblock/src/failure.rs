//! What ends a command before its natural end, and the one place that words it.

use std::io;

use api::{ErrorBody, ErrorCode, Outcome, with_causes};
use engine::{RunError, SessionError, environment::EnvironmentError};
use project::ProjectError;
use server::keys::{InvalidKeyId, KeyError};

use crate::{
    bubble::BubbleError, code::CodeError, config::ConfigError, duration::InvalidDuration, exit,
    limit, request::RequestError, session::InvalidOrder,
};

/// What ends a command before its natural end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Bubble(#[from] BubbleError),
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error(transparent)]
    Order(#[from] InvalidOrder),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    KeyId(InvalidKeyId),
    #[error(transparent)]
    Expiry(InvalidDuration),
    /// Nothing says where a server keeps its keys.
    #[error("there is no home directory, so there is no usual place for keys and records")]
    NoStateDir,
    #[error(transparent)]
    Store(#[from] record::StoreError),
    #[error(transparent)]
    Blobs(#[from] record::BlobError),
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A file that was named cannot be read.
    #[error("cannot read {path:?}", path = path.display())]
    Data {
        path: std::path::PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the project has no data source or snapshot {name:?}")]
    NoData { name: String },
    #[error("the parameters are no JSON that can be taken: {reason}")]
    Parameters { reason: String },
    #[error(transparent)]
    Serve(#[from] server::ServeError),
    /// A person stopped waiting.
    #[error("interrupted")]
    Interrupted,
    /// The native backend cannot be had at all.
    #[error("this machine cannot isolate anything")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The process could not be made ready to run anything.
    #[error("cannot {action}")]
    Process {
        action: &'static str,
        #[source]
        source: io::Error,
    },
    /// What we have to say cannot be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Failure {
    /// The error as it is printed and as JSON has it.
    pub(crate) fn body(&self) -> ErrorBody {
        let (code, hint) = match self {
            Self::Run(error) => return limit::body(error),
            Self::Session(error) => return error.body(),
            Self::Store(error) | Self::Project(ProjectError::Store(error)) => {
                return self.with_causes(error.body());
            }
            Self::Blobs(error) | Self::Project(ProjectError::Blob(error)) => {
                return self.with_causes(error.body());
            }
            Self::Project(error) => return error.body(),
            Self::Data { .. } => (ErrorCode::FileNotFound, None),
            Self::NoData { .. } => (ErrorCode::NotFound, None),
            Self::Parameters { .. } => (ErrorCode::InvalidRequest, None),
            Self::Order(_) => (ErrorCode::InvalidRequest, None),
            Self::Config(error) => (ErrorCode::InvalidRequest, error.hint()),
            Self::Code(error) => (code_kind(error), error.hint()),
            Self::Request(error) => (error.code(), error.hint()),
            Self::Bubble(error) => (ErrorCode::InvalidRequest, error.hint()),
            Self::Environment(error) => (environment_kind(error), None),
            Self::Key(error) => (key_kind(error), error.hint().map(str::to_owned)),
            Self::KeyId(_) => {
                let hint = "of a key `cbk_ID_SECRET` give the ID; `cellblock key list` lists them";
                (ErrorCode::InvalidRequest, Some(hint.to_owned()))
            }
            Self::Expiry(_) => (ErrorCode::InvalidRequest, None),
            Self::Serve(error) => (ErrorCode::Internal, error.hint().map(str::to_owned)),
            Self::NoStateDir => {
                (ErrorCode::InvalidRequest, Some("name one with `--state-dir`".to_owned()))
            }
            Self::Backend(_) => {
                let hint = "`cellblock doctor` says what is missing and how to mend it";
                (ErrorCode::LaunchFailed, Some(hint.to_owned()))
            }
            Self::Process { .. } | Self::Output(_) | Self::Interrupted => {
                (ErrorCode::Internal, None)
            }
        };
        ErrorBody { code, message: with_causes(self), hint, retryable: false }
    }

    /// With what a store has said, too: callers of a server are not told, but whoever has
    /// this failure is the one who can mend it.
    fn with_causes(&self, body: ErrorBody) -> ErrorBody {
        ErrorBody { message: with_causes(self), ..body }
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::BROKEN_PIPE,
            Self::Bubble(error) => error.status(),
            Self::Run(RunError::Program { source, .. }) => match source.kind() {
                io::ErrorKind::NotFound => exit::NOT_FOUND,
                _ => exit::NOT_EXECUTABLE,
            },
            _ => exit::of_error(self.body().code),
        }
    }

    /// Whether nobody is left to be told.
    pub(crate) fn is_silent(&self) -> bool {
        self.status() == exit::BROKEN_PIPE
    }
}

fn code_kind(error: &CodeError) -> ErrorCode {
    match error {
        CodeError::Read { .. } | CodeError::Directory { .. } => ErrorCode::FileNotFound,
        CodeError::LanguageUnclear { .. } | CodeError::LanguageUnknown { .. } => {
            ErrorCode::LanguageUnknown
        }
        _ => ErrorCode::InvalidRequest,
    }
}

fn environment_kind(error: &EnvironmentError) -> ErrorCode {
    match error {
        EnvironmentError::InvalidName { .. }
        | EnvironmentError::Exists { .. }
        | EnvironmentError::Malformed { .. }
        | EnvironmentError::Requirement { .. } => ErrorCode::InvalidRequest,
        EnvironmentError::NotFound { .. }
        | EnvironmentError::NotSynced { .. }
        | EnvironmentError::Broken { .. } => ErrorCode::EnvironmentNotFound,
        EnvironmentError::NoPython { .. } => ErrorCode::ToolchainMissing,
        _ => ErrorCode::Internal,
    }
}

const fn key_kind(error: &KeyError) -> ErrorCode {
    if error.is_callers() { ErrorCode::InvalidRequest } else { ErrorCode::Internal }
}

/// What to tell a person about an outcome that is not the program's own ending.
pub(crate) fn account(outcome: &Outcome, limits: &Limits) -> Option<String> {
    let text = match outcome {
        Outcome::Exited { .. } | Outcome::Raised | Outcome::Cancelled => return None,
        Outcome::Signaled { signal } => format!("ended by {}", signal_name(*signal)),
        Outcome::TimedOut { limit: api::TimeLimit::WallTime } => {
            format!("timed out after {} (wall time)", limits.wall_time)
        }
        Outcome::TimedOut { limit: api::TimeLimit::CpuTime } => {
            format!("timed out after {} (processor time)", limits.cpu_time)
        }
        Outcome::OutOfMemory => {
            format!("out of memory: it needed more than {} (`--memory` sets it)", limits.memory)
        }
        Outcome::OutputLimited => "ended because it wrote too much".to_owned(),
        Outcome::Denied { control } => format!("ended because {control} refused what it tried"),
        Outcome::KernelDied => "the kernel died; its variables are lost".to_owned(),
    };
    Some(text)
}

/// The limits of a run, worded for messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    pub(crate) wall_time: String,
    pub(crate) cpu_time: String,
    pub(crate) memory: String,
}

const SIGNALS: [(i32, &str); 16] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (3, "SIGQUIT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (10, "SIGUSR1"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
    (24, "SIGXCPU"),
    (25, "SIGXFSZ"),
    (31, "SIGSYS: a system call that is not allowed"),
];

fn signal_name(signal: i32) -> String {
    let known = SIGNALS.iter().find(|(number, _)| *number == signal);
    match known {
        Some((number, name)) => format!("signal {number} ({name})"),
        None => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use api::TimeLimit;

    use super::*;

    #[test]
    fn endings_are_told_in_plain_words() {
        let limits = Limits {
            wall_time: "2 s".to_owned(),
            cpu_time: "1 s".to_owned(),
            memory: "64M".to_owned(),
        };
        let table = [
            (Outcome::Exited { code: 3 }, None),
            (Outcome::Raised, None),
            (Outcome::KernelDied, Some("the kernel died; its variables are lost")),
            (Outcome::Signaled { signal: 11 }, Some("ended by signal 11 (SIGSEGV)")),
            (Outcome::Signaled { signal: 40 }, Some("ended by signal 40")),
            (
                Outcome::TimedOut { limit: TimeLimit::WallTime },
                Some("timed out after 2 s (wall time)"),
            ),
            (
                Outcome::OutOfMemory,
                Some("out of memory: it needed more than 64M (`--memory` sets it)"),
            ),
        ];
        for (outcome, text) in table {
            assert_eq!(account(&outcome, &limits).as_deref(), text);
        }
    }

    #[test]
    fn causes_follow_and_are_not_repeated() {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let failure = Failure::from(CodeError::Read { what: "a.py".to_owned(), source });
        assert_eq!(failure.body().message, "cannot read a.py: no such file");
        assert_eq!(failure.status(), exit::USAGE);
    }

    #[test]
    fn whoever_can_mend_a_store_is_told_what_it_said() {
        let blob = || record::BlobError::Source(io::Error::other("the tape is torn"));
        for failure in [Failure::from(blob()), Failure::from(ProjectError::from(blob()))] {
            let message = failure.body().message;
            assert_eq!(message, "cannot read what is to be kept: the tape is torn");
        }
    }

    #[test]
    fn a_missing_program_is_told_apart_from_one_that_cannot_run() {
        let failed = |kind: io::ErrorKind| {
            Failure::from(RunError::Program { program: "x".to_owned(), source: kind.into() })
        };
        assert_eq!(failed(io::ErrorKind::NotFound).status(), 127);
        assert_eq!(failed(io::ErrorKind::PermissionDenied).status(), 126);
    }
}
