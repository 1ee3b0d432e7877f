//! Why a run could not be carried out, and the one place that words it for callers.
//!
//! What the user's code did is never here: that is an outcome.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use api::{Control, ErrorBody, ErrorCode, with_causes};
use policy::PolicyError;
use record::StoreError;
use sandbox::{LaunchError, SandboxError};

use crate::{
    RequestError, UploadError, environment::EnvironmentError, runtime::RuntimeError,
    transfer::DownloadError,
};

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Too many runs are under way.
    #[error("{maximum} runs are under way, which is all that there is room for")]
    Busy {
        /// The limit.
        maximum: usize,
    },
    /// The request is malformed.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// A host path to be shared does not exist or is not what it must be.
    #[error("{path:?} cannot be shared", path = path.display())]
    Share {
        /// The host path.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The environment or the language is not to be had.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The policy spec was refused.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A file cannot be copied in.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The sandbox could not be made.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The program does not exist inside or cannot be executed.
    #[error("{program:?} cannot be run")]
    Program {
        /// Its name or guest path.
        program: String,
        /// The cause; `NotFound` where it does not exist.
        #[source]
        source: io::Error,
    },
    /// The directory that it is to start in does not exist inside, or is none.
    #[error("the directory to start in cannot be entered")]
    Directory {
        /// The cause; `NotFound` where it does not exist.
        #[source]
        source: io::Error,
    },
    /// The sandbox's own processes ended under the run, or spoke nonsense.
    #[error("the sandbox was lost: {detail}")]
    Lost {
        /// What was noticed.
        detail: String,
    },
    /// Its record cannot be kept, and what cannot be accounted for does not run.
    #[error("the run cannot be recorded")]
    Record(#[from] StoreError),
    /// A standard stream of the program cannot be read or written on our side.
    #[error("the program's {stream} cannot be connected")]
    Stream {
        /// Which.
        stream: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl RunError {
    /// What the sandbox says of a run, with the step's program by its name.
    pub(crate) fn of_sandbox(error: SandboxError, programs: &[String]) -> Self {
        match error {
            SandboxError::Program { step, source } => {
                let program = programs.get(step).cloned().unwrap_or_default();
                Self::Program { program, source }
            }
            SandboxError::Directory { source } => Self::Directory { source },
            SandboxError::Lost { detail } => Self::Lost { detail },
            SandboxError::File { path, source } => {
                Self::Lost { detail: format!("{path:?} could not be handed over: {source}") }
            }
        }
    }

    /// The error as callers get it: one sentence, and what to do.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        let (code, hint) = self.kind();
        let message = with_causes(self);
        ErrorBody { code, message, hint, retryable: matches!(self, Self::Busy { .. }) }
    }

    fn kind(&self) -> (ErrorCode, Option<String>) {
        match self {
            Self::Busy { .. } => (ErrorCode::Busy, some("try again when one of them has ended")),
            Self::Request(error) => (ErrorCode::InvalidRequest, request_hint(error)),
            Self::Share { source, .. } => file_kind(source),
            Self::Runtime(error) => runtime_kind(error),
            Self::Policy(error) => policy_kind(error),
            Self::Upload(error) => upload_kind(error),
            Self::Launch(error) => launch_kind(error),
            Self::Program { source, .. } => (ErrorCode::FileNotFound, program_hint(source)),
            Self::Directory { source } => directory_kind(source),
            Self::Lost { .. } => (ErrorCode::Internal, some("`cellblock doctor` may say more")),
            Self::Record(_) => {
                (ErrorCode::Internal, some("see that the database is there and has room"))
            }
            Self::Stream { .. } => (ErrorCode::Internal, None),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where a hint may also be missing")]
fn some(hint: &str) -> Option<String> {
    Some(hint.to_owned())
}

fn request_hint(error: &RequestError) -> Option<String> {
    match error {
        RequestError::EmptyCode => some("give some code to run"),
        RequestError::CodeTooLarge { .. } => {
            some("keep the code small, and upload or share what it works on")
        }
        RequestError::Argument { .. } | RequestError::TooMany { what: "arguments", .. } => {
            some("pass long values through standard input or an uploaded file")
        }
        RequestError::UploadIntoShare => {
            some("put the files into that directory, or leave the workspace private")
        }
        _ => None,
    }
}

fn file_kind(source: &io::Error) -> (ErrorCode, Option<String>) {
    let hint = match source.kind() {
        ErrorKind::NotFound => some("check the path: it must exist on this machine"),
        ErrorKind::PermissionDenied => some("check its permissions"),
        _ => None,
    };
    (ErrorCode::FileNotFound, hint)
}

fn policy_kind(error: &PolicyError) -> (ErrorCode, Option<String>) {
    match error {
        PolicyError::ControlMissing { control, remedy, .. } => {
            (ErrorCode::ControlMissing, Some(control_hint(*control, remedy.as_deref())))
        }
        PolicyError::LimitTooLarge { maximum, .. } => {
            (ErrorCode::PolicyRefused, Some(format!("ask for {maximum} or less")))
        }
        PolicyError::LimitTooSmall { minimum, .. } => {
            (ErrorCode::InvalidRequest, Some(format!("ask for {minimum} or more")))
        }
        PolicyError::ShareRefused { .. } => {
            (ErrorCode::PolicyRefused, some("share only the directory that the program needs"))
        }
        PolicyError::TargetRefused { .. } => {
            (ErrorCode::InvalidRequest, some("choose another place, such as one in /mnt"))
        }
        PolicyError::EnvVarRefused { .. } => (ErrorCode::InvalidRequest, None),
        PolicyError::NetworkRefused | PolicyError::WaiverRefused { .. } => {
            (ErrorCode::PolicyRefused, some("the operator's configuration decides about that"))
        }
    }
}

fn control_hint(control: Control, remedy: Option<&str>) -> String {
    let waiver = format!("to run without this control, pass `--allow-missing {control}`");
    match remedy {
        Some(remedy) => format!("{remedy}; {waiver}"),
        None => waiver,
    }
}

fn upload_kind(error: &UploadError) -> (ErrorCode, Option<String>) {
    match error {
        UploadError::Open { source, .. } => file_kind(source),
        UploadError::NotAFile { .. } => (
            ErrorCode::InvalidRequest,
            some("only files and directories are copied in; remove it, or share the directory"),
        ),
        UploadError::TooManyFiles { .. } | UploadError::TooDeep { .. } => {
            (ErrorCode::InvalidRequest, some("share the directory instead, with `-v`"))
        }
        UploadError::TooLarge { .. } => (
            ErrorCode::InvalidRequest,
            some("raise the workspace's limit, or share the directory instead, with `-v`"),
        ),
        UploadError::Target { .. } | UploadError::Twice { .. } => {
            (ErrorCode::InvalidRequest, some("give it another place in the workspace"))
        }
    }
}

fn launch_kind(error: &LaunchError) -> (ErrorCode, Option<String>) {
    match error {
        LaunchError::Step { control: Some(control), hint, .. } => {
            (ErrorCode::ControlMissing, Some(control_hint(*control, hint.as_deref())))
        }
        LaunchError::Step { control: None, hint, .. } => {
            (ErrorCode::LaunchFailed, hint.clone().or_else(ask_doctor))
        }
        LaunchError::NotEnforced { control, .. } => {
            (ErrorCode::ControlMissing, Some(control_hint(*control, None)))
        }
        LaunchError::File { source, .. } if source.kind() == ErrorKind::StorageFull => {
            (ErrorCode::InvalidRequest, some("raise the workspace's limit"))
        }
        LaunchError::File { .. } => (ErrorCode::InvalidRequest, None),
        LaunchError::CannotFork { .. } => {
            (ErrorCode::LaunchFailed, some("start it with a fresh interpreter: `--cold`"))
        }
        LaunchError::Lost { .. } => (ErrorCode::LaunchFailed, ask_doctor()),
    }
}

fn ask_doctor() -> Option<String> {
    some("`cellblock doctor` says what this host can do and what it lacks")
}

fn program_hint(source: &io::Error) -> Option<String> {
    match source.kind() {
        ErrorKind::NotFound => {
            some("it must be inside the sandbox: on its PATH, in the workspace or in a share")
        }
        ErrorKind::PermissionDenied => some("make it executable"),
        _ => None,
    }
}

fn directory_kind(source: &io::Error) -> (ErrorCode, Option<String>) {
    match source.kind() {
        ErrorKind::NotFound => {
            (ErrorCode::FileNotFound, some("make it first, or start in the workspace"))
        }
        _ => (ErrorCode::InvalidRequest, None),
    }
}

fn runtime_kind(error: &RuntimeError) -> (ErrorCode, Option<String>) {
    match error {
        RuntimeError::LanguageUnknown { .. } => {
            (ErrorCode::LanguageUnknown, some("`cellblock languages` lists those there are"))
        }
        RuntimeError::ToolchainMissing(missing) => {
            (ErrorCode::ToolchainMissing, Some(missing.hint.clone()))
        }
        RuntimeError::Environment(error) => environment_kind(error),
        RuntimeError::NotUtf8 { .. } => (ErrorCode::ToolchainMissing, None),
        RuntimeError::Row => (ErrorCode::Internal, None),
        RuntimeError::FileName { .. }
        | RuntimeError::Directory { .. }
        | RuntimeError::Workspace(_) => (ErrorCode::InvalidRequest, None),
    }
}

fn environment_kind(error: &EnvironmentError) -> (ErrorCode, Option<String>) {
    match error {
        EnvironmentError::InvalidName { .. } | EnvironmentError::Requirement { .. } => {
            (ErrorCode::InvalidRequest, None)
        }
        EnvironmentError::NotFound { .. } => (
            ErrorCode::EnvironmentNotFound,
            some("`cellblock env list` lists those there are; `env create` makes one"),
        ),
        EnvironmentError::NoPython { .. } => {
            (ErrorCode::ToolchainMissing, some("install Python 3, or name an interpreter"))
        }
        _ => (ErrorCode::EnvironmentNotFound, None),
    }
}

/// Why a file was not brought out, as callers get it.
pub(crate) fn download_body(error: &DownloadError) -> ErrorBody {
    let (code, hint) = match error {
        DownloadError::Sandbox(SandboxError::File { source, .. }) => match source.kind() {
            ErrorKind::NotFound => {
                (ErrorCode::FileNotFound, some("the program did not write it; check the path"))
            }
            _ => (ErrorCode::FileNotFound, None),
        },
        DownloadError::Sandbox(_) => {
            (ErrorCode::FileNotFound, some("files can be had only if the run ends by itself"))
        }
        DownloadError::TooManyFiles { .. } | DownloadError::TooLarge { .. } => (
            ErrorCode::PolicyRefused,
            some("let the program pack them, or work in a shared directory with `-w`"),
        ),
        DownloadError::Path(_) | DownloadError::NotAFile => (ErrorCode::PolicyRefused, None),
        DownloadError::Read(_) => (ErrorCode::Internal, None),
        DownloadError::Write { source, .. } => file_kind(source),
    };
    ErrorBody { code, message: with_causes(error), hint, retryable: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_found() -> io::Error {
        ErrorKind::NotFound.into()
    }

    #[test]
    fn causes_are_told_once() {
        let body = RunError::Share { path: "/no/such".into(), source: not_found() }.body();
        assert_eq!(body.message, "\"/no/such\" cannot be shared: entity not found");
        let source = ErrorKind::StorageFull.into();
        let body = RunError::from(LaunchError::File { path: "a".into(), source }).body();
        let message = "\"a\" cannot be put into the sandbox: no storage space";
        assert_eq!((body.message.as_str(), body.code), (message, ErrorCode::InvalidRequest));
    }

    #[test]
    fn causes_are_told_in_words() {
        let source = io::Error::from_raw_os_error(2);
        let body = RunError::Share { path: "/no/such".into(), source }.body();
        assert_eq!(body.message, "\"/no/such\" cannot be shared: No such file or directory");
    }

    #[test]
    fn a_missing_control_is_named_with_its_waiver() {
        let step = |control, hint: Option<&str>| {
            let (step, hint) = ("mount /proc".to_owned(), hint.map(str::to_owned));
            let source = ErrorKind::PermissionDenied.into();
            RunError::from(LaunchError::Step { step, control, hint, source }).body()
        };
        let body = step(Some(Control::MaskedProc), Some("unmask it"));
        assert_eq!(body.code, ErrorCode::ControlMissing);
        let hint = "unmask it; to run without this control, pass `--allow-missing masked-proc`";
        assert_eq!(body.hint.as_deref(), Some(hint));
        let body = step(None, Some("free some memory"));
        assert_eq!(body.code, ErrorCode::LaunchFailed);
        assert_eq!(body.hint.as_deref(), Some("free some memory"));
        assert!(step(None, None).hint.is_some_and(|hint| hint.contains("doctor")));
    }

    #[test]
    fn only_want_of_room_passes_by_itself() {
        assert!(RunError::Busy { maximum: 1 }.body().retryable);
        assert!(!RunError::Lost { detail: "gone".into() }.body().retryable);
    }

    #[test]
    fn a_program_that_cannot_be_run_is_called_by_its_name() {
        let programs = ["cc".to_owned(), "frobnicate".to_owned()];
        let error = SandboxError::Program { step: 1, source: not_found() };
        let body = RunError::of_sandbox(error, &programs).body();
        assert_eq!(body.message, "\"frobnicate\" cannot be run: entity not found");
        assert_eq!(body.code, ErrorCode::FileNotFound);
        let error = SandboxError::Program { step: 7, source: not_found() };
        assert!(RunError::of_sandbox(error, &programs).body().message.starts_with("\"\""));
    }
}
