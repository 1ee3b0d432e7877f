//! Comparisons and budgets, as data.

/// One series over another, and how small that is meant to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) subject: &'static str,
    pub(crate) peer: &'static str,
    /// The ratio that is promised, and the one that is hoped for; none where the
    /// comparison is for information.
    pub(crate) limits: Option<(f64, f64)>,
}

/// A comparison.
pub(crate) const fn of(
    subject: &'static str,
    peer: &'static str,
    limits: Option<(f64, f64)>,
) -> Budget {
    Budget { subject, peer, limits }
}

/// A sandbox that does nothing costs no more than bubblewrap's.
const NO_OP: Option<(f64, f64)> = Some((1.0, 0.5));
/// A sandbox adds little to what an interpreter costs anyway.
const HELLO: Option<(f64, f64)> = Some((1.15, 1.05));
/// bubble-sandbox's command spends its time on loading itself.
const BUBBLE: Option<(f64, f64)> = Some((0.05, 0.02));

/// Every comparison, in the order of the report.
pub(crate) const BUDGETS: &[Budget] = &[
    of("no-op, cellblock", "no-op, bwrap", NO_OP),
    of("no-op, engine done", "no-op, bwrap", NO_OP),
    of("no-op, engine launched", "no-op, bwrap", None),
    of("no-op, cellblock", "no-op, bare", None),
    of("no-op, bwrap", "no-op, bare", None),
    of("true, cellblock", "true, bwrap", NO_OP),
    of("true, engine done", "true, bwrap", NO_OP),
    of("true, cellblock", "true, bare", None),
    of("true, bwrap", "true, bare", None),
    of("python hello, cellblock", "python hello, bare", HELLO),
    of("python hello, engine done", "python hello, bare", HELLO),
    of("python hello, bwrap", "python hello, bare", None),
    of("python hello, cellblock", "python hello, bwrap", None),
    of("python hello, engine done", "python hello, bwrap", None),
    of("python hello, cellblock", "python hello, bubble-sandbox", BUBBLE),
];
