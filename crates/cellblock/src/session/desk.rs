//! A session with what it is shown on: runs cells, commands, and what interrupts them.

use std::pin::Pin;

use api::{Event, InputReply, InputRequest, Outcome, TurnRequest, TurnResult};
use engine::{
    Asker, Cancel, EventSink, InputSource, NoInput, RunIo, Session, SessionError, SessionRun,
    TurnIo,
};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    EventLoop, Places, answers,
    cells::cells,
    order,
    prompt::{Prompt, Typed},
    typing::Typing,
};
use crate::{
    exit,
    failure::Failure,
    recording::Recording,
    render::{self, OpenLine, Screen, Style, TurnSink},
};

/// A session with what it is shown on.
pub(crate) struct Desk {
    pub(super) events: EventLoop,
    pub(super) session: Session,
    pub(super) screen: Screen,
}

/// Whether the prompt goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    Leave,
}

/// A longer text is no version.
const VERSION_BYTES_MAX: usize = 32;

/// Words that leave Python's own prompt, and so this one. Code that calls them ends
/// its turn and nothing else.
const LEAVING: [&str; 4] = ["exit", "exit()", "quit", "quit()"];

impl Desk {
    pub(crate) const fn new(events: EventLoop, session: Session, screen: Screen) -> Self {
        Self { events, session, screen }
    }

    /// The version of the kernel's Python, where it tells.
    pub(crate) fn python_version(&self) -> Option<String> {
        struct Unheard;
        impl EventSink for Unheard {
            fn event(&mut self, _: Event<'_>) {}
        }
        let code = "print(__import__('sys').version.split()[0])".to_owned();
        let request = TurnRequest { code, silent: true, ..TurnRequest::default() };
        let result = self.events.wait(async {
            let io = TurnIo {
                events: &mut Unheard,
                cancel: Cancel::new(),
                input: &mut NoInput,
                wall_time: None,
                // Nobody's code, and nobody's record.
                asker: Asker::default().with_own_account(),
            };
            self.session.turn(&request, io).await
        });
        let version = result.ok()?.stdout.head.trim().to_owned();
        let is_one = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        (version.len() <= VERSION_BYTES_MAX && is_one(&version)).then_some(version)
    }

    /// Takes cells from a person until they leave; gives the exit status.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub(crate) fn attend(&mut self, places: &Places, style: Style) -> Result<u8, Failure> {
        let typing = Typing::new(self.session.clone(), self.events.handle());
        let mut prompt = Prompt::new(typing, places.history.clone(), style)?;
        loop {
            if let Some(reason) = self.session.info().closed {
                render::note(&format!("the session is over: {reason}"));
                return Ok(exit::FAILED);
            }
            match prompt.read()? {
                Typed::End => return Ok(exit::SUCCESS),
                Typed::Nothing => {}
                Typed::Cell(cell) => match self.take(&cell) {
                    Ok(Next::GoOn) => {}
                    Ok(Next::Leave) => return Ok(exit::SUCCESS),
                    Err(failure @ Failure::Output(_)) => return Err(failure),
                    Err(failure) => render::failure(&failure, false),
                },
            }
        }
    }

    fn take(&mut self, cell: &str) -> Result<Next, Failure> {
        if order::is_order(cell) {
            return self.carry_out(order::parse(cell)?);
        }
        if LEAVING.contains(&cell.trim()) {
            return Ok(Next::Leave);
        }
        self.turn(&TurnRequest {
            code: cell.to_owned(),
            allow_input: true,
            ..TurnRequest::default()
        })?;
        Ok(Next::GoOn)
    }

    /// Runs cells one after the other until one fails; gives the exit status.
    ///
    /// # Errors
    /// The session fails, or what it says cannot be written.
    pub(crate) fn run_cells(&mut self, text: &str) -> Result<u8, Failure> {
        for cell in cells(text) {
            let request = TurnRequest { code: cell.to_owned(), ..TurnRequest::default() };
            let (result, interrupted) = self.turn(&request)?;
            if !result.outcome.is_success() {
                let status = exit::of_outcome(&result.outcome);
                let cancelled = exit::of_outcome(&Outcome::Cancelled);
                return Ok(if interrupted { cancelled } else { status });
            }
        }
        Ok(exit::SUCCESS)
    }

    /// Has one turn and shows it; tells whether it was interrupted.
    ///
    /// # Errors
    /// The session fails, or what it says cannot be written.
    pub(super) fn turn(&mut self, request: &TurnRequest) -> Result<(TurnResult, bool), Failure> {
        let cancel = Cancel::new();
        let wall_time = self.session.policy().limits().wall_time;
        let mut sink = TurnSink::new(&mut self.screen, cancel.clone(), wall_time);
        let session = &self.session;
        let (result, interrupted) = self.events.wait(async {
            let mut input = Person { line: sink.open_line() };
            let (input, asker) = (&mut input, Asker::default());
            let io = TurnIo { events: &mut sink, cancel, input, wall_time: None, asker };
            interruptible(session.turn(request, io), || {
                session.interrupt();
            })
            .await
        })?;
        match result {
            Ok(result) => sink.finish(&result).map(|()| (result, interrupted)),
            Err(error) => {
                sink.end()?;
                Err(error.into())
            }
        }
    }

    /// Runs a shell command line beside the kernel.
    pub(super) fn shell(&mut self, line: String) -> Result<(), Failure> {
        let cancel = Cancel::new();
        let wall_time = self.session.policy().limits().wall_time;
        let program = api::Program::Command { name: "sh".to_owned() };
        let args = vec!["-c".to_owned(), line];
        let run = SessionRun { args, ..SessionRun::new(program) };
        let mut sink = TurnSink::new(&mut self.screen, cancel.clone(), wall_time);
        let session = &self.session;
        let (result, _) = self.events.wait(async {
            let (stdin, asker) = (engine::Input::Empty, Asker::default());
            let io = RunIo { events: &mut sink, stdin, cancel: cancel.clone(), asker };
            interruptible(session.run(&run, io), || cancel.cancel()).await
        })?;
        match result {
            Ok(run) => sink.finish_run(&run.result.outcome),
            Err(error) => {
                sink.end()?;
                Err(error.into())
            }
        }
    }

    /// Waits for something that a person may stop waiting for.
    pub(super) fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, SessionError>>,
    ) -> Result<T, Failure> {
        self.events.wait(async {
            let stopped = Cancel::new();
            let stop = || stopped.cancel();
            let either = async {
                tokio::select! {
                    result = future => result.map_err(Failure::from),
                    () = stopped.cancelled() => Err(Failure::Interrupted),
                }
            };
            interruptible(either, stop).await.and_then(|(result, _)| result)
        })
    }

    /// Ends the session; tells what a person should know of its records.
    pub(crate) fn close(self, recording: Recording) -> Option<String> {
        self.events.wait(async {
            self.session.close().await;
            recording.close(None).await
        })
    }
}

/// Waits for a future; on each Ctrl-C meanwhile does something about it. Tells
/// whether there was one.
async fn interruptible<T>(
    future: impl Future<Output = T>,
    interrupt: impl Fn(),
) -> Result<(T, bool), Failure> {
    let failed = |source| Failure::Process { action: "listen for signals", source };
    // A new one hears nothing of what was pressed before.
    let mut interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut interrupted = false;
    tokio::pin!(future);
    loop {
        tokio::select! {
            result = &mut future => return Ok((result, interrupted)),
            _ = interrupts.recv() => {
                interrupted = true;
                interrupt();
            }
        }
    }
}

/// Whoever sits at the terminal.
struct Person {
    line: OpenLine,
}

impl InputSource for Person {
    fn ask(
        &mut self,
        request: InputRequest,
    ) -> Pin<Box<dyn Future<Output = InputReply> + Send + '_>> {
        Box::pin(async {
            let reply = answers::answer(request).await;
            // The person's Enter ended the line; Ctrl-D did not.
            self.line.set(reply == InputReply::End);
            reply
        })
    }
}
