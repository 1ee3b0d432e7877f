//! The report as text. Pure.

use crate::{
    report::{Comparison, Mode, Report},
    serve, warm,
};

/// The report, as a person reads it.
pub(crate) fn of(report: &Report) -> String {
    let mut text = report.machine.lines().join("\n");
    text.push('\n');
    for mode in &report.modes {
        text.push_str(&mode_text(mode));
    }
    if let Some(report) = &report.warm {
        text.push('\n');
        text.push_str(&warm::text(report));
    }
    if let Some(report) = &report.serve {
        text.push('\n');
        text.push_str(&serve::text(report));
    }
    text
}

/// What was found in one mode.
pub(crate) fn mode_text(mode: &Mode) -> String {
    let pause = match mode.pause_ms {
        0 => String::new(),
        pause => format!(", {pause} ms idle before each run"),
    };
    let head = ["milliseconds", "runs", "min", "median", "p99"];
    let rows = mode.subjects.iter().map(|row| {
        let times = row.times_ms;
        // Turns take a small part of a millisecond.
        let places = if times.median < 1.0 { 3 } else { 2 };
        let number = |value: f64| format!("{value:.places$}");
        let name = row.name.to_owned();
        [name, times.runs.to_string(), number(times.min), number(times.median), number(times.p99)]
    });
    let times = columns(std::iter::once(head.map(str::to_owned)).chain(rows));
    let head = ["ratio", "of medians", "by pairs", "budget", "stretch", ""];
    let rows = mode.ratios.iter().map(ratio_row);
    let ratios = columns(std::iter::once(head.map(str::to_owned)).chain(rows));
    format!("\n{}{pause}\n\n{times}\n{ratios}", mode.name)
}

fn ratio_row(row: &Comparison) -> [String; 6] {
    let limit = |limit: Option<f64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let verdict = match row.met {
        Some(true) => "met",
        Some(false) => "missed",
        None => "",
    };
    [
        format!("{} / {}", row.subject, row.peer),
        format!("{:.3}", row.ratio.medians),
        format!("{:.3}", row.ratio.pairs),
        limit(row.budget),
        limit(row.stretch),
        verdict.to_owned(),
    ]
}

/// Rows with every column as wide as its widest cell; the first to the left.
pub(crate) fn columns<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.collect();
    let widths: [usize; N] =
        std::array::from_fn(|n| rows.iter().map(|row| row[n].len()).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells =
            row.iter().zip(widths).enumerate().map(|(number, (cell, width))| match number {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn names_stand_to_the_left_and_numbers_to_the_right() {
        let rows = [["a", "10"], ["long", "1"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(rows.into_iter()), "a     10\nlong   1\n");
    }
}
