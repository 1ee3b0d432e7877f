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
    let head = ["beside one that", "alone ms", "p99", "beside ms", "p99", "p99 / p99", ""];
    let rows = found.rows.iter().map(|row| {
        let number = |value: f64| format!("{value:.2}");
        [
            row.noise.to_owned(),
            number(row.alone_ms.median),
            number(row.alone_ms.p99),
            number(row.beside_ms.median),
            number(row.beside_ms.p99),
            number(row.ratio),
            if row.met { "met" } else { "missed" }.to_owned(),
        ]
    });
    let table = columns([head.map(str::to_owned)].into_iter().chain(rows));
    let budget = found.budget;
    format!(
        "\nneighbours: turns of a quiet tenant, budget {budget} of the 99th percentiles\n\n{table}"
    )
}
