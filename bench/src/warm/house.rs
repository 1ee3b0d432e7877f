//! An engine with a runtime of its own, and short ways to ask it something.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use api::{Event, Outcome, PolicySpec, Program, RunRequest, Source, StartSpec, TurnRequest};
use api::{TurnResult, Workspace};
use backend_native::Native;
use engine::{
    Cancel, Engine, EventSink, Input, NoInput, RunIo, Session, SessionRequest, TurnIo, WarmConfig,
};
use policy::Ceiling;
use tokio::runtime::{Builder, Runtime};

use super::site::Site;

/// More runs at once than any part has under way.
const RUNS_MAX: usize = 256;

/// How an engine's work is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// All on the caller's.
    One,
    /// One for each processor, as in a server.
    All,
}

/// An engine, and the runtime that it works on.
pub(crate) struct House {
    // Goes before the runtime that it needs for that.
    engine: Arc<Engine>,
    runtime: Runtime,
}

impl House {
    /// Builds one that keeps this warm.
    ///
    /// # Errors
    /// The backend cannot be had on this host.
    pub(crate) fn build(site: &Site, warm: WarmConfig, threads: Threads) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
        let config = engine::Config {
            ceiling: Ceiling::own_machine(),
            environments: site.environments.clone(),
            search_path: std::env::split_paths(&path).chain(usual).collect(),
            python: Some(site.python.clone()),
            runs_max: RUNS_MAX,
            warm,
        };
        let mut builder = match threads {
            Threads::One => Builder::new_current_thread(),
            Threads::All => Builder::new_multi_thread(),
        };
        let runtime = builder.enable_all().build()?;
        let engine = Arc::new(Engine::new(config, Arc::new(Native::new()?)));
        Ok(Self { engine, runtime })
    }

    /// Its engine.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Waits for something.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }
}

/// A session in an environment.
pub(crate) fn session_of(environment: &str) -> SessionRequest {
    SessionRequest { environment: environment.to_owned(), ..SessionRequest::default() }
}

/// A run of Python in an environment, started in one of the two ways.
pub(crate) fn run_of(environment: &str, code: &str, start: StartSpec) -> RunRequest {
    RunRequest {
        environment: environment.to_owned(),
        program: Program::Source(Source {
            language: "python".to_owned(),
            file_name: "hello.py".to_owned(),
            text: code.to_owned(),
        }),
        args: Vec::new(),
        workspace: Workspace::Private,
        uploads: Vec::new(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        list_changes: false,
        exhibits: Vec::new(),
        scratch: Vec::new(),
        policy: PolicySpec { start: Some(start), ..PolicySpec::default() },
    }
}

/// A turn, whatever comes of it.
///
/// # Errors
/// The session cannot be asked.
pub(crate) async fn turn(session: &Session, code: &str) -> Result<TurnResult> {
    let request = TurnRequest { code: code.to_owned(), ..TurnRequest::default() };
    let (events, input) = (&mut Deaf, &mut NoInput);
    let io = TurnIo {
        events,
        cancel: Cancel::new(),
        input,
        wall_time: None,
        asker: engine::Asker::default(),
    };
    Ok(session.turn(&request, io).await?)
}

/// A turn that must succeed, and print exactly this.
///
/// # Errors
/// It does not.
pub(crate) async fn good_turn(session: &Session, code: &str, printed: &str) -> Result<()> {
    let result = turn(session, code).await?;
    if !result.outcome.is_success() || result.stdout.head != printed {
        bail!("the turn {code:?} ended so: {result:?}");
    }
    Ok(())
}

/// The times of a run from its call: until its output was there, and until it was gone.
///
/// # Errors
/// It does not succeed, or prints nothing.
pub(crate) async fn timed_run(engine: &Engine, request: &RunRequest) -> Result<[Duration; 2]> {
    let mut clock = Clock { start: Instant::now(), output: None };
    let io = RunIo {
        events: &mut clock,
        stdin: Input::Empty,
        cancel: Cancel::new(),
        asker: engine::Asker::default(),
    };
    let result = engine.run(request.clone(), io).await?;
    let done = clock.start.elapsed();
    if result.outcome != (Outcome::Exited { code: 0 }) {
        bail!("it ended with {:?}: {}", result.outcome, result.stderr.head);
    }
    Ok([clock.output.context("it printed nothing")?, done])
}

/// Notes when the first output came.
struct Clock {
    start: Instant,
    output: Option<Duration>,
}

impl EventSink for Clock {
    fn event(&mut self, event: Event<'_>) {
        if matches!(event, Event::Output { .. }) {
            self.output.get_or_insert_with(|| self.start.elapsed());
        }
    }
}

/// Hears nothing.
pub(crate) struct Deaf;

impl EventSink for Deaf {
    fn event(&mut self, _: Event<'_>) {}
}
