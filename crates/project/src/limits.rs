//! Limits of our own sandboxes, kept within what the operator gives.

use std::time::Duration;

use api::LimitsSpec;
use engine::Limits;

/// Asks for these where the operator gives as much, else for what there is.
pub(crate) fn within(
    spec: &mut LimitsSpec,
    most: &Limits,
    wall_time: Duration,
    memory_bytes: u64,
    workspace_bytes: u64,
) {
    spec.wall_time_ms = Some(millis(wall_time.min(most.wall_time)));
    spec.memory_bytes = Some(memory_bytes.min(most.memory_bytes));
    let workspace_bytes = workspace_bytes.min(most.workspace_bytes);
    spec.workspace_bytes = Some(workspace_bytes);
    spec.file_size_bytes = Some(workspace_bytes.min(most.file_size_bytes));
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
