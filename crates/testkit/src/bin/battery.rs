//! Runs the attack battery and prints, or writes, what came of it.
//!
//! `battery [--write DIR] [--only WORD] [--as root|user] [--layers BINARY] [--start exec|fork]`
//!
//! What is Python runs in fresh sandboxes and in forks of a parked interpreter, unless
//! `--start` names one of them. With `--only` the rest of the report that is there stays
//! as it was.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use testkit::{
    battery::{Bench, Row},
    case,
    host::Machine,
    knockout::{self, LayerRow},
    report::Report,
    target::{self, Caller, Way},
};

struct Asked {
    write: Option<PathBuf>,
    only: Option<String>,
    ways: Vec<Way>,
    layers: Option<PathBuf>,
}

fn asked() -> anyhow::Result<Asked> {
    let mut asked = Asked { write: None, only: None, ways: Way::ALL.to_vec(), layers: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match (word.as_str(), value.as_str()) {
            ("--write", _) => asked.write = Some(value.into()),
            ("--only", _) => asked.only = Some(value),
            ("--layers", _) => asked.layers = Some(value.into()),
            ("--start", "exec") => asked.ways.retain(|way| !way.is_forked()),
            ("--start", "fork") => asked.ways.retain(|way| way.is_forked()),
            ("--as", "root") => asked.ways.retain(|way| way.caller() == Caller::Root),
            ("--as", "user") => asked.ways.retain(|way| way.caller() == Caller::User),
            _ => bail!("{word} {value} is not understood"),
        }
    }
    Ok(asked)
}

fn main() -> anyhow::Result<ExitCode> {
    let asked = asked()?;
    let mut cases = case::read_all()?;
    let order: Vec<String> = cases.iter().map(|case| case.id.clone()).collect();
    if let Some(only) = &asked.only {
        cases.retain(|case| case.id.contains(only.as_str()) || case.area.to_string() == *only);
    }
    let mut bench = Bench::prepare(&target::binary()?, &asked.ways)?;
    let mut rows = Vec::new();
    for case in &cases {
        let row = bench.row(case).with_context(|| case.id.clone())?;
        tell(&row)?;
        rows.push(row);
    }
    let layers = match &asked.layers {
        Some(binary) => layers(&mut bench, binary, &cases, &rows)?,
        None => Vec::new(),
    };
    let report = Report::new(Machine::look(), rows, layers);
    writeln!(io::stdout(), "{:#?}", report.summary)?;
    let failed = report.failed().next().is_some();
    let is_enough = asked.only.is_some() || report.tells_something();
    if !is_enough {
        writeln!(io::stdout(), "too few cases could be tried here")?;
    }
    if let Some(directory) = &asked.write {
        // The layers of an earlier report stay where none were left out now.
        let has_earlier = directory.join("battery.json").exists();
        let whole = match asked.only.is_some() || has_earlier {
            true => report.with_others_of(directory, &order)?,
            false => report,
        };
        whole.write(directory)?;
    }
    Ok(ExitCode::from(u8::from(failed || !is_enough)))
}

fn layers(
    bench: &mut Bench,
    binary: &Path,
    cases: &[case::Case],
    rows: &[Row],
) -> anyhow::Result<Vec<LayerRow>> {
    let mut target = bench.targets[0].clone();
    binary.clone_into(&mut target.binary);
    let failing: Vec<String> =
        rows.iter().filter(|row| !row.findings.is_empty()).map(|row| row.id.clone()).collect();
    let mut layers = Vec::new();
    for layer in knockout::LAYERS {
        target.knockout = Some(layer);
        let row = knockout::run(bench, &target, cases, &failing)?;
        writeln!(io::stdout(), "without {layer}: {} cases notice", row.noticed.len())?;
        layers.push(row);
    }
    Ok(layers)
}

fn tell(row: &Row) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let verdicts = &row.verdicts;
    writeln!(out, "{} {:<40} {:>4} attempts, {verdicts:?}", row.area, row.id, row.attempts)?;
    for finding in row.findings.iter().take(12) {
        writeln!(out, "    {finding}")?;
    }
    if !row.armed {
        writeln!(out, "    not armed: {}", row.not_armed_because)?;
    }
    if !row.blunt.is_empty() {
        writeln!(out, "    blunt: {}", row.blunt.join(", "))?;
    }
    Ok(())
}
