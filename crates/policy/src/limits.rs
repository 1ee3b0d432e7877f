//! Limits, complete; and the operator's ceiling on them.

use std::time::Duration;

use api::LimitsSpec;
use serde::{Deserialize, Serialize};

use crate::PolicyError;

/// Every limit of a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Time from the program's start to its end.
    pub wall_time: Duration,
    /// Processor time of all processes together.
    pub cpu_time: Option<Duration>,
    /// Memory of all processes and files together, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
    /// Processor share in thousandths of one processor; all of them if `None`.
    pub cpu_millis: Option<u64>,
    /// Descriptors of one process.
    pub open_files: u64,
    /// Largest file, in bytes.
    pub file_size_bytes: u64,
    /// Everything writable, in bytes.
    pub workspace_bytes: u64,
    /// Everything writable, in files and directories.
    pub workspace_inodes: u64,
    /// Kept bytes of each output stream; all of them if `None`.
    pub output_bytes: Option<u64>,
}

/// What an operator gives where a caller asks for nothing, and the most that a
/// caller may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Taken where the spec is silent.
    pub defaults: Limits,
    /// A spec above any of these is refused; `None` of an optional limit means no ceiling.
    pub maximum: Limits,
    /// Whether full network may be asked for.
    pub full_network: bool,
    /// Whether host paths may be shared.
    pub shares: bool,
    /// Controls that a caller may accept to be without.
    pub waivable: bool,
    /// Whether each sandbox must have a host uid of its own.
    pub own_uid_required: bool,
    /// Whether the host's audit log is to have every refused system call.
    pub audit: bool,
    /// Whether nobody else's code may run on a core beside a sandbox's.
    pub core_scheduling: bool,
}

const MIB: u64 = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(30),
            cpu_time: None,
            memory_bytes: 1024 * MIB,
            pids: 256,
            cpu_millis: None,
            open_files: 1024,
            file_size_bytes: 512 * MIB,
            workspace_bytes: 512 * MIB,
            workspace_inodes: 65_536,
            output_bytes: Some(MIB),
        }
    }
}

impl Ceiling {
    /// The ceiling of a person at their own machine: nothing that the machine
    /// can give is refused.
    #[must_use]
    pub fn own_machine() -> Self {
        Self {
            defaults: Limits::default(),
            maximum: Limits {
                wall_time: Duration::from_secs(30 * 24 * 3600),
                cpu_time: None,
                memory_bytes: 1 << 46,
                pids: 4_000_000,
                cpu_millis: None,
                open_files: 1 << 20,
                file_size_bytes: 1 << 46,
                workspace_bytes: 1 << 46,
                workspace_inodes: 1 << 32,
                output_bytes: None,
            },
            full_network: true,
            shares: true,
            waivable: true,
            own_uid_required: false,
            audit: false,
            core_scheduling: false,
        }
    }
}

/// The fewest with which a process becomes a program: the streams, and what it
/// takes to change into it.
const OPEN_FILES_MIN: u64 = 16;

/// The least memory in which an interpreter's start can be told from a limit reached.
const MEMORY_BYTES_MIN: u64 = 4 << 20;

/// The most of an optional limit that has no ceiling: 278 years in milliseconds,
/// 8 TiB in bytes. Leaves room for arithmetic on it.
const UNBOUNDED_MAX: u64 = 1 << 43;

/// What one limit may be.
struct Bound {
    field: &'static str,
    minimum: u64,
    maximum: u64,
}

impl Bound {
    /// What was asked for, or else the default, lowered to the ceiling.
    fn take(&self, asked: Option<u64>, default: u64) -> Result<u64, PolicyError> {
        let Self { field, minimum, maximum } = *self;
        let given = asked.unwrap_or(default.min(maximum));
        if given < minimum {
            return Err(PolicyError::LimitTooSmall { field, given, minimum });
        }
        if given > maximum {
            return Err(PolicyError::LimitTooLarge { field, given, maximum });
        }
        Ok(given)
    }
}

/// An optional limit: what was asked for, or else the default, or else the ceiling.
fn optional(
    (field, minimum): (&'static str, u64),
    asked: Option<u64>,
    default: Option<u64>,
    ceiling: Option<u64>,
) -> Result<Option<u64>, PolicyError> {
    let bound = Bound { field, minimum, maximum: ceiling.unwrap_or(UNBOUNDED_MAX) };
    match (asked, default.or(ceiling)) {
        (None, None) => Ok(None),
        (_, default) => bound.take(asked, default.unwrap_or_default()).map(Some),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Limits {
    /// What was asked for within the ceiling, defaults for the rest.
    ///
    /// # Errors
    /// The first limit that is impossible or above the ceiling.
    pub(crate) fn resolve(asked: &LimitsSpec, ceiling: &Ceiling) -> Result<Self, PolicyError> {
        let (usual, most) = (&ceiling.defaults, &ceiling.maximum);
        let bound = |field, minimum, maximum| Bound { field, minimum, maximum };
        let wall = bound("wall_time_ms", 1, millis(most.wall_time))
            .take(asked.wall_time_ms, millis(usual.wall_time))?;
        let (usual_cpu, most_cpu) = (usual.cpu_time.map(millis), most.cpu_time.map(millis));
        let cpu_time = optional(("cpu_time_ms", 1), asked.cpu_time_ms, usual_cpu, most_cpu)?;
        let memory_bytes = bound("memory_bytes", MEMORY_BYTES_MIN, most.memory_bytes)
            .take(asked.memory_bytes, usual.memory_bytes)?;
        let (usual_share, most_share) = (usual.cpu_millis, most.cpu_millis);
        let (usual_output, most_output) = (usual.output_bytes, most.output_bytes);
        Ok(Self {
            wall_time: Duration::from_millis(wall),
            cpu_time: cpu_time.map(Duration::from_millis),
            memory_bytes,
            pids: bound("pids", 1, most.pids).take(asked.pids, usual.pids)?,
            cpu_millis: optional(("cpu_millis", 10), asked.cpu_millis, usual_share, most_share)?,
            open_files: bound("open_files", OPEN_FILES_MIN, most.open_files)
                .take(asked.open_files, usual.open_files)?,
            file_size_bytes: bound("file_size_bytes", 0, most.file_size_bytes)
                .take(asked.file_size_bytes, usual.file_size_bytes)?,
            workspace_bytes: bound("workspace_bytes", 4096, most.workspace_bytes)
                .take(asked.workspace_bytes, usual.workspace_bytes.min(memory_bytes))?,
            workspace_inodes: bound("workspace_inodes", 16, most.workspace_inodes)
                .take(asked.workspace_inodes, usual.workspace_inodes)?,
            output_bytes: optional(
                ("output_bytes", 0),
                asked.output_bytes,
                usual_output,
                most_output,
            )?,
        })
    }
}
