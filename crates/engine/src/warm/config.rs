//! What the operator says of the warm path.

use std::time::Duration;

/// What the operator says of the warm path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmConfig {
    /// Whether runs of one program take a sandbox from the pool where one fits.
    pub pooled_runs: bool,
    /// Ready sandboxes that every class in use keeps at least.
    pub pool_min: usize,
    /// Ready sandboxes that a class keeps at most; none are kept if 0.
    pub pool_max: usize,
    /// Sandboxes that are forked ahead of demand at any one moment.
    pub refills_max: usize,
    /// A ready sandbox that has waited for so long is thrown away.
    pub ready_age_max: Duration,
    /// Nothing is forked ahead of demand while the machine has less memory to give.
    pub memory_floor_bytes: u64,
    /// Interpreters that are parked at any one moment; the one that was not used for
    /// the longest time makes room.
    pub zygotes_max: usize,
    /// Forks after which a parked interpreter is replaced, since all of them share
    /// its layout in memory.
    pub zygote_forks_max: u64,
    /// Age at which it is replaced, for the same reason.
    pub zygote_age_max: Duration,
    /// Sessions at any one moment.
    pub sessions_max: usize,
    /// A session that was not used for so long is closed, unless it was asked to wait
    /// for less.
    pub idle_time_max: Duration,
    /// A session that is so old is closed, unless it was asked to be so earlier.
    pub lifetime_max: Duration,
    /// How long a kernel may take to obey an interrupt before it is killed.
    pub interrupt_grace: Duration,
}

impl Default for WarmConfig {
    fn default() -> Self {
        Self {
            pooled_runs: false,
            pool_min: 0,
            pool_max: 16,
            refills_max: 2,
            ready_age_max: Duration::from_secs(600),
            memory_floor_bytes: 256 << 20,
            zygotes_max: 8,
            zygote_forks_max: 10_000,
            zygote_age_max: Duration::from_secs(1800),
            sessions_max: 10_000,
            idle_time_max: Duration::from_secs(1800),
            lifetime_max: Duration::from_secs(24 * 3600),
            interrupt_grace: Duration::from_secs(1),
        }
    }
}
