//! Measures the server over HTTP on loopback: single requests, how many a second, what
//! tenants notice of each other, and how soon it is ready.

mod args;
mod asks;
mod bare;
mod budget;
mod neighbours;
mod noise;
mod rate;
mod report;
mod requests;
mod server;
mod wire;

use std::{
    env, fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};

use self::{
    args::Part,
    requests::Places,
    server::{Kind, Server},
};
use crate::{
    fixture::build_cellblock,
    machine::Machine,
    report::Mode,
    warm::{
        args::paces,
        rounds::{self, Pace, Subject},
    },
};

pub(crate) use self::{
    args::ServeArgs,
    bare::bare,
    report::{Report, text},
};

/// Starts of a server that are measured at most: each is a whole process.
const STARTS_MAX: usize = 20;

/// Measures what is wanted.
///
/// # Errors
/// Something is missing, or a server failed.
pub(crate) fn run(args: &ServeArgs) -> Result<Report> {
    let args = &args.sized();
    let binary = match &args.cellblock {
        Some(path) => fs::canonicalize(path).context("there is no such binary")?,
        None => build_cellblock()?,
    };
    let scratch = Scratch::make()?;
    let mut report = Report::begin(Machine::look());
    let python = &args.python;
    if args.wants(Part::Start) {
        report.start = Some(starts(&binary, &scratch.make_dir("start")?, args)?);
    }
    let state_dir = &scratch.make_dir("state")?;
    let ours = Server::start(Kind::Cellblock { binary: &binary, python, state_dir })?;
    let bare = Server::start(Kind::Bare)?;
    let python = python.clone();
    let reference = args.reference;
    let places = Places { ours: ours.place, bare: bare.place, reference, python };
    if args.wants(Part::Requests) {
        report.requests = requests(&places, args)?;
    }
    if args.wants(Part::Rate) {
        report.rates = rate::measure(&places, args)?;
    }
    drop((ours, bare));
    if args.wants(Part::Neighbours) {
        let found = neighbours::measure(&binary, &scratch.make_dir("neighbours")?, args)?;
        report.neighbours = Some(found);
    }
    report.machine.look_again();
    Ok(report)
}

fn requests(places: &Places, args: &ServeArgs) -> Result<Vec<Mode>> {
    let mut modes = Vec::new();
    for pace in paces(args.runs) {
        let mut subjects = requests::subjects(places, pace.pause.is_zero())?;
        let mut series = rounds::measure(&mut subjects, pace)?;
        series.extend(requests::floor(&series));
        let name = format!("requests, {}", pace.name);
        modes.push(Mode::of((name, pace.pause), &series, budget::REQUESTS));
    }
    Ok(modes)
}

fn starts(binary: &Path, state_dir: &Path, args: &ServeArgs) -> Result<Mode> {
    let ours = Kind::Cellblock { binary, python: &args.python, state_dir };
    let ours = Start { name: "start until ready", kind: ours };
    let bare = Start { name: "bare handler", kind: Kind::Bare };
    let mut subjects: [Box<dyn Subject + '_>; 2] = [Box::new(ours), Box::new(bare)];
    let pace = Pace { name: "start", runs: args.runs.clamp(1, STARTS_MAX), pause: Duration::ZERO };
    let series = rounds::measure(&mut subjects, pace)?;
    Ok(Mode::of(("start".to_owned(), pace.pause), &series, budget::STARTS))
}

/// A server that is started until it answers.
struct Start<'a> {
    name: &'static str,
    kind: Kind<'a>,
}

impl Subject for Start<'_> {
    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        Ok(vec![Server::time(self.kind)?])
    }
}

/// A temporary directory of our own, which goes with this.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self> {
        let path = env::temp_dir().join(format!("cellblock-serve-{}", std::process::id()));
        private().create(&path).context("no temporary directory can be had")?;
        Ok(Self(path))
    }

    fn make_dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        private().create(&path)?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is in a temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Keys are kept in there: nobody else's business.
fn private() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    builder
}
