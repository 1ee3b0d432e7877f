//! Who holds a run, and how what it writes is told from what others write.

use std::fmt;

use api::RunId;

/// A process, or a worker in it, that opens and claims runs. Its runs are its own for
/// as long as it renews its lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner(String);

impl Owner {
    /// One that nothing else is.
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// Its name in the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What a claim entitles to. Every write for the run carries it; a write of one that has
/// lapsed changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The run.
    pub run_id: RunId,
    /// Who claimed it.
    pub owner: Owner,
    /// The claim's number among the run's claims.
    pub number: i64,
}
