//! The account of one run: opened before anything is launched, closed once.
//!
//! Closing makes the result, and takes the account itself, so it cannot happen twice.
//! Where records are kept, the same account is written there: a run's own is durable
//! before its code starts, and again before its result is told; those of turns and
//! commands are written in groups, soon after. An account that is dropped open, by a panic
//! or because its caller went away, is closed as one that was taken back.

mod entry;
mod kept;

use api::{
    CapturedStream, Digests, DownloadedFile, Enforcement, FileChange, Outcome, Phase, RunId,
    RunResult, Usage,
};
use sha2::{Digest, Sha256};

pub use entry::{Asker, Records};

pub(crate) use entry::{Entry, Subject};
pub(crate) use kept::Kept;

use crate::{RunError, resolve::Resolved};

/// A run's account that is still open.
#[derive(Debug)]
#[must_use = "a run that was recorded must be closed with what came of it"]
pub(crate) struct RecordGuard {
    run_id: RunId,
    digests: Digests,
    entry: Entry,
}

/// What is known when a run is over.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) outcome: Outcome,
    pub(crate) phase: Phase,
    pub(crate) stdout: CapturedStream,
    pub(crate) stderr: CapturedStream,
    pub(crate) files: Vec<DownloadedFile>,
    pub(crate) kept: Kept,
    pub(crate) changes: Vec<FileChange>,
    pub(crate) usage: Usage,
    pub(crate) enforcement: Enforcement,
}

impl RecordGuard {
    /// The account of a run that is about to be launched. Nothing is written yet.
    pub(crate) fn new(run_id: RunId, resolved: &Resolved, entry: Entry) -> Self {
        let digests = Digests {
            code: resolved.code_digest.clone(),
            policy: resolved.policy.digest(),
            environment: resolved.environment_digest.clone(),
        };
        Self { run_id, digests, entry }
    }

    /// The run's id.
    pub(crate) const fn run_id(&self) -> RunId {
        self.run_id
    }

    /// Opens it. Code may start only after that.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(crate) async fn open(&mut self) -> Result<(), RunError> {
        Ok(self.entry.open(&self.digests).await?)
    }

    /// Where files go that are to be kept with it.
    pub(crate) fn kept(&self) -> Kept {
        self.entry.kept()
    }

    /// Closes it with why there is no result.
    pub(crate) async fn fail(self, error: &RunError) {
        self.entry.fail(error.body()).await;
    }

    /// Closes it.
    ///
    /// # Errors
    /// It cannot be kept.
    pub(crate) async fn close(self, account: Account) -> Result<RunResult, RunError> {
        let Self { run_id, digests, entry } = self;
        let result = RunResult {
            run_id,
            outcome: account.outcome,
            phase: account.phase,
            stdout: account.stdout,
            stderr: account.stderr,
            files: account.files,
            changes: account.changes,
            usage: account.usage,
            enforcement: account.enforcement,
            digests,
        };
        entry.close(&result, account.kept).await?;
        Ok(result)
    }
}

/// SHA-256 of some parts in order, in hexadecimal digits. One part is hashed as it
/// is; several each with their length before them, so that `ab c` is not `a bc`.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.into_iter().collect();
    let mut hash = Sha256::new();
    for part in &parts {
        if parts.len() > 1 {
            hash.update(part.len().to_le_bytes());
        }
        hash.update(part);
    }
    hexadecimal(&hash.finalize())
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_of_source_is_that_of_its_text() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest(["abc"]), known);
    }

    #[test]
    fn a_digest_tells_where_one_argument_ends() {
        assert_ne!(digest(["echo", "ab", "c"]), digest(["echo", "a", "bc"]));
        assert_ne!(digest(["echo", ""]), digest(["echo"]));
    }
}
