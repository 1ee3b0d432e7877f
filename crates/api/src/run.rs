//! One run: what is asked and what comes back.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Enforcement, ErrorBody, FileChange, Outcome, Phase, PolicySpec, RunId, Usage};

/// One execution of code or of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// The environment's name; `bare` is the host's own interpreters.
    pub environment: String,
    /// What to run.
    pub program: Program,
    /// Arguments of the program.
    pub args: Vec<String>,
    /// Where the program works.
    pub workspace: Workspace,
    /// Files to put there first.
    pub uploads: Vec<Upload>,
    /// Files to bring back afterwards.
    pub downloads: Vec<DownloadSpec>,
    /// Directories to bring back where the program did not end by itself, or did not leave
    /// what was to be brought back.
    pub rescues: Vec<Rescue>,
    /// Whether the result is to tell which files the run left in its own workspace.
    pub list_changes: bool,
    /// Guest directories of the root that may be written to, beside the workspace and
    /// bounded together with it: `/outputs` leads to `outputs` in the workspace.
    pub scratch: Vec<PathBuf>,
    /// What is shown beside what the policy's caller shares.
    pub exhibits: Vec<Exhibit>,
    /// The wanted policy.
    pub policy: PolicySpec,
}

/// A host path that is seen inside, read-only, by the word of the program that makes the
/// request and not of whoever asked it to: no ceiling applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhibit {
    /// A file or directory of the host; must exist.
    pub source: PathBuf,
    /// Where it is seen inside; an absolute path.
    pub target: PathBuf,
    /// Whether only its owner may be able to read it. Then it is seen as if it were the
    /// sandbox's, and its locks and watches are seen by others that it is shown to.
    pub is_owners: bool,
}

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// Source code.
    Source(Source),
    /// A program of the environment by name or guest path; `args` follow it.
    Command {
        /// Its name or path.
        name: String,
    },
}

/// Source code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The language's name or an alias of it.
    pub language: String,
    /// The file name shown in messages, such as `hello.py`; no directories.
    pub file_name: String,
    /// The text, UTF-8.
    pub text: String,
}

/// Where a program works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workspace {
    /// An empty directory of its own that ends with the sandbox.
    Private,
    /// The same, seen at another guest path.
    PrivateAt {
        /// Where it is seen inside.
        target: PathBuf,
    },
    /// A host directory, seen at the workspace's guest path.
    Host {
        /// The directory.
        source: PathBuf,
        /// Where it is seen inside.
        target: PathBuf,
        /// Whether it may be written to.
        access: crate::Access,
    },
}

/// A host file or directory to be copied in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The host path.
    pub source: PathBuf,
    /// The guest path, relative to the workspace.
    pub target: PathBuf,
}

/// A guest file or directory to be copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadSpec {
    /// The guest path, relative to the workspace.
    pub source: PathBuf,
    /// The host path; is replaced if it exists.
    pub target: PathBuf,
}

/// A guest directory to be copied out if the run was stopped: at a limit, by being taken
/// back, or by a signal; or if a download of it cannot be had. What is more than may be is
/// left out, and told of by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rescue {
    /// The guest path, relative to the workspace.
    pub source: PathBuf,
    /// The host directory; it is made if it is missing.
    pub target: PathBuf,
    /// The most files of it.
    pub files_max: usize,
    /// The most bytes of one.
    pub file_bytes_max: u64,
    /// The most bytes of all.
    pub bytes_max: u64,
}

/// What is known of a run when it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunResult {
    /// The run's id.
    pub run_id: RunId,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Which part of the run that is about.
    pub phase: Phase,
    /// What it wrote to standard output.
    pub stdout: CapturedStream,
    /// What it wrote to standard error.
    pub stderr: CapturedStream,
    /// Files that were brought back.
    pub files: Vec<DownloadedFile>,
    /// Files that it created or changed, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FileChange>,
    /// What it used.
    pub usage: Usage,
    /// What was enforced.
    pub enforcement: Enforcement,
    /// What ran, under what.
    pub digests: Digests,
}

/// An output stream as it was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CapturedStream {
    /// The first bytes, as text; bytes that are not UTF-8 are replaced by U+FFFD.
    pub head: String,
    /// The last bytes, where some in the middle were left out.
    pub tail: String,
    /// Bytes that the program wrote.
    pub total_bytes: u64,
    /// Bytes between head and tail that were left out.
    pub omitted_bytes: u64,
}

/// One file that was brought back, or why it was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DownloadedFile {
    /// The guest path, relative to the workspace; odd bytes escaped.
    pub path: String,
    /// Its size; `null` where it was not brought back.
    pub size_bytes: Option<u64>,
    /// Its SHA-256 in hexadecimal digits; `null` where it was not brought back.
    pub sha256: Option<String>,
    /// Why it was not brought back.
    pub error: Option<ErrorBody>,
}

/// SHA-256 digests, in hexadecimal digits, of what a run was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Digests {
    /// Of the code, or of the command's name and arguments.
    pub code: String,
    /// Of the resolved policy.
    pub policy: String,
    /// Of the environment's lock and packages; `null` for `bare`.
    pub environment: Option<String>,
}
