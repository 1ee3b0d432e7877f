//! What outlives the server: records, the bytes that they refer to, and projects.

use std::sync::Arc;

use project::Projects;
use record::Upkeep;

/// What outlives the server, opened by whoever puts it together.
pub struct Durable {
    /// Records, and what keeps them in order.
    pub upkeep: Upkeep,
    /// Projects, kept in the same records.
    pub projects: Arc<Projects>,
    /// Runs of projects that this process carries out at any one moment.
    pub workers: usize,
}
