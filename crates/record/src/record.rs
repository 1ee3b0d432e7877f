//! What goes into a record when it is opened, and when it is closed.

use api::{
    ArtifactInfo, Enforcement, ErrorBody, Outcome, OutputHead, ProjectId, RunId, RunKind,
    RunStatus, SessionId, Usage,
};
use serde_json::Value;

/// What is known of a run before it starts.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// The run's id; a turn's or a command's own where it is about one.
    pub run_id: RunId,
    /// Whose it is.
    pub tenant: String,
    /// What kind of execution it is.
    pub kind: RunKind,
    /// The name of the key that asked for it; `local` for the command line.
    pub requested_by: String,
    /// The project; with it, the run gets a number.
    pub project_id: Option<ProjectId>,
    /// The project's name.
    pub project: Option<String>,
    /// The model of the project.
    pub model: Option<String>,
    /// Whether the project or one model is run.
    pub scope: Option<String>,
    /// The branch that was asked for.
    pub branch: Option<String>,
    /// The commit that is run.
    pub commit_sha: Option<String>,
    /// The data snapshot that it sees; has to be one of the project's.
    pub snapshot: Option<String>,
    /// The session that it is in.
    pub session_id: Option<SessionId>,
    /// The run that it repeats.
    pub rerun_of: Option<RunId>,
    /// SHA-256 of the code, in hexadecimal digits.
    pub code_digest: Option<String>,
    /// The environment's name.
    pub environment: Option<String>,
    /// SHA-256 of the environment, in hexadecimal digits.
    pub environment_digest: Option<String>,
    /// SHA-256 of the resolved policy, in hexadecimal digits.
    pub policy_digest: Option<String>,
    /// What to run, as far as it takes to do so: what a claim hands to its worker.
    pub request: Option<Value>,
}

impl NewRecord {
    /// One of which nothing more is known.
    #[must_use]
    pub fn new(run_id: impl Into<RunId>, tenant: &str, kind: RunKind, requested_by: &str) -> Self {
        Self {
            run_id: run_id.into(),
            tenant: tenant.to_owned(),
            kind,
            requested_by: requested_by.to_owned(),
            project_id: None,
            project: None,
            model: None,
            scope: None,
            branch: None,
            commit_sha: None,
            snapshot: None,
            session_id: None,
            rerun_of: None,
            code_digest: None,
            environment: None,
            environment_digest: None,
            policy_digest: None,
            request: None,
        }
    }
}

/// What is known of a run when it is over.
#[derive(Clone, Debug)]
pub struct Closing {
    /// The final status; one that is not final is taken for `failed`.
    pub status: RunStatus,
    /// How the code ended, where it did.
    pub outcome: Option<Outcome>,
    /// What was enforced.
    pub enforcement: Option<Enforcement>,
    /// What it used.
    pub usage: Option<Usage>,
    /// The beginning of standard output; more than is kept of it is cut off.
    pub stdout: OutputHead,
    /// The beginning of standard error.
    pub stderr: OutputHead,
    /// Why there is no outcome, or what else went wrong.
    pub error: Option<ErrorBody>,
    /// The result that it handed back; what is too large belongs into an artifact.
    pub result: Option<Value>,
    /// What it left; the bytes have to be among the blobs already.
    pub artifacts: Vec<ArtifactInfo>,
    /// The commit, where it was not known before.
    pub commit_sha: Option<String>,
    /// SHA-256 of the code, where it was not known before.
    pub code_digest: Option<String>,
    /// SHA-256 of the environment, where it was not known before.
    pub environment_digest: Option<String>,
    /// SHA-256 of the policy, where it was not known before.
    pub policy_digest: Option<String>,
}

impl Closing {
    /// That of a run of which no more is known than its status.
    #[must_use]
    pub fn new(status: RunStatus) -> Self {
        Self {
            status,
            outcome: None,
            enforcement: None,
            usage: None,
            stdout: OutputHead::default(),
            stderr: OutputHead::default(),
            error: None,
            result: None,
            artifacts: Vec::new(),
            commit_sha: None,
            code_digest: None,
            environment_digest: None,
            policy_digest: None,
        }
    }

    /// That of a run whose code ended.
    #[must_use]
    pub fn ended(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..Self::new(RunStatus::of(&outcome)) }
    }

    /// The same of a run of which only how it ended can be kept, and why not more.
    #[must_use]
    pub fn reduced(&self, error: ErrorBody) -> Self {
        Self { outcome: self.outcome, error: Some(error), ..Self::new(self.status) }
    }

    /// That of a run that we failed to carry out.
    #[must_use]
    pub fn failed(error: ErrorBody) -> Self {
        Self { error: Some(error), ..Self::new(RunStatus::Failed) }
    }
}
