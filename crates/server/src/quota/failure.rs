//! What is not granted, and to whom.

use std::time::Duration;

/// What there is not enough of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaKind {
    /// Sessions at any one moment.
    Sessions,
    /// Runs, turns and commands at any one moment.
    Runs,
    /// Runs, turns and commands that wait.
    Waiting,
    /// Runs, turns and commands begun in a minute.
    RunsPerMinute,
    /// Bytes of the workspaces of all sessions.
    WorkspaceBytes,
    /// Streams at any one moment.
    Streams,
    /// Connections at any one moment.
    Connections,
    /// Time: the server is ending.
    Time,
}

impl QuotaKind {
    /// Its name, for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Runs => "runs",
            Self::Waiting => "waiting",
            Self::RunsPerMinute => "runs_per_minute",
            Self::WorkspaceBytes => "workspace_bytes",
            Self::Streams => "streams",
            Self::Connections => "connections",
            Self::Time => "time",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Runs => "runs at once",
            Self::Waiting => "runs that wait",
            Self::RunsPerMinute => "runs a minute",
            Self::WorkspaceBytes => "bytes of workspaces",
            Self::Streams => "open streams",
            Self::Connections => "connections",
            Self::Time => "time",
        }
    }
}

/// Whose limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaOwner {
    /// The tenant's.
    Tenant,
    /// That of the whole server.
    Server,
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct QuotaError {
    /// What there is not enough of.
    pub what: QuotaKind,
    /// Whose limit was reached.
    pub owner: QuotaOwner,
    /// The limit.
    pub limit: u64,
    /// When to try again; `None` where that will not help, for more was asked for than
    /// the tenant may ever have.
    pub retry_after: Option<Duration>,
}

impl QuotaError {
    /// The status of an answer: 403 where more was asked for than the tenant may ever
    /// have, 429 where it has too much now, 503 where the server has.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match (self.owner, self.retry_after) {
            (QuotaOwner::Tenant, None) => 403,
            (QuotaOwner::Tenant, Some(_)) => 429,
            (QuotaOwner::Server, _) => 503,
        }
    }

    fn text(&self) -> String {
        if self.what == QuotaKind::Time {
            return "the server is ending, and begins nothing new".to_owned();
        }
        format!("{} has reached its limit of {} {}", self.owner(), self.limit, self.what.about())
    }

    const fn owner(&self) -> &'static str {
        match self.owner {
            QuotaOwner::Tenant => "the tenant",
            QuotaOwner::Server => "the server",
        }
    }
}
