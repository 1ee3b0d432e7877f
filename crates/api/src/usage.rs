//! What a run used, as the host kernel counted it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a run used. `null` where the host could not count it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// From the program's start to its end.
    pub wall_time_ms: u64,
    /// Processor time of every process, user and system.
    pub cpu_time_ms: Option<u64>,
    /// The most memory at any one moment, files in the workspace counted.
    pub memory_peak_bytes: Option<u64>,
    /// The most processes and threads at any one moment.
    pub pids_peak: Option<u64>,
}
