//! Starts commands and stays with them.

use api::{CommandId, Event};
use tokio::sync::oneshot;

use super::{super::Session, Command, CommandInfo};
use crate::{
    Asker, EventSink, Fed, Feed, Input, RunIo, SessionError, SessionRun, SessionRunResult,
};

/// Whoever waits for the start of a command.
type Waiting = oneshot::Sender<Result<(), SessionError>>;

impl Session {
    /// Starts a command, or source of any language, in the background, and comes back
    /// once its sandbox is there. Its standard input is open until it is closed.
    ///
    /// Unless it has a time of its own it may go on for as long as the session lives,
    /// and as long as it runs the session is not closed as unused. It ends with the
    /// kernel, and so with a restart, as everything in the session's sandbox does. If
    /// this is dropped, the command may be started all the same.
    ///
    /// # Errors
    /// The session is closed, too many run, or what is to run cannot be. Whether there
    /// is such a program is found out afterwards, and told with its end.
    pub async fn start(&self, run: SessionRun, asker: Asker) -> Result<CommandId, SessionError> {
        drop(self.inner.begin()?);
        let (feed, fed) = Feed::new();
        let command = Command::new(&run, feed);
        let id = command.id();
        if !self.inner.commands.add(&command) {
            return Err(self.inner.closed());
        }
        let (begun, told) = oneshot::channel();
        tokio::spawn(self.clone().accompany((run, asker), (command, fed), begun));
        match told.await {
            Ok(begun) => begun.map(|()| id),
            // Its runtime is about to end, and everything with it.
            Err(_) => Err(SessionError::CommandEnded),
        }
    }

    /// Its commands in the background, oldest first: those that run, and the last of
    /// those that have ended.
    #[must_use]
    pub fn commands(&self) -> Vec<CommandInfo> {
        self.inner.commands.all().iter().map(Command::info).collect()
    }

    /// The command of an id.
    #[must_use]
    pub fn command(&self, id: CommandId) -> Option<Command> {
        self.inner.commands.get(id)
    }

    /// Stays with a command to its end.
    async fn accompany(
        self,
        (run, asker): (SessionRun, Asker),
        (command, fed): (Command, Fed),
        begun: Waiting,
    ) {
        let mut sink = Sink { command: command.clone(), begun: Some(begun) };
        let result = self.carry((&run, asker), &mut sink, fed).await;
        let commands = &self.inner.commands;
        match (result, sink.begun.take()) {
            (Err(error), Some(begun)) => {
                commands.remove(command.id());
                command.end(Err(error.body()));
                // Whoever has gone meanwhile has no need to know.
                let _ = begun.send(Err(error));
            }
            (result, _) => {
                command.end(result.map(Into::into).map_err(|error| error.body()));
                commands.tidy();
            }
        }
    }

    async fn carry(
        &self,
        (run, asker): (&SessionRun, Asker),
        sink: &mut Sink,
        fed: Fed,
    ) -> Result<SessionRunResult, SessionError> {
        let inner = &self.inner;
        let begun = inner.activity.begin_in_background();
        let _active = begun.map_err(|reason| SessionError::Closed { reason })?;
        let cancel = sink.command.shared.cancel.clone();
        let io = RunIo { events: sink, stdin: Input::Fed(fed), cancel, asker };
        inner.run(run, io, true).await
    }
}

/// Takes what a command writes, and tells that it has started.
struct Sink {
    command: Command,
    begun: Option<Waiting>,
}

impl EventSink for Sink {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started { .. } => {
                let begun = self.begun.take();
                // Whoever has gone meanwhile finds it among the commands.
                begun.map(|begun| begun.send(Ok(())));
            }
            event => self.command.event(event),
        }
    }

    fn takes_all_output(&self) -> bool {
        self.command.takes_all_output()
    }
}
