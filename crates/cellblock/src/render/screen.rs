//! A session's prompt as a person sees it: output as it appears, values, pictures,
//! exceptions, and what there is to say about a turn.
//!
//! Streams are passed on byte for byte, as those of a run are. Values, tracebacks
//! and questions are our rendering of what came from inside: on a terminal they have
//! nothing in them that it would act on.

use std::{
    io::{self, IsTerminal},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::{DisplayData, Event, Outcome, StreamName, TurnResult};
use engine::{Cancel, EventSink};

use super::{
    Gallery, Protocol, Style, note,
    stream::{Channel, Written},
    style_of, tell,
};
use crate::{
    config::{Color, HostVars},
    failure::{Failure, Limits, account},
};

/// Takes the text of the current line away.
const ERASE_LINE: &[u8] = b"\r\x1b[2K";

/// Where a session is shown.
pub(crate) struct Screen {
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    style: Style,
    protocol: Option<Protocol>,
    gallery: Option<Gallery>,
    limits: Limits,
}

impl Screen {
    /// This process's streams. Without a gallery pictures that the terminal cannot
    /// show are told of and dropped.
    pub(crate) fn new(
        (color, vars): (Color, &HostVars),
        gallery: Option<Gallery>,
        limits: Limits,
    ) -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        Self {
            stdout_is_terminal,
            stderr_is_terminal,
            style: style_of(stderr_is_terminal, color, vars),
            protocol: stdout_is_terminal.then(|| Protocol::of_terminal(vars)).flatten(),
            gallery,
            limits,
        }
    }
}

/// Whether what stands last on the terminal is a part of a line. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenLine(Arc<AtomicBool>);

impl OpenLine {
    pub(crate) fn set(&self, is_open: bool) {
        self.0.store(is_open, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Shows one turn, or one command of a session; given to it as its sink.
pub(crate) struct TurnSink<'a> {
    screen: &'a mut Screen,
    stdout: Channel,
    stderr: Channel,
    cancel: Cancel,
    wall_time: Duration,
    deadline: Option<Instant>,
    /// What was shown goes when something new is shown.
    clear_next: bool,
    line_is_open: OpenLine,
}

impl<'a> TurnSink<'a> {
    /// `cancel` is the turn's; it is used when the reader of standard output is gone.
    pub(crate) fn new(screen: &'a mut Screen, cancel: Cancel, wall_time: Duration) -> Self {
        Self {
            screen,
            stdout: Channel::new(rustix::stdio::stdout()),
            stderr: Channel::new(rustix::stdio::stderr()),
            cancel,
            wall_time,
            deadline: None,
            clear_next: false,
            line_is_open: OpenLine::default(),
        }
    }

    /// What others who write to the terminal meanwhile have to keep true.
    pub(crate) fn open_line(&self) -> OpenLine {
        self.line_is_open.clone()
    }

    /// Shows what there is to say of a turn that is over.
    ///
    /// # Errors
    /// Standard output could not be written.
    pub(crate) fn finish(mut self, result: &TurnResult) -> Result<(), Failure> {
        self.deadline = None;
        self.flush();
        if let Some(exception) = &result.exception {
            let mut exception = exception.clone();
            if self.screen.stderr_is_terminal {
                for line in &mut exception.traceback {
                    *line = tell::tamed(line).into_owned();
                }
                exception.value = tell::tamed(&exception.value).into_owned();
                exception.name = tell::tamed(&exception.name).into_owned();
            }
            self.own_line();
            let text = tell::exception(&exception, self.screen.style);
            self.pass(StreamName::Stderr, text.as_bytes());
        }
        for remark in tell::remarks(result, &self.screen.limits) {
            self.note(&remark);
        }
        if let Some(line) = tell::files(&result.files) {
            self.own_line();
            let line = format!("{}\n", self.screen.style.dim(&line));
            self.pass(StreamName::Stderr, line.as_bytes());
        }
        self.end()
    }

    /// Shows how a command ended.
    ///
    /// # Errors
    /// Standard output could not be written.
    pub(crate) fn finish_run(mut self, outcome: &Outcome) -> Result<(), Failure> {
        self.deadline = None;
        self.flush();
        let remark = match outcome {
            Outcome::Exited { code: 0 } => None,
            Outcome::Exited { code } => Some(format!("ended with status {code}")),
            Outcome::Cancelled => Some("interrupted".to_owned()),
            outcome => account(outcome, &self.screen.limits),
        };
        if let Some(remark) = remark {
            self.note(&remark);
        }
        self.end()
    }

    /// Ends what was shown, where there is nothing to say of it.
    ///
    /// # Errors
    /// Standard output could not be written.
    pub(crate) fn end(mut self) -> Result<(), Failure> {
        self.deadline = None;
        self.flush();
        self.own_line();
        self.stdout.outcome()
    }

    fn flush(&mut self) {
        self.stdout.flush();
        self.stderr.flush();
    }

    /// Words of ours, on a line of their own.
    fn note(&mut self, text: &str) {
        self.own_line();
        note(text);
    }

    /// Where a terminal's line has something on it, goes to the next.
    fn own_line(&mut self) {
        if self.line_is_open.is_open() && self.screen.stdout_is_terminal {
            self.pass(StreamName::Stdout, b"\n");
        }
    }

    fn pass(&mut self, stream: StreamName, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if std::mem::take(&mut self.clear_next) {
            self.erase_line();
        }
        let (channel, is_terminal) = match stream {
            StreamName::Stdout => (&mut self.stdout, self.screen.stdout_is_terminal),
            StreamName::Stderr => (&mut self.stderr, self.screen.stderr_is_terminal),
        };
        if is_terminal {
            self.line_is_open.set(!bytes.ends_with(b"\n"));
        }
        match (channel.pass(bytes, self.deadline), stream) {
            // Whoever waits for the signal has to get their turn: from now on, what
            // cannot be written at once is kept for later.
            (Written::Interrupted, _) => self.deadline = Some(Instant::now()),
            (Written::Failed, StreamName::Stdout) => self.cancel.cancel(),
            _ => {}
        }
    }

    /// A picture or a text, on lines of its own.
    fn show(&mut self, data: &DisplayData) {
        if let Some(picture) = tell::picture(data) {
            let inline = self.screen.protocol.and_then(|protocol| protocol.sequence(&picture));
            self.own_line();
            match (inline, &mut self.screen.gallery) {
                (Some(sequence), _) => self.pass(StreamName::Stdout, sequence.as_bytes()),
                (None, Some(gallery)) => match gallery.keep(&picture) {
                    Ok(path) => self.note(&format!("image: {}", path.display())),
                    Err(error) => self.note(&format!("an image was not kept: {error}")),
                },
                (None, None) => self.note("an image was not kept: give a place with `--images`"),
            }
            return;
        }
        let text = tell::text(data);
        let text = if self.screen.stdout_is_terminal { tell::tamed(&text) } else { text.into() };
        self.own_line();
        self.pass(StreamName::Stdout, format!("{text}\n").as_bytes());
    }

    fn erase_line(&mut self) {
        // Text above the current line may have scrolled away; it stays.
        if self.screen.stdout_is_terminal {
            let _ = self.stdout.pass(ERASE_LINE, self.deadline);
            self.line_is_open.set(false);
        }
    }
}

impl EventSink for TurnSink<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Started { .. } | Event::TurnStarted { .. } => {
                self.deadline = Instant::now().checked_add(self.wall_time);
            }
            Event::Output { stream, bytes } => self.pass(stream, bytes),
            Event::Omitted { stream, bytes } => {
                let name = match stream {
                    StreamName::Stdout => "standard output",
                    StreamName::Stderr => "standard error",
                };
                self.note(&format!("{bytes} bytes of {name} were left out"));
            }
            Event::Display { data } | Event::Value { data } => self.show(data),
            Event::Clear { wait: true } => self.clear_next = true,
            Event::Clear { wait: false } => self.erase_line(),
        }
    }
}
