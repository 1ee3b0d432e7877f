//! What was found of the server, as data and as text.

use serde::Serialize;

use super::{budget::READY_MS, neighbours::Neighbours, rate::Rate};
use crate::{
    machine::Machine,
    report::Mode,
    table::{columns, mode_text},
};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(super) machine: Machine,
    pub(super) start: Option<Mode>,
    pub(super) requests: Vec<Mode>,
    pub(super) rates: Vec<Rate>,
    pub(super) neighbours: Option<Neighbours>,
}

impl Report {
    pub(super) fn begin(machine: Machine) -> Self {
        let (start, requests, rates, neighbours) = Default::default();
        Self { machine, start, requests, rates, neighbours }
    }
}

/// The report, as a person reads it.
pub(crate) fn text(report: &Report) -> String {
    let mut text = report.machine.lines().join("\n");
    text.push('\n');
    if let Some(start) = &report.start {
        text.push_str(&mode_text(start));
        text.push_str(&format!("the start of ours may take {READY_MS} ms\n"));
    }
    for mode in &report.requests {
        text.push_str(&mode_text(mode));
    }
    if !report.rates.is_empty() {
        text.push_str(&rates(&report.rates));
    }
    if let Some(found) = &report.neighbours {
        text.push_str(&neighbours(found));
    }
    text
}

fn rates(rows: &[Rate]) -> String {
    let head = ["a second", "clients", "rate", "median ms", "p99 ms"];
    let rows = rows.iter().map(|row| {
        [
            row.name.to_owned(),
            row.clients.to_string(),
            format!("{:.0}", row.per_second),
            format!("{:.3}", row.times_ms.median),
            format!("{:.3}", row.times_ms.p99),
        ]
    });
    let table = columns([head.map(str::to_owned)].into_iter().chain(rows));
    format!("\nrate\n\n{table}")
}

fn neighbours(found: &Neighbours) -> String {
    let head = ["turns of a quiet tenant, ms", "runs", "median", "p99"];
    let rows = [("alone", found.alone_ms), ("beside the noisy one", found.beside_ms)];
    let rows = rows.map(|(name, times)| {
        let number = |value: f64| format!("{value:.3}");
        [name.to_owned(), times.runs.to_string(), number(times.median), number(times.p99)]
    });
    let table = columns([head.map(str::to_owned)].into_iter().chain(rows));
    let Neighbours { clients, ratio, budget, met, .. } = found;
    let verdict = if *met { "met" } else { "missed" };
    format!(
        "\nneighbours: {clients} clients make noise\n\n{table}\n\
         p99, beside / alone: {ratio:.2}, budget {budget}, {verdict}\n"
    )
}
