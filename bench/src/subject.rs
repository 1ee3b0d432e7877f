//! The subjects: what is measured, under the names that ratios and budgets use.

use std::{ffi::OsString, path::Path};

use anyhow::Result;
use api::{Access, RunRequest};
use policy::{Policy, guest};

use crate::{
    args::Args,
    fixture::{Fixture, GREETING},
    inside::{self, Inside, SHARE_TARGET},
    program::Program,
};

/// Rounds of which bubble-sandbox takes part in one: it takes half a second.
const SLOW_EVERY: usize = 20;
/// A dynamically linked program that does nothing.
const TRUE: &str = "/usr/bin/true";

/// Something to be measured.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) action: Action,
    /// What it prints.
    output: &'static str,
    /// It takes part in one of so many rounds.
    pub(crate) every: usize,
}

/// What a subject does.
#[derive(Debug)]
pub(crate) enum Action {
    /// Starts a process.
    Process(Program),
    /// Calls the engine in this process; gives a second series, of this name,
    /// with the time until the sandbox was up.
    Engine { request: Box<RunRequest>, launched: &'static str },
}

impl Subject {
    fn process(name: &'static str, program: Program, output: &'static str) -> Self {
        Self { name, action: Action::Process(program), output, every: 1 }
    }

    /// Makes sure that it does what it is there for.
    ///
    /// # Errors
    /// It fails, or prints something else.
    pub(crate) fn check(&self, inside: &Inside) -> Result<()> {
        match &self.action {
            Action::Process(program) => program.check(self.output),
            Action::Engine { request, .. } => inside.check(request, self.output),
        }
    }
}

/// One program that does the same in every cell.
struct Work {
    /// Names of the subjects: bare, in bubblewrap, by our command, by the engine
    /// until it was up, by the engine until it was done.
    names: [&'static str; 5],
    bare: Vec<OsString>,
    /// Words after our command.
    ours: Vec<OsString>,
    request: RunRequest,
    /// Words after bubblewrap's options, and options that only this work needs.
    inside: Vec<OsString>,
    options: Vec<OsString>,
    output: &'static str,
}

/// Every subject, in order.
///
/// # Errors
/// The engine refuses to resolve one of them.
pub(crate) fn subjects(args: &Args, fixture: &Fixture, inside: &Inside) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for work in [noop(fixture), dynamic(), hello(fixture)] {
        let policy = inside.policy(&work.request)?;
        let of = |words, directory: &Path| Program::new(words, directory);
        let [bare, bwrap, ours, launched, done] = work.names;
        let directory = fixture.directory();
        let program = of(work.bare, directory).with_env_vars(policy.env_vars());
        subjects.push(Subject::process(bare, program, work.output));
        if let Some(path) = &fixture.bwrap {
            let mut words: Vec<OsString> = vec![path.into()];
            words.extend(bwrap_options(&policy).into_iter().chain(work.options));
            words.extend(work.inside);
            let program = of(words, directory).with_env_vars(policy.env_vars());
            subjects.push(Subject::process(bwrap, program, work.output));
        }
        let mut words: Vec<OsString> = vec![fixture.cellblock.as_os_str().to_owned()];
        words.extend(work.ours);
        subjects.push(Subject::process(ours, of(words, directory), work.output));
        let action = Action::Engine { request: Box::new(work.request), launched };
        subjects.push(Subject { name: done, action, output: work.output, every: 1 });
    }
    subjects.extend(args.bubble_sandbox.as_ref().map(|path| bubble_sandbox(path, fixture)));
    Ok(subjects)
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.map(OsString::from).to_vec()
}

fn noop(fixture: &Fixture) -> Work {
    let inside = format!("{SHARE_TARGET}/noop");
    let share = format!("{}:{SHARE_TARGET}:ro", fixture.share().display());
    Work {
        names: [
            "no-op, bare",
            "no-op, bwrap",
            "no-op, cellblock",
            "no-op, engine launched",
            "no-op, engine done",
        ],
        bare: vec![fixture.noop().into()],
        ours: words(["exec", "--volume", &share, &inside]),
        request: inside::command(&inside, Some(fixture)),
        inside: words([&inside]),
        options: Vec::new(),
        output: "",
    }
}

fn dynamic() -> Work {
    Work {
        names: [
            "true, bare",
            "true, bwrap",
            "true, cellblock",
            "true, engine launched",
            "true, engine done",
        ],
        bare: words([TRUE]),
        ours: words(["exec", TRUE]),
        request: inside::command(TRUE, None),
        inside: words([TRUE]),
        options: Vec::new(),
        output: "",
    }
}

fn hello(fixture: &Fixture) -> Work {
    let script = fixture.script();
    let seen = format!("{}/hello.py", guest::WORKSPACE);
    let mut options = words(["--ro-bind"]);
    options.extend([script.clone().into(), OsString::from(&seen)]);
    Work {
        names: [
            "python hello, bare",
            "python hello, bwrap",
            "python hello, cellblock",
            "python hello, engine launched",
            "python hello, engine done",
        ],
        bare: vec![fixture.python.clone().into(), script.clone().into()],
        ours: vec!["run".into(), script.into()],
        request: inside::script(),
        inside: vec![fixture.python.clone().into(), seen.into()],
        options,
        output: GREETING,
    }
}

/// The same mounts as our policy has, made by bubblewrap.
pub(crate) fn bwrap_options(policy: &Policy) -> Vec<OsString> {
    let mut options = words(["--unshare-all", "--die-with-parent"]);
    let scratch = [guest::WORKSPACE, guest::HOME, "/tmp"];
    options.extend(words(["--proc", "/proc", "--dev", "/dev"]));
    for place in scratch {
        options.extend(words(["--tmpfs", place]));
    }
    for mount in policy.mounts() {
        let bind = if mount.access == Access::ReadOnly { "--ro-bind" } else { "--bind" };
        options.push(bind.into());
        options.push(mount.source.clone().into());
        options.push(mount.target.as_path().into());
    }
    for (path, target) in policy.symlinks() {
        options.push("--symlink".into());
        options.push(target.clone().into());
        options.push(path.as_path().into());
    }
    options.extend(words(["--chdir", guest::WORKSPACE]));
    options
}

fn bubble_sandbox(path: &Path, fixture: &Fixture) -> Subject {
    let mut line = vec![path.as_os_str().to_owned()];
    line.extend(words(["execute-python", "-a", "-f"]));
    line.push(fixture.script().into());
    let program = Program::new(line, fixture.directory());
    let name = "python hello, bubble-sandbox";
    Subject { every: SLOW_EVERY, ..Subject::process(name, program, GREETING) }
}
