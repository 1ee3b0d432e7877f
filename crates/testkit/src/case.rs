//! Cases as data: one table per area under `cases/`, and the programs beside it.
//!
//! A case says what is attempted and what must come of it. It never says how the
//! sandbox does that.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::Value;

/// Every area of the battery: its letter, its directory and its title.
pub const AREAS: [(char, &str, &str); 12] = [
    ('A', "files", "Files: secrecy and integrity"),
    ('B', "namespaces", "Mounts and namespaces"),
    ('C', "channels", "Channels to other sandboxes and the host"),
    ('D', "processes", "Processes, signals and the supervisor"),
    ('E', "syscalls", "System calls"),
    ('F', "privileges", "Capabilities, set-user-id and devices"),
    ('G', "resources", "Resource exhaustion"),
    ('H', "lifecycle", "Time limits and life cycle"),
    ('I', "output", "Output and the truth of results"),
    ('J', "secrets", "Secrets and information leaks"),
    ('N', "truth", "Failing closed and reporting truly"),
    ('W', "workloads", "Ordinary programs that must work"),
];

/// How a case is run without the sandbox, to show that it can succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlKind {
    /// As a plain process; what is expected inside must not come true.
    Plain,
    /// As root in namespaces made for it and thrown away; as above.
    Namespaced,
    /// As a plain process that must end just as inside: fidelity, not defence.
    Same,
    /// As [`ControlKind::Same`], as root in namespaces made for it and thrown away.
    SameApart,
    /// Not at all; the case is listed as not armed.
    None,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A short name of its own.
    pub id: String,
    /// What is attempted, in a sentence.
    pub title: String,
    /// Numbers of the attack cases that it carries.
    #[serde(default)]
    pub covers: Vec<u16>,
    /// The program's file in the area's directory.
    pub program: String,
    /// Flags of `cellblock run`.
    #[serde(default)]
    pub flags: Vec<String>,
    /// How it is shown that the attempt can succeed.
    pub control: ControlKind,
    /// Whether its limits cannot be had without control groups.
    #[serde(default)]
    pub needs_cgroups: bool,
    /// What the harness writes to the program's standard input, if not nothing.
    #[serde(default)]
    pub stdin_bytes: usize,
    /// Whether it needs a toolchain that only the caller of the battery has.
    #[serde(default)]
    pub root_only: bool,
    /// How long the whole invocation may take.
    pub elapsed_ms_max: Option<u64>,
    /// What must come of it.
    #[serde(default)]
    pub expect: Expect,
    /// What must come of it where there are no control groups, if that differs.
    pub without_cgroups: Option<Expect>,
    /// The area's letter; filled in when the table is read.
    #[serde(skip)]
    pub area: char,
    /// The directory of the area; filled in when the table is read.
    #[serde(skip)]
    pub directory: PathBuf,
}

/// What must come of a case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// How many attempts the program must report at least.
    pub at_least: usize,
    /// Accepted results by attempt; `*` at the end of a name stands for any rest.
    /// The longest name that fits decides.
    pub attempts: BTreeMap<String, Vec<String>>,
    /// What the result must hold: a JSON pointer, a comparison, a value.
    /// `exited` with 0 unless something is said about `/outcome`.
    pub facts: Vec<(String, Comparison, Value)>,
    /// Text that one of the streams must have.
    pub contains: Vec<String>,
    /// Text that no stream may have.
    pub lacks: Vec<String>,
}

/// How a value of the result is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Comparison {
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
}

impl Expect {
    /// What an attempt may come to; `None` where nothing is said of it.
    #[must_use]
    pub fn accepted(&self, attempt: &str) -> Option<&[String]> {
        let fits = |name: &str| match name.strip_suffix('*') {
            Some(start) => attempt.starts_with(start),
            None => attempt == name,
        };
        let best = self.attempts.iter().filter(|(name, _)| fits(name)).max_by_key(|(n, _)| n.len());
        best.map(|(_, accepted)| accepted.as_slice())
    }
}

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

/// A case that a single run cannot carry, and why.
#[derive(Clone, Debug, Deserialize)]
pub struct Left {
    /// Numbers of the attack cases.
    pub covers: Vec<u16>,
    /// What they need that a single run lacks.
    pub reason: String,
}

/// The directory that holds the tables.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")
}

/// Reads every table.
///
/// # Errors
/// A table or a program is missing or malformed, or two cases have one name.
pub fn read_all() -> anyhow::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (area, name, _) in AREAS {
        cases.extend(read_area(area, &directory().join(name))?);
    }
    let mut names: Vec<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        anyhow::bail!("two cases are called {}", pair[0]);
    }
    Ok(cases)
}

fn read_area(area: char, directory: &Path) -> anyhow::Result<Vec<Case>> {
    let path = directory.join("cases.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path:?}"))?;
    let mut table: Table = toml::from_str(&text).with_context(|| format!("parsing {path:?}"))?;
    for case in &mut table.case {
        case.area = area;
        directory.clone_into(&mut case.directory);
        let program = directory.join(&case.program);
        ensure!(program.is_file(), "{}: there is no program {program:?}", case.id);
    }
    Ok(table.case)
}

/// Reads the list of cases that a single run cannot carry.
///
/// # Errors
/// The list is missing or malformed.
pub fn read_left() -> anyhow::Result<Vec<Left>> {
    #[derive(Deserialize)]
    struct List {
        left: Vec<Left>,
    }
    let path = directory().join("left.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path:?}"))?;
    Ok(toml::from_str::<List>(&text).with_context(|| format!("parsing {path:?}"))?.left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_reads_and_every_program_is_there() {
        let cases = read_all().unwrap();
        assert!(cases.len() > 80, "{} cases", cases.len());
        assert!(!read_left().unwrap().is_empty());
    }

    #[test]
    fn the_longest_name_that_fits_decides() {
        let mut expect = Expect::default();
        expect.attempts.insert("*".into(), vec!["EPERM".into()]);
        expect.attempts.insert("mount-*".into(), vec!["ENOSYS".into()]);
        assert_eq!(expect.accepted("mount-proc").unwrap(), ["ENOSYS"]);
        assert_eq!(expect.accepted("chroot").unwrap(), ["EPERM"]);
        assert!(Expect::default().accepted("chroot").is_none());
    }

    #[test]
    fn nothing_is_both_carried_and_left() {
        let carried: Vec<u16> = read_all().unwrap().into_iter().flat_map(|c| c.covers).collect();
        let left: Vec<u16> = read_left().unwrap().into_iter().flat_map(|l| l.covers).collect();
        let both: Vec<&u16> = left.iter().filter(|number| carried.contains(number)).collect();
        assert!(both.is_empty(), "{both:?}");
    }
}
