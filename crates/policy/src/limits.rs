//! Limits, complete; and the operator's ceiling on them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

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
        }
    }
}
