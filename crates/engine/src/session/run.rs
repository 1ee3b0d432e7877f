//! Programs in a session's sandbox, beside its kernel.

use std::sync::atomic::Ordering;

use api::{Outcome, Phase};
use sandbox::{Action, Command, Exit, Payload, ProcessStatus, SandboxError, Step};
use tokio::time::{Duration, timeout};

use super::{
    Inner, RUNS_AT_ONCE_MAX, Session, SessionError, SessionRun, SessionRunResult,
    live::END_TIME_MAX,
};
use crate::{
    RunError, RunIo,
    resolve::{Inside, Work},
    runtime,
};

/// How long a program of our own may take, such as the one that removes files.
const OWN_TIME_MAX: Duration = Duration::from_secs(20);

impl Session {
    /// Runs a command, or source of any language, in the sandbox of the session. It sees
    /// the same files as the kernel, and does not wait for it.
    ///
    /// # Errors
    /// The session is closed, too many run, or the program cannot be run. Whatever the
    /// program does is an outcome, not an error.
    pub async fn run(
        &self,
        request: &SessionRun,
        io: RunIo<'_>,
    ) -> Result<SessionRunResult, SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        inner.run(request, io, false).await
    }
}

impl Inner {
    /// Runs a program for as long as the policy has it; or, in the background, for as
    /// long as the session lives.
    pub(super) async fn run(
        &self,
        request: &SessionRun,
        io: RunIo<'_>,
        is_background: bool,
    ) -> Result<SessionRunResult, SessionError> {
        let full = |_| SessionError::TooManyRuns { maximum: RUNS_AT_ONCE_MAX };
        let _place = self.running.try_acquire().map_err(full)?;
        self.revive().await?;
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let (run, session, session_id) = (request, &self.sandboxed, self.id);
        let inside = Inside { run, session, session_id, number, is_background };
        let before = self.snapshot().await;
        let result = self.core.carry_out(Work::Inside(&inside), io).await;
        if result.as_ref().is_ok_and(|result| result.outcome == Outcome::OutOfMemory) {
            // The host kernel may have taken the session's own; nothing new can be begun
            // while that ends.
            self.sandboxed.may_end(END_TIME_MAX).await;
        }
        if let api::Program::Source(_) = request.program {
            self.clear_away(&inside).await;
        }
        let result = result?;
        let after = self.snapshot().await;
        let changes = match self.activity.closed() {
            // What is gone with the session was not deleted by anybody.
            Some(_) => Vec::new(),
            None => self.changes(before, after).await,
        };
        Ok(SessionRunResult { result, changes })
    }

    /// Removes what a run had for itself. What cannot be removed is left.
    async fn clear_away(&self, inside: &Inside<'_>) {
        let config = &self.core.config;
        let payload = runtime::inside(inside.run, &self.sandboxed.frame, inside.number, config);
        if let Ok(payload) = payload {
            let _ = self.remove(runtime::leftovers(inside.number, &payload)).await;
        }
    }

    /// Removes files and directories with all that is in them.
    pub(super) async fn remove(&self, paths: Vec<String>) -> Result<Exit, SessionError> {
        let args = ["-rf".to_owned(), "--".to_owned()].into_iter().chain(paths).collect();
        self.run_own("rm", args).await
    }

    /// Runs a program of the sandbox for purposes of our own, in the workspace.
    pub(super) async fn run_own(
        &self,
        name: &str,
        args: Vec<String>,
    ) -> Result<Exit, SessionError> {
        self.revive().await?;
        let policy = &self.sandboxed.frame.policy;
        let directory = policy.workspace().clone();
        let command = Command { program: name.into(), args, directory };
        let step = Step { phase: Phase::Run, action: Action::Command(command) };
        let payload = Payload { steps: vec![step], ..Payload::default() };
        let mut sandbox = self.sandboxed.enter(policy, payload).await?;
        let ended = timeout(OWN_TIME_MAX, sandbox.run()).await;
        let late = |_| SandboxError::Lost { detail: "it takes too long".to_owned() };
        ended
            .map_err(late)
            .flatten()
            .map_err(|error| RunError::of_sandbox(error, &[name.to_owned()]).into())
    }
}

/// Whether a program of our own has done what it was for.
pub(super) const fn has_succeeded(exit: &Exit) -> bool {
    matches!(exit.status, ProcessStatus::Exited(0))
}
