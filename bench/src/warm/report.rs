//! What was found of the warm path, as data and as text.

use serde::Serialize;

use super::{memory::Memory, rate::Rate};
use crate::{
    machine::Machine,
    report::Mode,
    statistics::Summary,
    table::{columns, mode_text},
};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) machine: Machine,
    pub(super) notes: Vec<String>,
    pub(super) rounds: Vec<Mode>,
    pub(super) rates: Vec<Rate>,
    pub(super) memory: Vec<Memory>,
}

impl Report {
    pub(super) fn begin(machine: Machine) -> Self {
        let (notes, rounds, rates, memory) = Default::default();
        Self { machine, notes, rounds, rates, memory }
    }
}

/// The report, as a person reads it.
pub(crate) fn text(report: &Report) -> String {
    let mut lines = report.machine.lines().to_vec();
    lines.extend(report.notes.iter().cloned());
    let mut text = lines.join("\n");
    text.push('\n');
    for mode in &report.rounds {
        text.push_str(&mode_text(mode));
    }
    if !report.rates.is_empty() {
        text.push_str(&rates(&report.rates));
    }
    if !report.memory.is_empty() {
        text.push_str(&memory(&report.memory));
        text.push_str(&latencies(&report.memory));
    }
    text
}

fn rates(rows: &[Rate]) -> String {
    let head = ["fresh a second", "clients", "ready", "rate", "later", "rate", "hits", "CPU ms"];
    let rows = rows.iter().map(|row| {
        [
            format!("{}, {}", row.environment, row.kind),
            row.clients.to_string(),
            row.ready.to_string(),
            format!("{:.0}", row.ready_per_second),
            row.steady.to_string(),
            format!("{:.0}", row.steady_per_second),
            row.steady_hits.to_string(),
            format!("{:.2}", row.steady_cpu_ms),
        ]
    });
    let table = columns([head.map(str::to_owned)].into_iter().chain(rows));
    format!("\nrate: while ready ones are left, and later\n\n{table}")
}

fn memory(rows: &[Memory]) -> String {
    let head =
        ["kB a session", "sessions", "PSS", "own", "kernel", "anon", "cgroup", "avail", "engine"];
    let rows = rows.iter().map(|row| {
        let number = |value: f64| format!("{value:.0}");
        [
            row.environment.to_owned(),
            row.sessions.to_string(),
            number(row.pss_kb),
            number(row.private_kb),
            number(row.kernel_kb),
            number(row.anonymous_kb),
            number(row.cgroup_kb),
            number(row.available_kb),
            number(row.engine_kb),
        ]
    });
    let table = columns([head.map(str::to_owned)].into_iter().chain(rows));
    format!("\nmemory of idle sessions\n\n{table}")
}

fn latencies(rows: &[Memory]) -> String {
    let head = ["milliseconds", "sessions", "one: median", "p99", "any: median", "p99"];
    let more = ["fresh: median", "p99", "end s"];
    let head: [&str; 9] =
        std::array::from_fn(|n| head.iter().chain(&more).nth(n).map_or("", |h| h));
    let rows = rows.iter().map(|row| {
        let pair = |summary: Option<Summary>| {
            let number = |value: f64| format!("{value:.3}");
            summary.map_or_else(Default::default, |s| [number(s.median), number(s.p99)])
        };
        let [one, one_p99] = pair(row.turn_ms);
        let [any, any_p99] = pair(row.turn_of_any_ms);
        let [fresh, fresh_p99] = pair(row.fresh_ms);
        let end = row.end_seconds.map(|s| format!("{s:.1}")).unwrap_or_default();
        let name = row.environment.to_owned();
        let count = row.sessions.to_string();
        [name, count, one, one_p99, any, any_p99, fresh, fresh_p99, end]
    });
    let table = columns([head.map(str::to_owned)].into_iter().chain(rows));
    format!("\nturns and fresh sessions beside idle ones\n\n{table}")
}
