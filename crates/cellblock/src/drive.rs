//! Carries a run through, and takes it back when a signal asks for that.

use api::{RunRequest, RunResult};
use engine::{Asker, Cancel, Engine, EventSink, Input, RunError, RunIo};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::Failure;

/// What is to be carried through.
pub(crate) enum Work {
    Run(Box<RunRequest>),
    Probe(Box<api::PolicySpec>),
}

/// What came of it.
pub(crate) struct Driven {
    pub(crate) result: Result<RunResult, RunError>,
    /// The signal that took it back, if one did.
    pub(crate) signal: Option<i32>,
}

/// Carries work through on a runtime of one thread.
///
/// # Errors
/// The runtime cannot be had.
pub(crate) fn drive(
    engine: &Engine,
    work: Work,
    sink: &mut dyn EventSink,
    (stdin, cancel): (Input, Cancel),
) -> Result<Driven, Failure> {
    let failed = |source| Failure::Process { action: "start an event loop", source };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        let signals = Signals::listen()
            .map_err(|source| Failure::Process { action: "listen for signals", source })?;
        let io = RunIo { events: sink, stdin, cancel: cancel.clone(), asker: Asker::default() };
        Ok(attend(engine, work, io, (signals, cancel)).await)
    })
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
            result = &mut run => return Driven { result, signal: taken_by },
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
