//! Git, run in a sandbox: what repositories say is never read on the host.
//!
//! A repository is hostile. Its configuration is not used: every command works in an
//! empty repository of our own, which takes the objects of a local one by reference or
//! fetches those of a remote one. Only `git upload-pack` looks at a local repository
//! itself, which is made for repositories that nobody vouches for.

mod gate;
mod job;
mod log;
mod refs;
mod script;
mod source;

use std::{path::Path, sync::Arc};

use engine::{Engine, TrustDomain};

pub use job::GitError;
pub use log::Version;
pub use refs::{Branch, Refs};
pub(crate) use refs::{is_branch, is_commit};
pub use source::{GitSource, SourceError};

use gate::Gate;
use job::{Job, Keep};

use crate::Settings;

/// The most that is kept of a list of branches, and of a history.
const LIST_BYTES_MAX: u64 = 8 << 20;
/// The most versions of one page.
pub(crate) const VERSIONS_MAX: usize = 50;
/// The most of a diff that is shown: what a person or an assistant reads.
const DIFF_BYTES_MAX: u64 = 1 << 20;

/// Asks repositories.
#[derive(Clone)]
pub struct Git {
    engine: Arc<Engine>,
    settings: Arc<Settings>,
    gate: Arc<Gate>,
}

/// What two commits differ in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// As `git diff` writes it; bytes that are not UTF-8 are replaced by U+FFFD.
    pub text: String,
    /// Whether it is longer than what is shown.
    pub is_cut: bool,
}

impl Git {
    /// Git in sandboxes of this engine.
    #[must_use]
    pub fn new(engine: Arc<Engine>, settings: Arc<Settings>) -> Self {
        Self { engine, settings, gate: Arc::new(Gate::new()) }
    }

    /// Whether it may fetch from other hosts.
    pub(crate) fn has_network(&self) -> bool {
        self.engine.config().ceiling.full_network
    }

    /// The branches of a repository, and which of them is the usual one.
    ///
    /// # Errors
    /// It cannot be reached, or says nonsense.
    pub async fn refs(&self, tenant: &str, source: &GitSource) -> Result<Refs, GitError> {
        let job = Job::new(source, script::REFS, &[]);
        let text = self.text(tenant, job, LIST_BYTES_MAX).await?;
        Refs::parse(&text).ok_or(GitError::Nonsense { what: "its list of branches" })
    }

    /// The full id of a commit, of which its beginning is known.
    ///
    /// # Errors
    /// There is no such commit, or there are several.
    pub async fn resolve(
        &self,
        tenant: &str,
        source: &GitSource,
        beginning: &str,
    ) -> Result<String, GitError> {
        let unknown = || GitError::UnknownCommit { commit: beginning.to_owned() };
        if !refs::is_beginning(beginning) {
            return Err(unknown());
        }
        let job = Job::new(source, script::RESOLVE, &[beginning]);
        let told = self.text(tenant, job, LIST_BYTES_MAX).await;
        let text = match told {
            Err(GitError::Failed { .. }) => return Err(unknown()),
            told => told?,
        };
        let commit = str::from_utf8(&text).unwrap_or_default().trim();
        match is_commit(commit) && commit.starts_with(&beginning.to_lowercase()) {
            true => Ok(commit.to_owned()),
            false => Err(unknown()),
        }
    }

    /// Writes the files of a commit to a host file, as a tape archive.
    ///
    /// # Errors
    /// There is no such commit, or it is larger than may be.
    pub async fn archive(
        &self,
        tenant: &str,
        source: &GitSource,
        commit: &str,
        to: &Path,
    ) -> Result<(), GitError> {
        let job = Job::new(source, script::ARCHIVE, &[commit]);
        let keep = Keep::file(to, self.settings.archive_bytes_max())?;
        let (_, is_cut) = self.run(tenant, job, keep).await?;
        match is_cut {
            true => Err(GitError::TooLarge { maximum: self.settings.tree_bytes_max }),
            false => Ok(()),
        }
    }

    /// Commits from one back in time, newest first; those that touch a path if one is given.
    ///
    /// # Errors
    /// There is no such commit, or the history cannot be read.
    pub async fn log(
        &self,
        tenant: &str,
        source: &GitSource,
        commit: &str,
        page: &LogPage<'_>,
    ) -> Result<Vec<Version>, GitError> {
        let (skip, count) = (page.skip.to_string(), page.count.min(VERSIONS_MAX).to_string());
        let job = Job::new(source, script::LOG, &[commit, &count, &skip, page.path]);
        let text = self.text(tenant, job, LIST_BYTES_MAX).await?;
        log::parse(&text).ok_or(GitError::Nonsense { what: "its history" })
    }

    /// What changed from one commit to another.
    ///
    /// # Errors
    /// There is no such commit.
    pub async fn diff(
        &self,
        tenant: &str,
        source: &GitSource,
        (from, to): (&str, &str),
        path: &str,
    ) -> Result<Diff, GitError> {
        let job = Job::new(source, script::DIFF, &[from, to, path]);
        let (bytes, is_cut) = self.run(tenant, job, Keep::memory(DIFF_BYTES_MAX)).await?;
        Ok(Diff { text: String::from_utf8_lossy(&bytes).into_owned(), is_cut })
    }

    async fn text(&self, tenant: &str, job: Job<'_>, most: u64) -> Result<Vec<u8>, GitError> {
        match self.run(tenant, job, Keep::memory(most)).await? {
            (bytes, false) => Ok(bytes),
            (_, true) => Err(GitError::TooLarge { maximum: most }),
        }
    }

    /// Runs a job; gives what was kept in memory, and whether there was more.
    async fn run(
        &self,
        tenant: &str,
        job: Job<'_>,
        keep: Keep,
    ) -> Result<(Vec<u8>, bool), GitError> {
        let _turn = self.gate.enter(tenant).await?;
        let domain = TrustDomain::new(tenant);
        job.carry_out(&self.engine, &self.settings, &domain, keep).await
    }
}

/// Which part of a history.
#[derive(Clone, Copy, Debug)]
pub struct LogPage<'a> {
    /// A file or directory; all if empty.
    pub path: &'a str,
    /// How many are passed over.
    pub skip: u64,
    /// The most that are given; no more than 50.
    pub count: usize,
}
