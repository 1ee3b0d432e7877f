//! Quantities that bound a sandbox.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The limits a caller asks for. A field left out takes the operator's default;
/// a field above the operator's ceiling is refused, never clamped in silence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSpec {
    /// Time from the program's start to its end, by the monotonic clock.
    pub wall_time_ms: Option<u64>,
    /// Processor time of all processes together, user and system.
    pub cpu_time_ms: Option<u64>,
    /// Memory of all processes together, files in the workspace counted.
    pub memory_bytes: Option<u64>,
    /// Processes and threads at any one moment.
    pub pids: Option<u64>,
    /// Processor share, in thousandths of one processor.
    pub cpu_millis: Option<u64>,
    /// Descriptors that one process may hold.
    pub open_files: Option<u64>,
    /// Size of the largest file that may be written.
    pub file_size_bytes: Option<u64>,
    /// Bytes of everything writable: workspace, home, `/tmp` and `/dev/shm`.
    pub workspace_bytes: Option<u64>,
    /// Files and directories of everything writable.
    pub workspace_inodes: Option<u64>,
    /// Bytes kept of each output stream: the first and the last half of this.
    pub output_bytes: Option<u64>,
}

/// Which clock a run exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeLimit {
    /// The time from start to end.
    WallTime,
    /// The processor time used.
    CpuTime,
}
