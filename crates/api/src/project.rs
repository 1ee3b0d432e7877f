//! Projects: code kept in git, and the data that it is run on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ProjectId, SourceId, Timestamp};

/// Where a project's repository is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryKind {
    /// At a URL that git fetches from.
    Remote,
    /// In a directory of this host.
    Local,
}

/// Code kept in git that can be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    pub project_id: ProjectId,
    /// Its name; no two projects of a tenant share one.
    pub name: String,
    /// What it is, in its owner's words.
    pub description: String,
    /// Where its repository is: a URL or an absolute path.
    pub repository: String,
    /// Which of both.
    pub repository_kind: RepositoryKind,
    /// The branch that is run where none is named.
    pub default_branch: String,
    /// The environment that it runs in.
    pub environment: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a data source is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataSourceKind {
    /// A file that was sent.
    Upload,
    /// A directory of this host.
    Directory,
    /// Objects of a bucket below a prefix.
    Bucket,
}

/// Something that a project's data comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataSource {
    /// Its id.
    pub source_id: SourceId,
    /// The project.
    pub project_id: ProjectId,
    /// Its name; no two sources of a project share one.
    pub name: String,
    /// What it is read from.
    pub kind: DataSourceKind,
    /// Where that is: a digest, an absolute path or a URL.
    pub location: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A project's data at one moment; it never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataSnapshot {
    /// The SHA-256 of the list of its files, in hexadecimal digits.
    pub snapshot_id: String,
    /// The project.
    pub project_id: ProjectId,
    /// When it was taken first.
    pub created_at: Timestamp,
    /// How many files it has.
    pub file_count: u64,
    /// Their sizes together.
    pub size_bytes: u64,
}

/// A file of a project's newest data, as runs see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DataFile {
    /// Its path, relative to where the data is mounted.
    pub path: String,
    /// What it is, by its name.
    pub media_type: String,
    /// Its size.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// The snapshot that has it.
    pub snapshot_id: String,
    /// When that was taken first.
    pub taken_at: Timestamp,
}

/// One file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotFile {
    /// Its path, relative to where the data is mounted.
    pub path: String,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}
