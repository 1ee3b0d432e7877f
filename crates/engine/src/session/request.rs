//! What is asked of sessions, and what they tell of themselves.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use api::{FileChange, PolicySpec, Program, RunResult};

use super::CloseReason;
use crate::{Signaller, TrustDomain, environment};

/// What a new session is to be.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// The environment's name; `bare` is the host's own Python.
    pub environment: String,
    /// The wanted policy. Its limits of time and output are those of each turn.
    pub policy: PolicySpec,
    /// A name for people to know it by.
    pub name: Option<String>,
    /// With whose sandboxes its kernel may share an interpreter.
    pub trust_domain: TrustDomain,
    /// Closed after so long without use; the operator's limit if left out or longer.
    pub idle_time: Option<Duration>,
    /// Closed at this age; the operator's limit if left out or longer.
    pub lifetime: Option<Duration>,
}

impl Default for SessionRequest {
    fn default() -> Self {
        Self {
            environment: environment::BARE.to_owned(),
            policy: PolicySpec::default(),
            name: None,
            trust_domain: TrustDomain::default(),
            idle_time: None,
            lifetime: None,
        }
    }
}

/// A program to be run in a session's sandbox, beside its kernel.
#[derive(Clone, Debug)]
pub struct SessionRun {
    /// What to run.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<String>,
    /// How long it may take; as long as a turn if left out or longer. In the background
    /// it is as long as the session lives.
    pub wall_time: Option<Duration>,
    /// The directory to start in, relative to the workspace or below it; the workspace
    /// if left out.
    pub directory: Option<PathBuf>,
    /// Env vars besides those of the session's policy, which they override.
    pub env_vars: BTreeMap<String, String>,
    /// Sends it signals.
    pub signaller: Signaller,
}

impl SessionRun {
    /// A program with nothing that is special about it.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self {
            program,
            args: Vec::new(),
            wall_time: None,
            directory: None,
            env_vars: BTreeMap::new(),
            signaller: Signaller::new(),
        }
    }
}

/// What is known of a program in a session's sandbox when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRunResult {
    /// How it ended, and what it wrote.
    pub result: RunResult,
    /// Files of the workspace that were created, changed or deleted meanwhile, by
    /// path. What a turn or another program did at the same time is among them.
    pub changes: Vec<FileChange>,
}

/// How a session is getting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Turns that it had.
    pub turns: u64,
    /// Whether something of it is under way.
    pub is_busy: bool,
    /// How long ago it was made.
    pub age: Duration,
    /// How long ago it was last used.
    pub idle: Duration,
    /// Why it is closed, if it is.
    pub closed: Option<CloseReason>,
    /// Whether its sandbox was ready when it was asked for.
    pub was_ready: bool,
    /// The version of its Python, such as `3.11.7`.
    pub python: String,
    /// Whether IPython carries its kernel.
    pub ipython: bool,
    /// What its interpreter could not load ahead.
    pub complaints: Vec<String>,
}
