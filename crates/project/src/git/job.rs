//! One command of git, from its sandbox to what it said.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::Path,
    time::Duration,
};

use api::{
    Event, Exhibit, NetworkSpec, Outcome, PolicySpec, Program, RunRequest, RunResult, Source,
    StartSpec, StreamName, Workspace,
};
use engine::{Asker, Cancel, Engine, EventSink, Input, RunError, RunIo, TrustDomain};

use super::{GitSource, script};
use crate::{Settings, limits};

/// The longest that a command of git may take.
const WALL_TIME_MAX: Duration = Duration::from_secs(120);
/// Room for what is fetched.
const WORKSPACE_BYTES: u64 = 768 << 20;
/// Memory, in which all of that lies.
const MEMORY_BYTES: u64 = 1536 << 20;
/// What is kept of what git complains of.
const COMPLAINT_BYTES_MAX: usize = 2000;

/// Where a local repository is seen inside.
const SOURCE_PLACE: &str = "/source";

/// Why git could not do it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Its sandbox could not be had.
    #[error("git could not be run")]
    Run(#[from] RunError),
    /// The operator gives no network, which fetching needs.
    #[error("repositories cannot be fetched here: that needs the network")]
    NoNetwork,
    /// Git says that it cannot.
    #[error("git failed: {complaint}")]
    Failed {
        /// What it complained of, shortened.
        complaint: String,
    },
    /// It took too long, or too much.
    #[error("git was stopped: {what}")]
    Stopped {
        /// At which limit.
        what: &'static str,
    },
    /// What it would give is larger than may be.
    #[error("what the repository holds is larger than the {maximum} bytes that are taken")]
    TooLarge {
        /// The limit.
        maximum: u64,
    },
    /// It gave something that git never gives.
    #[error("the repository makes no sense: {what} cannot be read")]
    Nonsense {
        /// What.
        what: &'static str,
    },
    /// There is no such commit, or there are several.
    #[error("{commit:?} is no commit of the repository, or more than one begins so")]
    UnknownCommit {
        /// What was asked for.
        commit: String,
    },
    /// As many run as may, and none of them ended in time.
    #[error("git is busy: {most} commands of a tenant run at once, and no room became free")]
    Busy {
        /// How many of one tenant may run at once.
        most: usize,
    },
    /// A file of this host failed.
    #[error("the host failed")]
    Host(#[from] io::Error),
}

/// One command of git.
pub(super) struct Job<'a> {
    source: &'a GitSource,
    script: &'static str,
    args: Vec<String>,
}

/// Where the output goes.
pub(super) struct Keep {
    file: Option<File>,
    bytes: Vec<u8>,
    left: u64,
    is_cut: bool,
    failure: Option<io::Error>,
    cancel: Cancel,
    complaint: Vec<u8>,
}

impl Keep {
    /// Into memory, up to so many bytes.
    pub(super) fn memory(most: u64) -> Self {
        Self {
            file: None,
            bytes: Vec::new(),
            left: most,
            is_cut: false,
            failure: None,
            cancel: Cancel::new(),
            complaint: Vec::new(),
        }
    }

    /// Into a new file, up to so many bytes.
    pub(super) fn file(path: &Path, most: u64) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path)?;
        Ok(Self { file: Some(file), ..Self::memory(most) })
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (taken, rest) = bytes.split_at(room);
        self.left -= taken.len() as u64;
        match &mut self.file {
            None => self.bytes.extend_from_slice(taken),
            Some(file) => self.failure = file.write_all(taken).err().or(self.failure.take()),
        }
        if !rest.is_empty() || self.failure.is_some() {
            self.is_cut |= !rest.is_empty();
            self.cancel.cancel();
        }
    }
}

impl EventSink for Keep {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Output { stream: StreamName::Stdout, bytes } => self.take(bytes),
            Event::Output { stream: StreamName::Stderr, bytes } => {
                let room = COMPLAINT_BYTES_MAX.saturating_sub(self.complaint.len());
                self.complaint.extend(bytes.iter().take(room));
            }
            _ => {}
        }
    }

    fn takes_all_output(&self) -> bool {
        true
    }
}

impl<'a> Job<'a> {
    pub(super) fn new(source: &'a GitSource, script: &'static str, args: &[&str]) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        Self { source, script, args }
    }

    /// Runs it to its end. Gives what was kept in memory, and whether there was more.
    pub(super) async fn carry_out(
        self,
        engine: &Engine,
        settings: &Settings,
        domain: &TrustDomain,
        mut keep: Keep,
    ) -> Result<(Vec<u8>, bool), GitError> {
        let is_remote = matches!(self.source, GitSource::Url(_));
        if is_remote && !engine.config().ceiling.full_network {
            return Err(GitError::NoNetwork);
        }
        let request = self.request(engine, settings);
        let cancel = keep.cancel.clone();
        // What is run here is git, not anybody's code.
        let asker = Asker::default().with_own_account();
        let io = RunIo { events: &mut keep, stdin: Input::Empty, cancel, asker };
        let result = engine.run_for(domain, request, io).await?;
        if let Some(failure) = keep.failure {
            return Err(failure.into());
        }
        if !keep.is_cut {
            judge(&result, &keep.complaint)?;
        }
        Ok((keep.bytes, keep.is_cut))
    }

    fn request(self, engine: &Engine, settings: &Settings) -> RunRequest {
        let network = match self.source {
            GitSource::Url(_) => NetworkSpec::Full,
            GitSource::Directory { .. } => NetworkSpec::None,
        };
        let mut policy = PolicySpec {
            network: Some(network),
            env_vars: self.env_vars(),
            start: Some(StartSpec::Exec),
            allow_missing: settings.policy.allow_missing.clone(),
            ..PolicySpec::default()
        };
        let ceiling = &engine.config().ceiling.maximum;
        limits::within(&mut policy.limits, ceiling, WALL_TIME_MAX, MEMORY_BYTES, WORKSPACE_BYTES);
        let exhibits = match self.source {
            GitSource::Url(_) => Vec::new(),
            GitSource::Directory { path, .. } => {
                vec![Exhibit { source: path.clone(), target: SOURCE_PLACE.into(), is_owners: true }]
            }
        };
        RunRequest {
            environment: engine::environment::BARE.to_owned(),
            program: Program::Source(Source {
                language: "sh".to_owned(),
                file_name: "git.sh".to_owned(),
                text: format!("{}{}", script::PRELUDE, self.script),
            }),
            args: self.args,
            workspace: Workspace::Private,
            uploads: Vec::new(),
            downloads: Vec::new(),
            rescues: Vec::new(),
            list_changes: false,
            scratch: Vec::new(),
            exhibits,
            policy,
        }
    }

    fn env_vars(&self) -> BTreeMap<String, String> {
        let (source, protocols) = match self.source {
            GitSource::Url(url) if url.starts_with("http://") => (url.as_str(), "http"),
            GitSource::Url(url) => (url.as_str(), "https:ssh"),
            GitSource::Directory { .. } => (SOURCE_PLACE, "file"),
        };
        let mut vars: Vec<(&str, String)> = [
            ("SOURCE", source),
            ("CELLBLOCK_CONFIGURATION", script::CONFIGURATION),
            ("CELLBLOCK_ATTRIBUTES", script::ATTRIBUTES),
            ("GIT_ALLOW_PROTOCOL", protocols),
            ("GIT_PROTOCOL_FROM_USER", "0"),
            ("GIT_CONFIG_GLOBAL", "/workspace/gitconfig"),
            ("GIT_CONFIG_SYSTEM", "/dev/null"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "true"),
            ("SSH_ASKPASS", "true"),
            (
                "GIT_SSH_COMMAND",
                "ssh -F /dev/null -oBatchMode=yes -oStrictHostKeyChecking=accept-new",
            ),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_LFS_SKIP_SMUDGE", "1"),
            ("GIT_PAGER", "cat"),
            ("GIT_ADVICE", "0"),
            ("LC_ALL", "C"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        if let GitSource::Directory { git, .. } = self.source {
            let objects = Path::new(SOURCE_PLACE).join(git).join("objects");
            vars.push(("OBJECTS", objects.display().to_string()));
        }
        vars.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// What the end of a command means.
fn judge(result: &RunResult, complaint: &[u8]) -> Result<(), GitError> {
    let stopped = |what| Err(GitError::Stopped { what });
    match result.outcome {
        Outcome::Exited { code: 0 } => Ok(()),
        Outcome::TimedOut { .. } => stopped("it took too long"),
        Outcome::OutOfMemory => stopped("it took too much memory"),
        Outcome::Cancelled => stopped("it was taken back"),
        _ => Err(GitError::Failed { complaint: complained(complaint) }),
    }
}

/// What git complained of, on one line and without control characters.
fn complained(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let text = lines.collect::<Vec<_>>().join("; ");
    let text: String = text.chars().filter(|character| !character.is_control()).collect();
    if text.is_empty() { "it does not say why".to_owned() } else { text }
}
