//! What the operator tells projects.

use std::{path::PathBuf, time::Duration};

use api::PolicySpec;
use record::BucketLocation;

/// What the operator tells projects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where trees and data are kept ready; made if it does not exist. All of it can be
    /// made again.
    pub cache_dir: PathBuf,
    /// What every run asks for beside what projects need themselves.
    pub policy: PolicySpec,
    /// Host directories in which repositories may be registered.
    pub repository_dirs: Vec<PathBuf>,
    /// Host directories in which data may be registered.
    pub data_dirs: Vec<PathBuf>,
    /// Buckets, or what is below prefixes of them, that may be registered as data.
    pub buckets: Buckets,
    /// How buckets are reached: the usual environment variables, by their names.
    pub bucket_options: Vec<(String, String)>,
    /// The longest that a run may take.
    pub wall_time: Duration,
    /// The most files and directories of one commit.
    pub tree_entries_max: usize,
    /// The most bytes of the files of one commit.
    pub tree_bytes_max: u64,
    /// The most bytes of an upload.
    pub upload_bytes_max: u64,
    /// The most bytes of one object of a bucket.
    pub object_bytes_max: u64,
    /// The most bytes of a snapshot.
    pub snapshot_bytes_max: u64,
    /// The most bytes of the trees that are kept ready, and of the data.
    pub cache_bytes_max: u64,
    /// The tenant that may take every slot of a worker: the person at this machine, who
    /// shares it with nobody. Each other leaves one to the rest.
    pub alone: Option<String>,
    /// How often claims are renewed, and cancelling is heard of: a third of the store's
    /// lease, or more often.
    pub renew_every: Duration,
}

/// Which buckets may be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buckets {
    /// Every one that the credentials open: they are the caller's own.
    All,
    /// These, and what is below them.
    Only(Vec<BucketLocation>),
}

impl Buckets {
    /// Whether one may be read.
    pub(crate) fn allow(&self, location: &BucketLocation) -> bool {
        match self {
            Self::All => true,
            Self::Only(allowed) => allowed.iter().any(|allowed| allowed.contains(location)),
        }
    }
}

const MIB: u64 = 1 << 20;

impl Settings {
    /// The usual ones, with a place for what is kept ready. No host directory may be
    /// registered.
    #[must_use]
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self {
            cache_dir: cache_dir.into(),
            policy: PolicySpec::default(),
            repository_dirs: Vec::new(),
            data_dirs: Vec::new(),
            buckets: Buckets::Only(Vec::new()),
            bucket_options: Vec::new(),
            // What the contract of hosted runs has.
            wall_time: Duration::from_secs(300),
            // A large project of people; not a kernel's or a browser's.
            tree_entries_max: 20_000,
            tree_bytes_max: 256 * MIB,
            upload_bytes_max: 100 * MIB,
            object_bytes_max: 1024 * MIB,
            snapshot_bytes_max: 2048 * MIB,
            cache_bytes_max: 8192 * MIB,
            alone: None,
            renew_every: Duration::from_secs(3),
        }
    }

    /// The most bytes of a commit's tape archive: each entry has a header and is filled up.
    pub(crate) const fn archive_bytes_max(&self) -> u64 {
        const HEADERS_BYTES: u64 = 2048;
        self.tree_bytes_max + self.tree_entries_max as u64 * HEADERS_BYTES
    }
}
