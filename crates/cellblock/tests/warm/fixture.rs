//! An engine with real sandboxes, and short ways to ask it something.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use api::{
    CapturedStream, Control, Event, InputReply, InputRequest, LimitsSpec, PolicySpec, RunRequest,
    RunResult, Source, TurnRequest, TurnResult, Workspace,
};
use backend_native::Native;
use engine::{
    Cancel, Config, Engine, EventSink, Input, InputSource, RunIo, Session, SessionError,
    SessionRequest, SessionRun, SessionRunResult, TurnIo, WarmConfig,
};
use policy::Ceiling;
use sandbox::Backend;

/// A list of tests of one module.
pub(crate) type Tests = &'static [(&'static str, fn())];

/// Longer than any test takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test on a runtime of its own.
pub(crate) fn on_engine<T: Future<Output = ()>>(warm: WarmConfig, test: impl FnOnce(Engine) -> T) {
    below_ceiling(Ceiling::own_machine(), warm, test);
}

/// The same, with an operator's limits.
pub(crate) fn below_ceiling<T: Future<Output = ()>>(
    ceiling: Ceiling,
    warm: WarmConfig,
    test: impl FnOnce(Engine) -> T,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, test(engine(ceiling, warm))).await.unwrap();
    });
}

/// An engine, made inside a runtime.
pub(crate) fn engine(ceiling: Ceiling, warm: WarmConfig) -> Engine {
    let native: Arc<dyn Backend> = Arc::new(Native::new().unwrap());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
    let config = Config {
        ceiling,
        environments: std::env::temp_dir().join("no-such-environments"),
        search_path: std::env::split_paths(&path).chain(usual).collect(),
        python: None,
        runs_max: 64,
        warm,
    };
    Engine::new(config, native)
}

/// Whether this host gives us no cgroups, and we were told to do without.
pub(crate) fn is_without_cgroups() -> bool {
    std::env::var_os("CELLBLOCK_ALLOW_MISSING").is_some_and(|value| value == "cgroup")
}

/// A policy that the host can keep.
pub(crate) fn spec() -> PolicySpec {
    let missing = [Control::Memory, Control::Pids, Control::Cpu, Control::CpuTime];
    let allow_missing = missing.into_iter().filter(|_| is_without_cgroups()).collect();
    PolicySpec { allow_missing, ..PolicySpec::default() }
}

/// A session of such a policy.
pub(crate) fn request() -> SessionRequest {
    SessionRequest { policy: spec(), ..SessionRequest::default() }
}

/// Runs a test on a session of an engine without a pool.
pub(crate) fn on_session<T: Future<Output = ()>>(test: impl FnOnce(Session) -> T) {
    with_limits(LimitsSpec::default(), test);
}

/// The same, with limits.
pub(crate) fn with_limits<T: Future<Output = ()>>(
    limits: LimitsSpec,
    test: impl FnOnce(Session) -> T,
) {
    on_engine(without_pool(), |engine| async move {
        let policy = PolicySpec { limits, ..spec() };
        let request = SessionRequest { policy, ..request() };
        let session = engine.create_session(request).await.unwrap();
        test(session).await;
    });
}

/// Nothing is forked ahead of demand.
pub(crate) fn without_pool() -> WarmConfig {
    WarmConfig { pool_max: 0, ..WarmConfig::default() }
}

/// Takes events as lines of text.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Vec<String>);

impl EventSink for Heard {
    fn event(&mut self, event: Event<'_>) {
        self.0.push(match event {
            Event::Output { stream, bytes } => {
                format!("{stream:?} {}", String::from_utf8_lossy(bytes))
            }
            Event::Display { data } => format!("Display {:?}", data.data.get("text/plain")),
            Event::Value { data } => format!("Value {:?}", data.data.get("text/plain")),
            other => format!("{other:?}").split(' ').next().unwrap_or_default().to_owned(),
        });
    }
}

/// Answers with one line again and again, or with none.
pub(crate) struct Answers(pub(crate) Option<&'static str>);

impl InputSource for Answers {
    fn ask(&mut self, _: InputRequest) -> sandbox::BoxFuture<'_, InputReply> {
        let reply = self.0.map_or(InputReply::End, |line| InputReply::Line(line.to_owned()));
        Box::pin(async { reply })
    }
}

/// A turn of this code.
pub(crate) async fn turn(session: &Session, code: &str) -> TurnResult {
    turn_with(session, code, Cancel::new(), &mut Heard::default()).await
}

/// A turn that can be taken back and is listened to.
pub(crate) async fn turn_with(
    session: &Session,
    code: &str,
    cancel: Cancel,
    events: &mut Heard,
) -> TurnResult {
    try_turn(session, code, cancel, events).await.unwrap()
}

pub(crate) async fn try_turn(
    session: &Session,
    code: &str,
    cancel: Cancel,
    events: &mut Heard,
) -> Result<TurnResult, SessionError> {
    let request = TurnRequest { code: code.to_owned(), ..TurnRequest::default() };
    let io = TurnIo {
        events,
        cancel,
        input: &mut Answers(None),
        wall_time: None,
        asker: engine::Asker::default(),
    };
    session.turn(&request, io).await
}

/// The text that the last expression has.
pub(crate) fn value(result: &TurnResult) -> Option<&str> {
    result.result.as_ref()?.data.get("text/plain")?.as_str()
}

/// A shell's command line, to be run in a session.
pub(crate) fn shell(line: &str) -> SessionRun {
    let program = api::Program::Command { name: "sh".to_owned() };
    let args = vec!["-c".to_owned(), line.to_owned()];
    SessionRun { args, ..SessionRun::new(program) }
}

/// Runs it.
pub(crate) async fn carry(
    session: &Session,
    run: &SessionRun,
) -> Result<SessionRunResult, SessionError> {
    let mut events = Heard::default();
    let io = RunIo {
        events: &mut events,
        stdin: Input::Empty,
        cancel: Cancel::new(),
        asker: engine::Asker::default(),
    };
    session.run(run, io).await
}

/// A run in a session.
pub(crate) async fn run(session: &Session, language: &str, text: &str) -> RunResult {
    let program = api::Program::Source(Source {
        language: language.to_owned(),
        file_name: "main".to_owned(),
        text: text.to_owned(),
    });
    carry(session, &SessionRun::new(program)).await.unwrap().result
}

/// A run of Python with a policy.
pub(crate) fn python(text: &str, policy: PolicySpec) -> RunRequest {
    RunRequest {
        environment: "bare".to_owned(),
        program: api::Program::Source(Source {
            language: "python".to_owned(),
            file_name: "main.py".to_owned(),
            text: text.to_owned(),
        }),
        args: vec!["one".to_owned(), "two words".to_owned()],
        workspace: Workspace::Private,
        uploads: Vec::new(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        list_changes: false,
        scratch: Vec::new(),
        exhibits: Vec::new(),
        policy,
    }
}

/// What is kept of a stream.
pub(crate) fn text(stream: &CapturedStream) -> String {
    format!("{}{}", stream.head, stream.tail)
}
