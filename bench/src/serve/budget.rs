//! Comparisons and budgets of the server, as data.

use crate::budget::{Budget, of};

/// What HTTP may cost beside the engine.
pub(super) const FLOOR: &str = "bare handler + engine turn";
/// No more than the same again.
const TURN: Option<(f64, f64)> = Some((2.0, 1.3));
/// Otari's reference pays for an interpreter's start and for an interpreted server.
const REFERENCE: Option<(f64, f64)> = Some((0.2, 0.1));
/// The most time, in milliseconds, from the start of the server to its first answer.
pub(super) const READY_MS: f64 = 50.0;
/// How much slower than alone other tenants may be beside one that makes noise.
pub(super) const NEIGHBOURS: f64 = 2.0;

/// Every comparison of single requests, in the order of the report.
pub(super) const REQUESTS: &[Budget] = &[
    of("turn", FLOOR, TURN),
    of("turn", "engine turn", None),
    of("turn", "bare handler", None),
    of("GET /health", "bare handler", None),
    of("create", "bare handler", None),
    of("otari: create", "reference: create", REFERENCE),
    of("otari: python", "reference: python", REFERENCE),
    of("otari: bash", "reference: bash", REFERENCE),
    of("otari: delete", "reference: delete", REFERENCE),
    of("otari: python", "turn", None),
];

/// The same of starts.
pub(super) const STARTS: &[Budget] = &[of("start until ready", "bare handler", None)];
