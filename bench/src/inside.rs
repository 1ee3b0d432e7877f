//! The engine as a subject: runs within this process, so that what a sandbox
//! costs is told apart from what starting a command costs.

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use api::{Access, Event, Outcome, PolicySpec, Program, RunRequest, ShareSpec, Source, Workspace};
use backend_native::{Builtins, Native};
use engine::{Cancel, Engine, EventSink, Input, RunIo, language::typescript};
use policy::{Ceiling, Policy};

use crate::{
    fixture::{Fixture, GREETING},
    program::SEARCH_PATH,
};

/// Where sandboxes see the shared directory.
pub(crate) const SHARE_TARGET: &str = "/mnt/bench";

/// Plays the part of a sandbox's first process if this process was started as one.
pub(crate) fn role() -> Option<ExitCode> {
    backend_native::role(Builtins { strip_types: typescript::strip })
}

/// An engine, and what its runs wait on.
pub(crate) struct Inside {
    engine: Engine,
    runtime: tokio::runtime::Runtime,
}

/// The times of one run, from the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// Until the sandbox was up, with nothing run in it.
    pub(crate) launched: Duration,
    /// Until the result was there and the sandbox gone.
    pub(crate) done: Duration,
}

impl Inside {
    /// Builds the engine, as the command does it.
    ///
    /// # Errors
    /// The backend cannot be had on this host.
    pub(crate) fn build(fixture: &Fixture) -> Result<Self> {
        let config = engine::Config {
            ceiling: Ceiling::own_machine(),
            environments: fixture.directory().join("none"),
            search_path: SEARCH_PATH.split(':').map(Into::into).collect(),
            python: Some(fixture.python.clone()),
            runs_max: 1,
            warm: engine::WarmConfig::default(),
        };
        let engine = Engine::new(config, Arc::new(Native::new()?));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { engine, runtime })
    }

    /// The policy of a request.
    ///
    /// # Errors
    /// The engine refuses the request.
    pub(crate) fn policy(&self, request: &RunRequest) -> Result<Policy> {
        Ok(self.engine.policy(request)?)
    }

    /// Runs it once; it must succeed and print exactly this, white space aside.
    pub(crate) fn check(&self, request: &RunRequest, expected: &str) -> Result<()> {
        let (_, printed) = self.run(request)?;
        if printed.trim() != expected {
            bail!("it printed {printed:?}");
        }
        Ok(())
    }

    /// The times of one run.
    ///
    /// # Errors
    /// It could not be carried out, or its program failed.
    pub(crate) fn time(&self, request: &RunRequest) -> Result<Times> {
        Ok(self.run(request)?.0)
    }

    fn run(&self, request: &RunRequest) -> Result<(Times, String)> {
        let request = request.clone();
        let mut clock = Clock { start: Instant::now(), launched: None };
        let io = RunIo {
            events: &mut clock,
            stdin: Input::Empty,
            cancel: Cancel::new(),
            asker: engine::Asker::default(),
        };
        let result = self.runtime.block_on(self.engine.run(request, io))?;
        let done = clock.start.elapsed();
        if result.outcome != (Outcome::Exited { code: 0 }) {
            bail!("it ended with {:?}: {}", result.outcome, result.stderr.head);
        }
        let launched = clock.launched.context("the run never started")?;
        Ok((Times { launched, done }, result.stdout.head))
    }
}

/// Notes when the sandbox was up.
struct Clock {
    start: Instant,
    launched: Option<Duration>,
}

impl EventSink for Clock {
    fn event(&mut self, event: Event<'_>) {
        if matches!(event, Event::Started { .. }) {
            self.launched = Some(self.start.elapsed());
        }
    }
}

/// Runs a program of the host or of the shared directory.
pub(crate) fn command(name: &str, share: Option<&Fixture>) -> RunRequest {
    let share = share.map(|fixture| ShareSpec {
        source: fixture.share(),
        target: SHARE_TARGET.into(),
        access: Access::ReadOnly,
    });
    let shares = share.into_iter().collect();
    request(Program::Command { name: name.to_owned() }, shares)
}

/// Runs the script.
pub(crate) fn script() -> RunRequest {
    let source = Source {
        language: "python".to_owned(),
        file_name: "hello.py".to_owned(),
        text: format!("print({GREETING:?})\n"),
    };
    request(Program::Source(source), Vec::new())
}

fn request(program: Program, shares: Vec<ShareSpec>) -> RunRequest {
    RunRequest {
        environment: "bare".to_owned(),
        program,
        args: Vec::new(),
        workspace: Workspace::Private,
        uploads: Vec::new(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        list_changes: false,
        exhibits: Vec::new(),
        scratch: Vec::new(),
        policy: PolicySpec { shares, ..PolicySpec::default() },
    }
}
