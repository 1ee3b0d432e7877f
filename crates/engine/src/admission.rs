//! The first step of a run: whether there is room for it, and whether what is
//! asked for has a shape and size that anything could be done with.
//!
//! Looks at the request alone: what names in it mean is found out later.

use api::{Program, RunId, RunRequest, Source, Workspace};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{RunError, resolve::Work};

/// The largest source text: far above what people write, small enough to be held twice.
const SOURCE_BYTES_MAX: usize = 16 << 20;
/// The longest file name that Linux's own file systems take.
const FILE_NAME_BYTES_MAX: usize = 255;
/// The most arguments; more than any shell's glob makes of a usual directory.
const ARGS_MAX: usize = 16_384;
/// The longest single argument that `execve` takes, its final NUL counted.
const ARG_BYTES_MAX: usize = 128 * 1024 - 1;
/// All arguments together; `execve` takes about twice this, env vars included.
const ARGS_BYTES_MAX: usize = 1 << 20;
/// The most `--upload`s or `--download`s of one run; each may be a whole directory.
const TRANSFERS_MAX: usize = 256;

/// What makes a request one that cannot be carried out, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no code.
    #[error("the code is empty")]
    EmptyCode,
    /// There is too much code.
    #[error("the code is {given} bytes long; the most is {maximum}")]
    CodeTooLarge {
        /// Its size.
        given: usize,
        /// The limit.
        maximum: usize,
    },
    /// The source file's name cannot be one.
    #[error("{name:?} cannot be the source file's name: {reason}")]
    FileName {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// The command's name cannot be one.
    #[error("{name:?} cannot be a command: {reason}")]
    Command {
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// An argument cannot be passed to a program.
    #[error("argument {position} cannot be passed to a program: {reason}")]
    Argument {
        /// Which, counted from 1.
        position: usize,
        /// Why not.
        reason: &'static str,
    },
    /// There is too much of something.
    #[error("there are {given} {what}; the most is {maximum}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How much there is.
        given: usize,
        /// The limit.
        maximum: usize,
    },
    /// A download names no place that a workspace can have, or none on the host.
    #[error("{path:?} cannot be brought back: {reason}")]
    Download {
        /// The path.
        path: String,
        /// Why not.
        reason: &'static str,
    },
    /// The workspace is a host directory, so nothing is copied into it.
    #[error("files cannot be uploaded into a workspace that is a directory of the host")]
    UploadIntoShare,
    /// The workspace is a host directory, so no other directory is bounded with it.
    #[error("a workspace that is a directory of the host has no further directories beside it")]
    ScratchInShare,
}

/// The most directories beside the workspace, and the most host paths that are shown.
const PLACES_MAX: usize = 16;

/// Counts the runs under way and lets in no more than there is room for.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    runs_max: usize,
}

/// A run's place among those under way; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    run_id: RunId,
    _place: Option<SemaphorePermit<'a>>,
}

impl Permit<'_> {
    pub(crate) const fn run_id(&self) -> RunId {
        self.run_id
    }
}

impl Admission {
    pub(crate) fn new(runs_max: usize) -> Self {
        let runs_max = runs_max.clamp(1, Semaphore::MAX_PERMITS);
        Self { places: Semaphore::new(runs_max), runs_max }
    }

    /// Lets a run in. Nobody waits here: who finds no room is told so at once.
    pub(crate) fn admit(&self, work: Work<'_>) -> Result<Permit<'_>, RunError> {
        match work {
            Work::Request(request, _) => check(request)?,
            Work::Inside(inside) => {
                check_program(&inside.run.program, &inside.run.args)?;
                // Its session has room for it, or has said that it has none.
                return Ok(Permit { run_id: RunId::generate(), _place: None });
            }
            Work::Probe(_) => {}
        }
        let busy = |_| RunError::Busy { maximum: self.runs_max };
        let place = self.places.try_acquire().map_err(busy)?;
        Ok(Permit { run_id: RunId::generate(), _place: Some(place) })
    }
}

fn check(request: &RunRequest) -> Result<(), RequestError> {
    check_program(&request.program, &request.args)?;
    bounded("uploads", request.uploads.len(), TRANSFERS_MAX)?;
    bounded("downloads", request.downloads.len(), TRANSFERS_MAX)?;
    bounded("directories to rescue", request.rescues.len(), PLACES_MAX)?;
    bounded("directories beside the workspace", request.scratch.len(), PLACES_MAX)?;
    bounded("host paths shown", request.exhibits.len(), PLACES_MAX)?;
    match request.workspace {
        Workspace::Host { .. } if !request.scratch.is_empty() => Err(RequestError::ScratchInShare),
        Workspace::Host { .. } if !request.uploads.is_empty() => Err(RequestError::UploadIntoShare),
        _ => Ok(()),
    }
}

fn check_program(program: &Program, args: &[String]) -> Result<(), RequestError> {
    match program {
        Program::Source(source) => check_source(source)?,
        Program::Command { name } => check_command(name)?,
    }
    check_args(args)
}

fn bounded(what: &'static str, given: usize, maximum: usize) -> Result<(), RequestError> {
    if given > maximum {
        return Err(RequestError::TooMany { what, given, maximum });
    }
    Ok(())
}

fn check_source(source: &Source) -> Result<(), RequestError> {
    if source.text.trim().is_empty() {
        return Err(RequestError::EmptyCode);
    }
    let given = source.text.len();
    if given > SOURCE_BYTES_MAX {
        return Err(RequestError::CodeTooLarge { given, maximum: SOURCE_BYTES_MAX });
    }
    let name = &source.file_name;
    let refused = |reason| Err(RequestError::FileName { name: name.clone(), reason });
    match name.as_str() {
        "" => refused("it is empty"),
        "." | ".." => refused("it is a directory"),
        _ if name.contains('/') => refused("it has directories in it"),
        _ if name.contains('\0') => refused("it has a NUL"),
        _ if name.len() > FILE_NAME_BYTES_MAX => refused("it is longer than 255 bytes"),
        _ => Ok(()),
    }
}

fn check_command(name: &str) -> Result<(), RequestError> {
    let refused = |reason| Err(RequestError::Command { name: name.to_owned(), reason });
    match name {
        "" => refused("it is empty"),
        _ if name.contains('\0') => refused("it has a NUL"),
        _ if name.len() > ARG_BYTES_MAX => refused("it is longer than 128 KiB"),
        _ => Ok(()),
    }
}

fn check_args(args: &[String]) -> Result<(), RequestError> {
    bounded("arguments", args.len(), ARGS_MAX)?;
    for (index, arg) in args.iter().enumerate() {
        let refused = |reason| Err(RequestError::Argument { position: index + 1, reason });
        if arg.contains('\0') {
            return refused("it has a NUL");
        }
        if arg.len() > ARG_BYTES_MAX {
            return refused("it is longer than 128 KiB");
        }
    }
    let bytes = args.iter().map(|arg| arg.len() + 1).sum();
    bounded("bytes of arguments", bytes, ARGS_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use api::{Access, DownloadSpec, PolicySpec, Upload};

    use super::*;
    use crate::TrustDomain;

    fn source(file_name: &str, text: &str) -> RunRequest {
        let (language, file_name, text) = ("python".into(), file_name.into(), text.into());
        request(Program::Source(Source { language, file_name, text }))
    }

    fn request(program: Program) -> RunRequest {
        RunRequest {
            environment: "bare".into(),
            program,
            args: Vec::new(),
            workspace: Workspace::Private,
            uploads: Vec::new(),
            downloads: Vec::new(),
            rescues: Vec::new(),
            list_changes: false,
            scratch: Vec::new(),
            exhibits: Vec::new(),
            policy: PolicySpec::default(),
        }
    }

    fn command(name: &str, args: &[&str]) -> RunRequest {
        let args = args.iter().map(ToString::to_string).collect();
        RunRequest { args, ..request(Program::Command { name: name.into() }) }
    }

    #[test]
    fn code_that_cannot_be_run_is_refused() {
        assert_eq!(check(&source("a.py", "print(1)")), Ok(()));
        assert_eq!(check(&source("a.py", "")), Err(RequestError::EmptyCode));
        assert_eq!(check(&source("a.py", " \n\t\n")), Err(RequestError::EmptyCode));
        let largest = "#".repeat(SOURCE_BYTES_MAX);
        assert_eq!(check(&source("a.py", &largest)), Ok(()));
        let (given, maximum) = (SOURCE_BYTES_MAX + 1, SOURCE_BYTES_MAX);
        let refused = check(&source("a.py", &format!("{largest}#")));
        assert_eq!(refused, Err(RequestError::CodeTooLarge { given, maximum }));
    }

    #[test]
    fn file_names_are_names() {
        for name in ["", ".", "..", "a/b.py", "/a.py", "a\0.py", &"a".repeat(256)] {
            let refused = check(&source(name, "1"));
            assert!(matches!(refused, Err(RequestError::FileName { .. })), "{name:?}");
        }
        for name in ["a.py", "-c", "a b.py", "\u{1f980}.py", &"a".repeat(255)] {
            assert_eq!(check(&source(name, "1")), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn commands_and_arguments_are_what_execve_takes() {
        assert_eq!(check(&command("echo", &["", "-n", "ä"])), Ok(()));
        for name in ["", "a\0b", &"a".repeat(ARG_BYTES_MAX + 1)] {
            let refused = check(&command(name, &[]));
            assert!(matches!(refused, Err(RequestError::Command { .. })));
        }
        let refused = check(&command("echo", &["fine", "a\0b"]));
        let reason = "it has a NUL";
        assert_eq!(refused, Err(RequestError::Argument { position: 2, reason }));
        let longest = "a".repeat(ARG_BYTES_MAX);
        assert_eq!(check(&command("echo", &[&longest])), Ok(()));
        let longer = format!("{longest}a");
        let refused = check(&command("echo", &[&longer]));
        assert!(matches!(refused, Err(RequestError::Argument { position: 1, .. })));
        let many = vec![""; ARGS_MAX];
        assert_eq!(check(&command("echo", &many)), Ok(()));
        let more = vec![""; ARGS_MAX + 1];
        assert!(matches!(
            check(&command("echo", &more)),
            Err(RequestError::TooMany { what: "arguments", .. })
        ));
        let heavy = vec![longest.as_str(); 9];
        assert!(matches!(
            check(&command("echo", &heavy)),
            Err(RequestError::TooMany { what: "bytes of arguments", .. })
        ));
    }

    #[test]
    fn transfers_are_bounded_and_go_into_private_workspaces_only() {
        let upload = || Upload { source: PathBuf::from("a"), target: PathBuf::from("a") };
        let download = || DownloadSpec { source: PathBuf::from("a"), target: PathBuf::from("a") };
        let mut asked = command("true", &[]);
        asked.uploads = (0..TRANSFERS_MAX).map(|_| upload()).collect();
        asked.downloads = (0..TRANSFERS_MAX).map(|_| download()).collect();
        assert_eq!(check(&asked), Ok(()));
        asked.downloads.push(download());
        assert!(matches!(check(&asked), Err(RequestError::TooMany { what: "downloads", .. })));
        asked.downloads.clear();
        asked.uploads.push(upload());
        assert!(matches!(check(&asked), Err(RequestError::TooMany { what: "uploads", .. })));
        asked.uploads.truncate(1);
        let (source, target) = (PathBuf::from("/srv"), PathBuf::from("/workspace"));
        asked.workspace = Workspace::Host { source, target, access: Access::ReadWrite };
        assert_eq!(check(&asked), Err(RequestError::UploadIntoShare));
        asked.uploads.clear();
        assert_eq!(check(&asked), Ok(()));
        asked.scratch.push(PathBuf::from("/outputs"));
        assert_eq!(check(&asked), Err(RequestError::ScratchInShare));
        asked.workspace = Workspace::Private;
        assert_eq!(check(&asked), Ok(()));
        asked.scratch = vec![PathBuf::from("/outputs"); PLACES_MAX + 1];
        assert!(matches!(check(&asked), Err(RequestError::TooMany { .. })));
    }

    #[test]
    fn as_many_run_as_there_is_room_for() {
        let admission = Admission::new(2);
        let spec = PolicySpec::default();
        let work = Work::Probe(&spec);
        let first = admission.admit(work).unwrap();
        let second = admission.admit(work).unwrap();
        assert_ne!(first.run_id(), second.run_id());
        assert!(matches!(admission.admit(work), Err(RunError::Busy { maximum: 2 })));
        drop(first);
        assert!(admission.admit(work).is_ok());
        assert!(Admission::new(0).admit(work).is_ok());
        assert!(Admission::new(usize::MAX).admit(work).is_ok());
    }

    #[test]
    fn a_refused_request_takes_no_place() {
        let admission = Admission::new(1);
        let (refused, fine) = (command("", &[]), command("true", &[]));
        let domain = TrustDomain::default();
        let refused = admission.admit(Work::Request(&refused, &domain));
        assert!(matches!(refused, Err(RunError::Request(_))));
        assert!(admission.admit(Work::Request(&fine, &domain)).is_ok());
    }
}
