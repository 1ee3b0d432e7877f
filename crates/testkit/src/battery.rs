//! Runs cases and judges them.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::{
    canary::{Canaries, ENV_VAR},
    case::{Case, Expect},
    control,
    host::Host,
    judge::{self, Arming, Finding},
    observe::{Observation, finish},
    target::{Caller, Target, Way},
};

/// What came of a case in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As expected, inside and outside, and the case is armed.
    Passed,
    /// As expected, but the case would pass without the sandbox too.
    NotArmed,
    /// It needs what cannot be had this way.
    NotApplicable,
    /// Not as expected.
    Failed,
}

/// A case with what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The case's name.
    pub id: String,
    /// The area's letter.
    pub area: char,
    /// What is attempted.
    pub title: String,
    /// Numbers of the attack cases that it carries.
    pub covers: Vec<u16>,
    /// Attempts that the program reported inside.
    pub attempts: usize,
    /// Attempts that come out the same without the sandbox.
    pub blunt: Vec<String>,
    /// Whether the case tells a sandbox from none.
    pub armed: bool,
    /// Why it does not.
    pub not_armed_because: String,
    /// What came of it, by way.
    pub verdicts: BTreeMap<Way, Verdict>,
    /// Everything that was not as expected.
    pub findings: Vec<String>,
}

impl Row {
    /// Whether it came out like that in any way.
    #[must_use]
    pub fn came(&self, verdict: &Verdict) -> bool {
        self.verdicts.values().any(|came| came == verdict)
    }
}

/// The directory and the planted things of one run of the battery.
#[derive(Debug)]
pub struct Bench {
    /// A directory that every user may enter.
    pub work: PathBuf,
    /// The ways to run cases, in order.
    pub targets: Vec<Target>,
    canaries: Canaries,
}

impl Bench {
    /// Prepares for the given binary.
    ///
    /// # Errors
    /// Something cannot be planted or prepared.
    pub fn prepare(binary: &Path, ways: &[Way]) -> anyhow::Result<Self> {
        let work = std::env::temp_dir().join(format!("attack-battery-{}", std::process::id()));
        fs::create_dir_all(&work).with_context(|| format!("making {work:?}"))?;
        fs::set_permissions(&work, fs::Permissions::from_mode(0o755))?;
        crate::leaks::adopt_orphans();
        let canaries = Canaries::plant(&work)?;
        let targets = ways.iter().map(|way| Target::new(*way, binary, &work));
        let targets: Vec<Target> = targets.collect::<anyhow::Result<_>>()?;
        let bench = Self { work, targets, canaries };
        bench.warm_up()?;
        Ok(bench)
    }

    /// Runs nothing once, so that what the binary makes for good on its first
    /// run is not taken for a leak of the first case.
    fn warm_up(&self) -> anyhow::Result<()> {
        for target in &self.targets {
            let mut command = target.command(&target.binary, &self.canaries.root_only());
            command.args(["run", "--allow-missing", "cgroup", "-l", "bash", "-c", "true"]);
            finish(&mut command, 0)?;
        }
        Ok(())
    }

    /// Runs one case in every way.
    ///
    /// # Errors
    /// The harness itself failed.
    pub fn row(&mut self, case: &Case) -> anyhow::Result<Row> {
        let program = self.program(case)?;
        let control = control::run(case, &program, &self.targets[0], &self.canaries)?;
        self.canaries.restore()?;
        let arming = judge::arming(case, control.as_ref());
        let mut row = empty_row(case, &arming);
        for target in self.targets.clone() {
            let verdict = self.verdict(case, &program, &target, &mut row)?;
            row.verdicts.insert(target.way, verdict);
        }
        Ok(row)
    }

    fn verdict(
        &mut self,
        case: &Case,
        program: &Path,
        target: &Target,
        row: &mut Row,
    ) -> anyhow::Result<Verdict> {
        let caller = target.way.caller();
        let expect = expected(case, caller).filter(|_| !target.way.is_forked() || can_fork(case));
        let Some(expect) = expect else {
            return Ok(Verdict::NotApplicable);
        };
        let (observation, mut found) = self.inside(case, program, target)?;
        found.extend(judge::findings(expect, &observation));
        row.attempts = row.attempts.max(observation.attempts.len());
        if found.is_empty() {
            return Ok(if row.armed { Verdict::Passed } else { Verdict::NotArmed });
        }
        let who = target.way.name();
        row.findings.extend(found.iter().map(|f| format!("as {who}: {}: {}", f.what, f.seen)));
        if observation.attempts.is_empty() {
            row.findings.push(format!("as {who}: {}", excerpt(&observation)));
        }
        Ok(Verdict::Failed)
    }

    /// Runs a program inside, and asks every outside oracle.
    ///
    /// # Errors
    /// The binary cannot be started.
    pub fn inside(
        &mut self,
        case: &Case,
        program: &Path,
        target: &Target,
    ) -> anyhow::Result<(Observation, Vec<Finding>)> {
        let (host, hits) = (Host::look(), self.canaries.hits());
        let mut command = target.command(&target.binary, &self.canaries.root_only());
        command.args(["run", "--json"]).args(&case.flags);
        if target.way.caller() == Caller::User {
            command.args(["--allow-missing", "cgroup"]);
        }
        if target.way.is_forked() {
            command.args(["--start", "fork"]);
        }
        command.arg(program).arg(self.canaries.map().to_string());
        command.env(ENV_VAR, self.canaries.env_secret());
        let finished = finish(&mut command, case.stdin_bytes)?;
        let pid = finished.pid;
        let observation = Observation::of_sandbox(finished);
        crate::leaks::reap();
        let mut found = Vec::new();
        let mut note = |what: &str, seen: Vec<String>| {
            found.extend(seen.into_iter().map(|seen| Finding { what: what.to_owned(), seen }));
        };
        if target.way.is_forked() && !was_forked(&observation.result) {
            note("start", vec!["the interpreter was not forked".to_owned()]);
        }
        note("host", host.changes(pid));
        note("secret in the output", self.canaries.found_in(&observation.output));
        note("planted file changed", self.canaries.changed());
        if self.canaries.hits() != hits {
            note("host listener", vec!["it was reached".to_owned()]);
        }
        let elapsed = u64::try_from(observation.elapsed.as_millis()).unwrap_or(u64::MAX);
        if case.elapsed_ms_max.is_some_and(|most| elapsed > most) {
            note("took too long", vec![format!("{elapsed} ms")]);
        }
        self.canaries.restore()?;
        Ok((observation, found))
    }

    /// Writes the program where every caller can read it, with the prelude of
    /// its language before it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn program(&self, case: &Case) -> anyhow::Result<PathBuf> {
        let source = case.directory.join(&case.program);
        let mut text = fs::read(&source).with_context(|| format!("reading {source:?}"))?;
        let suffix = source.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
        let prelude = crate::case::directory().join(format!("prelude.{suffix}"));
        if prelude.is_file() {
            let mut whole = fs::read(prelude)?;
            whole.append(&mut text);
            text = whole;
        }
        // A directory of its own: programs must not be taken for modules of each other.
        let directory = self.work.join(&case.id);
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755))?;
        let path = directory.join(&case.program);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644))?;
        Ok(path)
    }

    /// Runs the program without the sandbox.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn outside(&mut self, case: &Case, program: &Path) -> anyhow::Result<Option<Observation>> {
        let control = control::run(case, program, &self.targets[0], &self.canaries)?;
        self.canaries.restore()?;
        Ok(control)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What cannot be removed lies in the directory for temporary files.
        drop(fs::remove_dir_all(&self.work));
    }
}

/// Whether a case's program can run in a fork of a parked interpreter: it is
/// Python's, reads nothing, and is not about the start of an interpreter.
fn can_fork(case: &Case) -> bool {
    let is_python = case.program.ends_with(".py") && !case.flags.iter().any(|flag| flag == "-l");
    let is_own_start = ["-v", "-w", "-e", "--env", "--upload", "--cold"];
    let is_shaped = case.flags.iter().any(|flag| is_own_start.contains(&flag.as_str()));
    is_python && !is_shaped && case.stdin_bytes == 0
}

/// Whether a result is of a sandbox that was forked: such a one says so of its clocks.
fn was_forked(result: &serde_json::Value) -> bool {
    let detail = result.pointer("/enforcement/controls/time-namespace/detail");
    // A run that was refused was not started at all.
    result.get("enforcement").is_none()
        || detail.and_then(|detail| detail.as_str()).is_some_and(|text| text.contains("zygote"))
}

/// What is expected for a caller; `None` where the case does not apply.
fn expected(case: &Case, caller: Caller) -> Option<&Expect> {
    if caller == Caller::User && case.root_only {
        return None;
    }
    match (caller, case.needs_cgroups) {
        (Caller::User, true) => case.without_cgroups.as_ref(),
        _ => Some(&case.expect),
    }
}

fn empty_row(case: &Case, arming: &Arming) -> Row {
    Row {
        id: case.id.clone(),
        area: case.area,
        title: case.title.clone(),
        covers: case.covers.clone(),
        attempts: 0,
        blunt: arming.blunt.clone(),
        armed: arming.armed,
        not_armed_because: arming.detail.clone(),
        verdicts: BTreeMap::new(),
        findings: Vec::new(),
    }
}

/// The longest excerpt of an output that a finding quotes.
const EXCERPT_CHARS_MAX: usize = 400;

fn excerpt(observation: &Observation) -> String {
    let text: String = observation
        .output
        .iter()
        .rev()
        .take(2)
        .map(|bytes| String::from_utf8_lossy(bytes).replace('\n', " "))
        .collect();
    text.chars().take(EXCERPT_CHARS_MAX).collect()
}
