//! Writes what came of the battery as JSON and as a page.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    battery::{Row, Verdict},
    case::{AREAS, read_left},
    host::Machine,
    knockout::LayerRow,
    target::Way,
};

/// Everything that came of the battery.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The machine it ran on.
    pub machine: Machine,
    /// Counts by way and verdict.
    pub summary: BTreeMap<Way, BTreeMap<String, usize>>,
    /// Every case.
    pub cases: Vec<Row>,
    /// Every layer that was left out in turn; empty where that was not done.
    pub layers: Vec<LayerRow>,
}

/// How many attempts of one case the page names.
const NAMES_MAX: usize = 4;

fn shortened(attempts: &[String]) -> String {
    let named = attempts[..attempts.len().min(NAMES_MAX)].join(", ");
    match attempts.len().checked_sub(NAMES_MAX) {
        None | Some(0) => named,
        Some(more) => format!("{named} and {more} more"),
    }
}

fn name(verdict: Option<&Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Passed) => "passed",
        Some(Verdict::NotArmed) => "not armed",
        Some(Verdict::NotApplicable) => "does not apply",
        Some(Verdict::Failed) => "FAILED",
        None => "not run",
    }
}

impl Report {
    /// Sums up.
    #[must_use]
    pub fn new(machine: Machine, cases: Vec<Row>, layers: Vec<LayerRow>) -> Self {
        let mut summary: BTreeMap<Way, BTreeMap<String, usize>> = BTreeMap::new();
        for row in &cases {
            for way in Way::ALL {
                let counts = summary.entry(way).or_default();
                *counts.entry(name(row.verdicts.get(&way)).to_owned()).or_default() += 1;
            }
        }
        Self { machine, summary, cases, layers }
    }

    /// Takes what an earlier report in a directory has of other cases, and of layers
    /// where none were left out now: one case tried again leaves the rest as it was.
    ///
    /// # Errors
    /// There is no earlier report, or it is none.
    pub fn with_others_of(self, directory: &Path, order: &[String]) -> anyhow::Result<Self> {
        let path = directory.join("battery.json");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {path:?}"))?;
        let earlier: Self = serde_json::from_str(&text).context("it is no report")?;
        let layers = if self.layers.is_empty() { earlier.layers } else { self.layers };
        let find = |rows: &[Row], id: &String| rows.iter().find(|row| row.id == *id).cloned();
        let row = |id| find(&self.cases, id).or_else(|| find(&earlier.cases, id));
        Ok(Self::new(self.machine, order.iter().filter_map(row).collect(), layers))
    }

    /// Cases that came out otherwise than expected.
    pub fn failed(&self) -> impl Iterator<Item = &Row> {
        self.cases.iter().filter(|row| row.came(&Verdict::Failed))
    }

    /// Whether most cases passed for somebody: a machine on which they cannot be tried, or a
    /// battery that tries nothing any more, shows nothing.
    #[must_use]
    pub fn tells_something(&self) -> bool {
        let passed = self.cases.iter().filter(|row| row.came(&Verdict::Passed));
        passed.count() > self.cases.len() / 2
    }

    /// Writes `battery.json` and `battery.md` into a directory.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(&self, directory: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(directory)?;
        let json = serde_json::to_string_pretty(self)? + "\n";
        fs::write(directory.join("battery.json"), json)?;
        fs::write(directory.join("battery.md"), self.page()?)?;
        Ok(())
    }

    fn page(&self) -> anyhow::Result<String> {
        let mut page = String::from(HEAD);
        let machine = &self.machine;
        writeln!(
            page,
            "Machine: kernel {}, {}, {} processors, control groups {}.\n",
            machine.kernel, machine.architecture, machine.processors, machine.cgroups,
        )?;
        self.summary_table(&mut page)?;
        for (letter, _, title) in AREAS {
            self.area_table(&mut page, letter, title)?;
        }
        self.layer_table(&mut page)?;
        self.findings(&mut page)?;
        self.left_table(&mut page)?;
        Ok(page)
    }

    fn summary_table(&self, page: &mut String) -> anyhow::Result<()> {
        let attempts: usize = self.cases.iter().map(|row| row.attempts).sum();
        let covered: BTreeSet<u16> = self.cases.iter().flat_map(|row| row.covers.clone()).collect();
        writeln!(
            page,
            "{} programs make {attempts} attempts and carry {} numbered attack cases.\n",
            self.cases.len(),
            covered.len(),
        )?;
        writeln!(page, "| run as | passed | not armed | does not apply | FAILED |")?;
        writeln!(page, "|---|---|---|---|---|")?;
        for (way, counts) in &self.summary {
            let count = |verdict| counts.get(verdict).copied().unwrap_or(0);
            writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                way.name(),
                count("passed"),
                count("not armed"),
                count("does not apply"),
                count("FAILED"),
            )?;
        }
        Ok(writeln!(page)?)
    }

    fn area_table(&self, page: &mut String, letter: char, title: &str) -> anyhow::Result<()> {
        writeln!(page, "## {letter}. {title}\n")?;
        let ways = Way::ALL.map(Way::name).join(" | ");
        writeln!(page, "| case | attempts | blunt | carries | {ways} |")?;
        writeln!(page, "|---|---|---|---|---|---|---|---|")?;
        for row in self.cases.iter().filter(|row| row.area == letter) {
            let covers: Vec<String> = row.covers.iter().map(u16::to_string).collect();
            let verdicts = Way::ALL.map(|way| name(row.verdicts.get(&way))).join(" | ");
            writeln!(
                page,
                "| `{}`: {} | {} | {} | {} | {verdicts} |",
                row.id,
                row.title,
                row.attempts,
                row.blunt.len(),
                covers.join(", "),
            )?;
        }
        Ok(writeln!(page)?)
    }

    fn layer_table(&self, page: &mut String) -> anyhow::Result<()> {
        if self.layers.is_empty() {
            return Ok(());
        }
        writeln!(page, "{LAYERS_HEAD}")?;
        for row in &self.layers {
            let succeeded: Vec<String> = row
                .succeeded
                .iter()
                .map(|(case, attempts)| format!("`{case}` ({})", shortened(attempts)))
                .collect();
            let blind = if row.noticed.is_empty() { " (blind spot)" } else { "" };
            writeln!(
                page,
                "| {} | {}{blind} | {} |",
                row.layer,
                row.noticed.len(),
                if succeeded.is_empty() { "none".to_owned() } else { succeeded.join("; ") },
            )?;
        }
        Ok(writeln!(page)?)
    }

    fn findings(&self, page: &mut String) -> anyhow::Result<()> {
        let odd: Vec<&Row> =
            self.cases.iter().filter(|row| !row.findings.is_empty() || !row.armed).collect();
        if odd.is_empty() {
            return Ok(());
        }
        writeln!(page, "## What was not as it should be\n")?;
        for row in odd {
            if !row.armed {
                writeln!(
                    page,
                    "- `{}` is not armed: {}",
                    row.id,
                    row.not_armed_because.trim_end()
                )?;
            }
            for finding in &row.findings {
                writeln!(page, "- `{}` {}", row.id, finding.replace('\n', " "))?;
            }
        }
        Ok(writeln!(page)?)
    }

    fn left_table(&self, page: &mut String) -> anyhow::Result<()> {
        writeln!(page, "## What a single run cannot carry\n")?;
        writeln!(page, "| attack cases | why not here |\n|---|---|")?;
        for left in read_left()? {
            let covers: Vec<String> = left.covers.iter().map(u16::to_string).collect();
            writeln!(page, "| {} | {} |", covers.join(", "), left.reason)?;
        }
        Ok(())
    }
}

const HEAD: &str = "\
# The attack battery

Hostile programs run through the compiled `cellblock`. Each case is judged twice: by the error
numbers that the program saw inside, and by what the host saw outside (planted secrets in the
output, planted files, listeners, processes, control groups, mounts, namespaces, temporary files,
kernel settings, System V objects, the clock). Each also runs without the sandbox; where it comes
out the same there, it proves nothing and is `not armed`. *Blunt* counts single attempts of which
that is true. What is Python runs once more in forks of a parked interpreter; a case about the start
of an interpreter, or of another language, does not apply there. Made by
`cargo run -p testkit --bin battery -- --write docs`; not edited by hand.

";

const LAYERS_HEAD: &str = "\
## One layer left out at a time

The cases of the areas A, B, C, E and F (for control groups, those of the bounds that need them),
run by a build that can leave out one layer. The second column counts the cases that noticed. The
third names the attempts that came out as if there were no sandbox: for these the layer is the
only one. All of them are in `battery.json`.

| layer left out | cases that noticed | attempts that then succeed |
|---|---|---|";

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, attempts: usize) -> Row {
        let (title, not_armed_because) = (id.to_owned(), String::new());
        Row {
            id: id.to_owned(),
            area: 'A',
            title,
            covers: Vec::new(),
            attempts,
            blunt: Vec::new(),
            armed: true,
            not_armed_because,
            verdicts: [(Way::Root, Verdict::Passed)].into(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_case_tried_again_leaves_the_others_as_they_were() {
        let directory = std::env::temp_dir().join(format!("report-{}", std::process::id()));
        let layers = vec![LayerRow {
            layer: "seccomp".to_owned(),
            noticed: Vec::new(),
            succeeded: BTreeMap::new(),
        }];
        let earlier = vec![row("one", 1), row("two", 2), row("gone", 3)];
        Report::new(Machine::look(), earlier, layers).write(&directory).unwrap();
        let order = ["one", "two", "new"].map(str::to_owned);
        let again = Report::new(Machine::look(), vec![row("two", 7)], Vec::new());
        let whole = again.with_others_of(&directory, &order).unwrap();
        fs::remove_dir_all(&directory).unwrap();
        let rows: Vec<_> = whole.cases.iter().map(|r| (r.id.as_str(), r.attempts)).collect();
        assert_eq!(rows, [("one", 1), ("two", 7)]);
        assert_eq!((whole.layers.len(), whole.summary[&Way::Root]["passed"]), (1, 2));
    }
}
