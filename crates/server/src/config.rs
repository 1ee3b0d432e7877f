//! What the operator tells the server. Read from nowhere here: the binary does that.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::Duration};

use api::Control;

use crate::{HostName, Traces, quota::QuotaConfig};

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
}
