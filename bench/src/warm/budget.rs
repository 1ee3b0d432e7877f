//! Comparisons and budgets of the warm path, as data.

use crate::budget::{Budget, of};

/// A ready sandbox is there before an interpreter would have started.
const HIT: Option<(f64, f64)> = Some((0.05, 0.02));
/// With pandas loaded it is no different.
const AS_BARE: Option<(f64, f64)> = Some((1.3, 1.0));
/// Loading pandas takes a third of a second.
const PANDAS_HIT: Option<(f64, f64)> = Some((0.002, 0.001));
/// Isolation costs no more than the fork itself.
const MISS: Option<(f64, f64)> = Some((2.0, 1.5));
/// What is used first is not much slower than what is used again.
const FIRST: Option<(f64, f64)> = Some((2.0, 1.5));
/// A turn is little more than a round trip.
const TURN: Option<(f64, f64)> = Some((2.0, 1.3));

/// Every comparison of fresh sandboxes, in the order of the report.
pub(super) const FRESH: &[Budget] = &[
    of("hello, session hit: answer", "hello, bwrap", HIT),
    of("hello, run hit: gone", "hello, bwrap", None),
    of("hello, session miss: answer", "hello, bwrap", None),
    of("hello, cold run: gone", "hello, bwrap", None),
    of("hello, session hit: answer", "hello, bare python", None),
    of("hello, session miss: answer", "hello, bare python", None),
    of("hello, session miss: answer", "hello, raw fork", MISS),
    of("hello, run miss: output", "hello, raw fork", None),
    of("pandas, session hit: answer", "hello, session hit: answer", AS_BARE),
    of("pandas, session hit: answer", "pandas, bwrap", PANDAS_HIT),
    of("pandas, session miss: answer", "pandas, bwrap", None),
    of("pandas, session miss: answer", "pandas, raw fork", MISS),
    of("describe, first", "describe, again", FIRST),
];

/// The same of turns.
pub(super) const TURNS: &[Budget] = &[
    of("pass, turn", "pass, peer", TURN),
    of("x = x + 1, turn", "x = x + 1, peer", TURN),
    of("print(1), turn", "print(1), peer", TURN),
];
