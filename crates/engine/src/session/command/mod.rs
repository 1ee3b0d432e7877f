//! Commands that run in the background of a session.
//!
//! Whoever starts one gets its id at once, and asks for its output, its end or to
//! write to it whenever they like. A command counts as use of its session, so that
//! none is closed as unused while one runs; at the end of its life a session ends them
//! all the same.

mod background;
mod log;
mod table;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use api::{CommandId, ErrorBody, Event, Outcome, Program, Signal, StreamName};
use tokio::sync::watch;

pub use log::{LOG_BYTES_MAX, LogChunk};

use log::Log;
pub(super) use table::Commands;

use super::{SessionError, SessionRun, SessionRunResult};
use crate::{Cancel, EventSink, Feed, Signaller};

/// The longest description of a command, in characters: a line that people read.
const WHAT_CHARS_MAX: usize = 200;

/// A command that runs, or ran, in the background of a session. Clones stand for the
/// same one.
#[derive(Clone, Debug)]
pub struct Command {
    shared: Arc<Shared>,
}

/// What there is to say of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandInfo {
    /// Its id.
    pub id: CommandId,
    /// What runs: the program and its arguments, or the language and the file's name;
    /// cut off where it is long.
    pub what: String,
    /// When it was started.
    pub started: SystemTime,
    /// When it ended, if it has.
    pub ended: Option<SystemTime>,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// What we failed to do, where that was its end.
    pub error: Option<ErrorBody>,
}

/// What is known of a command at its end, or what we failed to do.
type Ending = Result<Arc<SessionRunResult>, ErrorBody>;

#[derive(Debug)]
struct Shared {
    id: CommandId,
    what: String,
    started: SystemTime,
    signaller: Signaller,
    cancel: Cancel,
    feed: Feed,
    state: Mutex<State>,
    /// Something was written, or it ended.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    stdout: Log,
    stderr: Log,
    end: Option<(SystemTime, Ending)>,
}

impl State {
    const fn log(&self, stream: StreamName) -> &Log {
        match stream {
            StreamName::Stdout => &self.stdout,
            StreamName::Stderr => &self.stderr,
        }
    }
}

impl Command {
    fn new(run: &SessionRun, feed: Feed) -> Self {
        let [stdout, stderr] = [Log::new(LOG_BYTES_MAX), Log::new(LOG_BYTES_MAX)];
        let shared = Shared {
            id: CommandId::generate(),
            what: what(run),
            started: SystemTime::now(),
            signaller: run.signaller.clone(),
            cancel: Cancel::new(),
            feed,
            state: Mutex::new(State { stdout, stderr, end: None }),
            changed: watch::Sender::new(()),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> CommandId {
        self.shared.id
    }

    /// What there is to say of it now.
    #[must_use]
    pub fn info(&self) -> CommandInfo {
        let state = self.lock();
        let end = state.end.as_ref();
        let result = end.map(|(_, result)| result);
        CommandInfo {
            id: self.shared.id,
            what: self.shared.what.clone(),
            started: self.shared.started,
            ended: end.map(|(at, _)| *at),
            outcome: result.and_then(|result| Some(result.as_ref().ok()?.result.outcome)),
            error: result.and_then(|result| result.as_ref().err().cloned()),
        }
    }

    /// What it wrote to a stream from an offset on, but not more than so many bytes.
    /// No more than the last [`LOG_BYTES_MAX`] bytes are kept.
    #[must_use]
    pub fn logs(&self, stream: StreamName, offset: u64, maximum: usize) -> LogChunk {
        let state = self.lock();
        let log = state.log(stream);
        let chunk = log.read(offset, maximum);
        let is_ended = state.end.is_some() && chunk.next_offset == log.end();
        LogChunk { is_ended, ..chunk }
    }

    /// Waits until it has written to a stream past an offset, or has ended.
    pub async fn wait_for_output(&self, stream: StreamName, offset: u64) {
        self.until(|state| state.end.is_some() || state.log(stream).end() > offset).await;
    }

    /// Waits until it has ended.
    pub async fn ended(&self) {
        self.until(|state| state.end.is_some()).await;
    }

    /// Waits until it has ended, and says what came of it.
    ///
    /// # Errors
    /// What we failed to do. Whatever the program does is an outcome, not an error.
    pub async fn wait(&self) -> Result<Arc<SessionRunResult>, ErrorBody> {
        let mut changes = self.shared.changed.subscribe();
        loop {
            if let Some((_, result)) = &self.lock().end {
                return result.clone();
            }
            // It fails only when the sender is gone, and `self` holds that.
            let _ = changes.changed().await;
        }
    }

    /// Hands bytes to its standard input, all or none of them, and closes it after
    /// them if that is asked for. Waits until there is room, for as long as it takes;
    /// may be dropped while it waits, and then none are handed over.
    ///
    /// # Errors
    /// They are more than [`FEED_BYTES_MAX`](crate::FEED_BYTES_MAX), too many callers
    /// wait, or the program reads no more.
    pub async fn write_stdin(&self, bytes: Vec<u8>, close: bool) -> Result<(), SessionError> {
        self.shared.feed.write(bytes).await?;
        if close {
            self.shared.feed.close();
        }
        Ok(())
    }

    /// Sends a signal to its process group: the program, and those it started that have
    /// not left the group. `TSTP` stops only a program that sees to it, as nothing of
    /// it has a terminal.
    ///
    /// # Errors
    /// It has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), SessionError> {
        if self.lock().end.is_some() {
            return Err(SessionError::CommandEnded);
        }
        self.shared.signaller.send(signal);
        Ok(())
    }

    /// Ends it with all that it has started; its outcome is that it was cancelled. Does
    /// nothing where it has ended.
    pub fn kill(&self) {
        self.shared.cancel.cancel();
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        while !holds(&self.lock()) {
            // It fails only when the sender is gone, and `self` holds that.
            let _ = changes.changed().await;
        }
    }

    fn end(&self, result: Ending) {
        let mut state = self.lock();
        state.stdout.finish();
        state.stderr.finish();
        state.end = Some((SystemTime::now(), result));
        drop(state);
        self.shared.changed.send_replace(());
    }

    /// How much of its output is held in memory.
    fn bytes_held(&self) -> usize {
        let state = self.lock();
        let logs = state.stdout.size() + state.stderr.size();
        let Some((_, Ok(run))) = &state.end else { return logs };
        let streams = [&run.result.stdout, &run.result.stderr];
        logs + streams.map(|stream| stream.head.len() + stream.tail.len()).iter().sum::<usize>()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with it left logs that are whole.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes what a command writes into its logs.
impl EventSink for Command {
    fn event(&mut self, event: Event<'_>) {
        let Event::Output { stream, bytes } = event else { return };
        let mut state = self.lock();
        match stream {
            StreamName::Stdout => state.stdout.push(bytes),
            StreamName::Stderr => state.stderr.push(bytes),
        }
        drop(state);
        self.shared.changed.send_replace(());
    }

    fn takes_all_output(&self) -> bool {
        true
    }
}

fn what(run: &SessionRun) -> String {
    let begin = match &run.program {
        Program::Source(source) => [source.language.as_str(), source.file_name.as_str()],
        Program::Command { name } => [name.as_str(), ""],
    };
    let words = begin.into_iter().chain(run.args.iter().map(String::as_str));
    let mut text = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !text.is_empty() {
            text.push(' ');
        }
        let room = WHAT_CHARS_MAX.saturating_sub(text.chars().count());
        text.extend(word.chars().take(room));
        if room == 0 {
            break;
        }
    }
    text.trim_end().to_owned()
}
