//! Carries a run through, and takes it back when a signal asks for that.

use std::time::Duration;

use api::{PolicySpec, RunRequest, RunResult};
use engine::{Asker, Cancel, Engine, EventSink, Input, RunError, RunIo};
use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{Signal, SignalKind, signal},
};

use crate::{
    config::{HostVars, Settings},
    failure::Failure,
    recording::Recording,
    wire::House,
};

/// How long threads that are inside of a system call may hold the end back.
const THREADS_END_MAX: Duration = Duration::from_secs(1);

/// What is to be carried through.
enum Work {
    Run(Box<RunRequest>),
    Probe(Box<PolicySpec>),
}

/// What came of it.
pub(crate) struct Driven {
    pub(crate) result: Result<RunResult, RunError>,
    /// The signal that took it back, if one did.
    pub(crate) signal: Option<i32>,
    /// What a person should know of its record.
    pub(crate) remark: Option<String>,
}

/// An engine, and the event loop that it works on.
pub(crate) struct Driver {
    house: House,
    recording: Recording,
    // Dropped last: what the others hold belongs to it.
    runtime: Runtime,
}

impl Driver {
    /// One for what a person runs. Where that is to leave a record, records are opened
    /// before anything is started.
    ///
    /// # Errors
    /// The event loop or the backend cannot be had, or the records cannot be used.
    pub(crate) fn start(settings: &Settings, vars: &HostVars) -> Result<Self, Failure> {
        match settings.records.one_shot {
            // The lease on its records has to be renewed also while whoever reads the
            // output keeps us waiting.
            true => Self::on(Builder::new_multi_thread().worker_threads(1), settings, vars),
            false => Self::unrecorded(settings, vars),
        }
    }

    /// One for checks of our own, which leave no record.
    ///
    /// # Errors
    /// The event loop or the backend cannot be had.
    pub(crate) fn unrecorded(settings: &Settings, vars: &HostVars) -> Result<Self, Failure> {
        let runtime = started(&mut Builder::new_current_thread())?;
        let house = House::build(settings, vars, None)?;
        Ok(Self { house, recording: Recording::none(), runtime })
    }

    fn on(builder: &mut Builder, settings: &Settings, vars: &HostVars) -> Result<Self, Failure> {
        let runtime = started(builder)?;
        let recording = runtime.block_on(Recording::open(settings, vars))?;
        let house = House::build(settings, vars, recording.records())?;
        Ok(Self { house, recording, runtime })
    }

    /// The engine.
    pub(crate) const fn engine(&self) -> &Engine {
        &self.house.engine
    }

    /// Carries a run through.
    ///
    /// # Errors
    /// Signals cannot be heard.
    pub(crate) fn run(
        self,
        request: RunRequest,
        sink: &mut dyn EventSink,
        io: (Input, Cancel),
    ) -> Result<Driven, Failure> {
        let mut driven = self.drive(Work::Run(Box::new(request)), sink, io)?;
        let Self { recording, runtime, .. } = self;
        driven.remark = runtime.block_on(recording.close(driven.result.as_ref().ok()));
        runtime.shutdown_timeout(THREADS_END_MAX);
        Ok(driven)
    }

    /// Carries a probe through.
    ///
    /// # Errors
    /// As of [`Driver::run`].
    pub(crate) fn probe(
        &self,
        policy: PolicySpec,
        sink: &mut dyn EventSink,
    ) -> Result<Result<RunResult, RunError>, Failure> {
        let io = (Input::Empty, Cancel::new());
        Ok(self.drive(Work::Probe(Box::new(policy)), sink, io)?.result)
    }

    fn drive(
        &self,
        work: Work,
        sink: &mut dyn EventSink,
        (stdin, cancel): (Input, Cancel),
    ) -> Result<Driven, Failure> {
        self.runtime.block_on(async {
            let signals = Signals::listen()
                .map_err(|source| Failure::Process { action: "listen for signals", source })?;
            let io = RunIo { events: sink, stdin, cancel: cancel.clone(), asker: Asker::default() };
            Ok(attend(self.engine(), work, io, (signals, cancel)).await)
        })
    }
}

fn started(builder: &mut Builder) -> Result<Runtime, Failure> {
    let failed = |source| Failure::Process { action: "start an event loop", source };
    builder.enable_all().build().map_err(failed)
}

async fn attend(
    engine: &Engine,
    work: Work,
    io: RunIo<'_>,
    (mut signals, cancel): (Signals, Cancel),
) -> Driven {
    let run = async {
        match work {
            Work::Run(request) => engine.run(*request, io).await,
            Work::Probe(policy) => engine.probe(*policy, io).await,
        }
    };
    tokio::pin!(run);
    let mut taken_by = None;
    loop {
        tokio::select! {
            result = &mut run => return Driven { result, signal: taken_by, remark: None },
            signal = signals.next() => {
                taken_by.get_or_insert(signal);
                cancel.cancel();
            }
        }
    }
}

/// The signals that take a run back. SIGHUP is not among them, so that `nohup`
/// works; by default it ends this process, and every sandbox ends with that.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = self.terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
