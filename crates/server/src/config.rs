//! What the operator tells the server. Read from nowhere here: the binary does that.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use api::Control;

use crate::{HostName, Traces, mcp::Profile, quota::QuotaConfig};

/// Whether callers have to show a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// As soon as there is one, and always where others than this machine can connect.
    #[default]
    Auto,
    /// Always.
    Required,
    /// Never; only on loopback.
    Off,
}

/// What the operator tells the server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The directory of what outlives it: keys.
    pub state_dir: PathBuf,
    /// Whether callers have to show a key.
    pub auth: Auth,
    /// Names that it answers to beside `localhost` and its addresses.
    pub hosts: Vec<HostName>,
    /// Connections at any one moment; beyond, the one unused for longest is closed.
    pub connections_max: usize,
    /// How long what is under way may go on when the server is asked to end.
    pub drain_time: Duration,
    /// What each tenant may take, and all together.
    pub quota: QuotaConfig,
    /// Sessions at any one moment.
    pub sessions_max: usize,
    /// Hosts that calls of tools may go to; any if `None`.
    pub callback_hosts: Option<Vec<String>>,
    /// Where traces are sent; nowhere if `None`.
    pub traces: Option<Traces>,
    /// Controls without which everybody's code may run.
    pub allow_missing: BTreeSet<Control>,
    /// The tools that clients of the Model Context Protocol are shown if they do not say.
    pub mcp_tools: Profile,
    /// Sessions of the session protocol at `/sessions`.
    pub otari: OtariConfig,
}

/// What sessions of the session protocol at `/sessions` get: its clients can ask for
/// hardly anything themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtariConfig {
    /// Their environment.
    pub environment: String,
    /// Sessions at any one moment.
    pub sessions_max: usize,
    /// How long one may be unused if its client does not say.
    pub idle_time: Duration,
    /// How old one may get if its client does not say, and the most that clients may
    /// ask for, of this and of time without use.
    pub lifetime: Duration,
    /// How long a call may take if its client does not say; at most
    /// [`OtariConfig::WALL_TIME_MAX`].
    pub wall_time: Duration,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Processor time of one call.
    pub cpu_time: Duration,
    /// Size of the largest file, in bytes.
    pub file_size_bytes: u64,
    /// Open files of one process.
    pub open_files: u64,
    /// Told of each stream of a call, in bytes.
    pub output_bytes: u64,
}

impl OtariConfig {
    /// The longest that a call may take, by the protocol.
    pub const WALL_TIME_MAX: Duration = Duration::from_secs(120);
}

impl Default for OtariConfig {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            environment: engine::environment::BARE.to_owned(),
            sessions_max: 256,
            idle_time: Duration::from_secs(900),
            lifetime: Duration::from_secs(7200),
            wall_time: Duration::from_secs(30),
            memory_bytes: 1536 * MIB,
            cpu_time: Duration::from_secs(120),
            file_size_bytes: 256 * MIB,
            open_files: 256,
            output_bytes: MIB,
        }
    }
}
