//! A program that is run once by a forked kernel, as a sandbox like any other.

use std::{
    fs::File,
    future::pending,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use api::{Enforcement, Phase, Usage};
use kernel::{Kernel, KernelError, Script, machine::Event};
use policy::{GuestPath, Policy};
use sandbox::{
    BoxFuture, Exit, FileBody, FileEntry, Forked, LaunchError, Payload, Place, ProcessStatus,
    Sandbox, SandboxError, Stdio,
};

use super::Fresh;
use crate::{blocking::in_place, workspace};

/// Longer programs start by themselves: in a frame they are held several times.
const CODE_BYTES_MAX: usize = 1 << 20;

/// A program that a kernel can run, and the files that it is to find.
#[derive(Debug)]
pub(crate) struct Program {
    script: Script,
    source: PathBuf,
    files: Vec<FileEntry>,
}

impl Program {
    /// Makes one of a command line's source file and arguments.
    ///
    /// # Errors
    /// A kernel cannot run it; the files come back.
    pub(super) fn new(
        args: &[String],
        directory: &GuestPath,
        mut files: Vec<FileEntry>,
    ) -> Result<Self, Vec<FileEntry>> {
        let Some((path, args)) = args.split_first() else { return Err(files) };
        let Ok(source) = Path::new(path).strip_prefix(directory.as_path()) else {
            return Err(files);
        };
        let place = Place::Workspace(source.to_owned());
        let Some(index) = files.iter().position(|file| file.place == place) else {
            return Err(files);
        };
        let text = match &files[index].body {
            FileBody::Bytes(bytes) if bytes.len() <= CODE_BYTES_MAX => {
                std::str::from_utf8(bytes).ok().map(str::to_owned)
            }
            _ => None,
        };
        let Some(code) = text else { return Err(files) };
        let source = source.to_owned();
        files.remove(index);
        let script = Script {
            path: Some(path.clone()),
            code: Some(code),
            argv: args.to_vec(),
            name: path.clone(),
        };
        Ok(Self { script, source, files })
    }

    /// Where its source is to be.
    pub(super) fn path(&self, directory: &GuestPath) -> PathBuf {
        directory.as_path().join(&self.source)
    }

    /// The files of the program, for a fresh start of it.
    pub(crate) fn into_files(self) -> Vec<FileEntry> {
        let body = FileBody::Bytes(self.script.code.unwrap_or_default().into_bytes());
        let place = Place::Workspace(self.source);
        let source = FileEntry { place, body, executable: false, replace: false };
        self.files.into_iter().chain([source]).collect()
    }
}

/// A forked sandbox with a program that waits to be started.
pub(crate) struct ScriptSandbox {
    forked: Box<dyn Forked>,
    kernel: Kernel,
    stdio: Option<Stdio>,
    state: State,
    started: Option<Instant>,
    before: Usage,
    /// Which signal ended the program, as its kernel says. Nothing hangs on it: the
    /// program could have sent itself that signal.
    signal: Option<i32>,
}

enum State {
    Waiting(Script),
    Started,
    /// Its kernel says nothing more that we would hear.
    Deaf,
}

impl ScriptSandbox {
    /// Puts the program's files in.
    ///
    /// # Errors
    /// They do not fit.
    pub(crate) async fn new(
        fresh: Fresh,
        program: Program,
        policy: &Policy,
    ) -> Result<Self, LaunchError> {
        let Fresh { forked, kernel, stdin, stdout, stderr, .. } = fresh;
        let Program { script, files, .. } = program;
        if !files.is_empty() {
            drop(forked.enter(policy, Payload { files, ..Payload::default() }).await?);
        }
        let no_input = || LaunchError::Lost { detail: "it has no standard input".to_owned() };
        let stdio = Some(Stdio { stdin: stdin.ok_or_else(no_input)?, stdout, stderr });
        let (state, before) = (State::Waiting(script), forked.usage());
        Ok(Self { forked, kernel, stdio, state, started: None, before, signal: None })
    }
}

/// Hands the program over, or goes on with that; gives the signal that ended it.
/// Whatever else is said afterwards means nothing.
async fn hand_over(kernel: &mut Kernel, state: &mut State) -> Result<Option<i32>, KernelError> {
    let said = match std::mem::replace(state, State::Started) {
        State::Waiting(script) => kernel.script(&script).await,
        State::Started => kernel.next().await.map(|event| match event {
            Event::Ended(signal) => Some(signal),
            _ => None,
        }),
        State::Deaf => {
            *state = State::Deaf;
            pending().await
        }
    };
    *state = State::Deaf;
    match said {
        Err(error @ (KernelError::TooLong { .. } | KernelError::Random(_))) => Err(error),
        Err(_) => Ok(None),
        said => said,
    }
}

/// How long the last word of a kernel that has ended may take. It is there already;
/// this bounds what should not be possible.
const LAST_WORD_TIME_MAX: Duration = Duration::from_millis(250);

/// What a shell adds to the number of a signal.
const SIGNAL_BASE: i32 = 128;

impl ScriptSandbox {
    /// How the program ended, by how its kernel did.
    async fn interpret(&mut self, exit: Exit) -> Exit {
        if !matches!(self.state, State::Deaf) {
            let word = hand_over(&mut self.kernel, &mut self.state);
            let word = tokio::time::timeout(LAST_WORD_TIME_MAX, word).await;
            self.signal = self.signal.or(word.ok().and_then(Result::ok).flatten());
        }
        match (exit.status, self.signal) {
            (ProcessStatus::Exited(code), Some(signal)) if code == SIGNAL_BASE + signal => {
                let was_killed = signal == SIGKILL;
                let out_of_memory = was_killed && self.forked.was_out_of_memory();
                Exit { status: ProcessStatus::Signaled(signal), out_of_memory, ..exit }
            }
            _ => exit,
        }
    }
}

const SIGKILL: i32 = rustix::process::Signal::KILL.as_raw();

impl Sandbox for ScriptSandbox {
    fn enforcement(&self) -> &Enforcement {
        self.forked.enforcement()
    }

    fn stdio(&mut self) -> Option<Stdio> {
        self.stdio.take()
    }

    fn run(&mut self) -> BoxFuture<'_, Result<Exit, SandboxError>> {
        Box::pin(async move {
            self.started.get_or_insert_with(Instant::now);
            loop {
                let handed = tokio::select! {
                    biased;
                    exit = self.forked.ended() => Err(exit),
                    // One that was started ends with its first process that lacks memory.
                    () = self.forked.memory_ran_out() => {
                        in_place(|| self.forked.kill());
                        let status = ProcessStatus::Signaled(SIGKILL);
                        return Ok(Exit { phase: Phase::Run, status, out_of_memory: true });
                    }
                    handed = hand_over(&mut self.kernel, &mut self.state) => Ok(handed),
                };
                match handed {
                    Err(exit) => return Ok(self.interpret(exit).await),
                    Ok(handed) => {
                        let lost =
                            |error: KernelError| SandboxError::Lost { detail: error.to_string() };
                        self.signal = handed.map_err(lost)?;
                    }
                }
            }
        })
    }

    fn usage(&self) -> Usage {
        let usage = self.forked.usage();
        let wall = self.started.map(|started| started.elapsed()).unwrap_or_default();
        let spent = |now: u64| now.saturating_sub(self.before.cpu_time_ms.unwrap_or(0));
        Usage {
            wall_time_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            cpu_time_ms: usage.cpu_time_ms.map(spent),
            ..usage
        }
    }

    fn open_files<'a>(
        &'a mut self,
        path: &'a Path,
    ) -> BoxFuture<'a, Result<Vec<(PathBuf, File)>, SandboxError>> {
        Box::pin(async move {
            let failed = |source: std::io::Error| SandboxError::File {
                path: path.display().to_string(),
                source,
            };
            let root = self.forked.workspace();
            let root = root.ok_or_else(|| failed(std::io::ErrorKind::Unsupported.into()))?;
            workspace::open_all(root, path).map_err(failed)
        })
    }

    fn kill(&mut self) {
        in_place(|| self.forked.kill());
    }
}
