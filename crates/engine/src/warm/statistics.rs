//! What the pool has done so far.

/// What the pool has done so far, and what it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WarmStats {
    /// Sandboxes that were ready when they were asked for.
    pub hits: u64,
    /// Sandboxes that had to be forked when they were asked for.
    pub misses: u64,
    /// Sandboxes that were forked ahead of demand.
    pub filled: u64,
    /// Ready sandboxes that were thrown away: too old, or dead.
    pub discarded: u64,
    /// Ready sandboxes now.
    pub ready: usize,
    /// Parked interpreters now.
    pub zygotes: usize,
    /// Interpreters that were parked so far.
    pub parked: u64,
    /// Sandboxes that were forked so far.
    pub forks: u64,
    /// Sessions now.
    pub sessions: usize,
}

/// Counts, shared by all that count.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) hits: std::sync::atomic::AtomicU64,
    pub(super) misses: std::sync::atomic::AtomicU64,
    pub(super) filled: std::sync::atomic::AtomicU64,
    pub(super) discarded: std::sync::atomic::AtomicU64,
}
