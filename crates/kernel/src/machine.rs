//! Which frame may come when. Pure: frames in, events out.
//!
//! A kernel is asked one thing at a time. Until that is answered, only frames that
//! carry its token and have a place in the answer are let through; while nothing is
//! asked, none are. A violation is final.

use api::{Completion, Inspection};

use crate::{
    CallId, GuestKind, Hello, Token, ToolCall, TurnEnd, TurnEvent, TurnStatus, Violation,
    budget::Budget, calls::Calls, frame::Frame, message,
};

/// What a kernel is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// To be configured, which happens once and before anything else.
    Configuration,
    /// To run code.
    Turn {
        /// Whether the code may ask for input.
        allow_input: bool,
    },
    /// How code can go on.
    Completion {
        /// How many characters the code has.
        characters: usize,
    },
    /// What is known of a name.
    Inspection,
    /// To know these tools from now on and no others.
    Tools,
    /// To run a program or `atexit` handlers, and end. There is no answer, unless a
    /// signal ends the program.
    End,
}

/// What a frame that fits means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The kernel waits to be asked.
    Ready(Hello),
    /// Something happened in the turn.
    Turn(TurnEvent),
    /// The turn's code calls a tool.
    Call(CallId, ToolCall),
    /// The turn is over.
    Done(TurnEnd),
    /// How code can go on.
    Completion(Completion),
    /// What is known of a name.
    Inspection(Inspection),
    /// The kernel knows its tools.
    Tools,
    /// This signal ended the script that the kernel was to run.
    Ended(i32),
}

/// A kernel cannot be asked this now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// It is not through with what it was asked before, or is good for nothing.
    #[error("the kernel cannot be asked {state}")]
    NotIdle {
        /// The state, as in "while a turn is in flight".
        state: &'static str,
    },
    /// It was configured, or asked something else, before.
    #[error("the kernel can be configured only once and before its first turn")]
    Configured,
    /// It does not wait for input.
    #[error("the kernel does not wait for input")]
    NoInput,
    /// It does not wait for this tool.
    #[error("the kernel does not wait for this tool's answer")]
    NoCall,
    /// It has nothing to answer, or was given up.
    #[error("the kernel was asked nothing")]
    NothingAsked,
    /// It is in the middle of something else.
    #[error("the kernel was asked something else")]
    OtherAsked,
}

/// The host's view of one kernel.
#[derive(Debug)]
pub struct Machine {
    state: State,
    configurable: bool,
}

#[derive(Debug)]
enum State {
    Starting,
    Idle,
    Turn(Turn),
    Request { token: Token, reply: Reply },
    Ending { token: Token },
    Broken,
}

#[derive(Clone, Copy, Debug)]
enum Reply {
    Completion { characters: usize },
    Inspection,
    Tools,
}

impl State {
    const fn describe(&self) -> &'static str {
        match self {
            Self::Starting => "before the kernel is ready",
            Self::Idle => "while no turn is in flight",
            Self::Turn(Turn { waits: false, .. }) => "while a turn is in flight",
            Self::Turn(Turn { waits: true, .. }) => "while a turn waits for input",
            Self::Request { .. } => "while a request is in flight",
            Self::Ending { .. } => "while the kernel is to end",
            Self::Broken => "after it was given up",
        }
    }
}

impl Machine {
    /// A kernel that was just started.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: State::Starting, configurable: true }
    }

    /// Whether the kernel can be asked something.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Notes that the kernel is asked something under this token.
    ///
    /// # Errors
    /// It cannot be asked that now; nothing has changed.
    pub fn ask(&mut self, question: Question, token: Token) -> Result<(), Misuse> {
        self.require_idle()?;
        if question == Question::Configuration && !self.configurable {
            return Err(Misuse::Configured);
        }
        self.configurable = false;
        self.state = match question {
            Question::Configuration => State::Starting,
            Question::Turn { allow_input } => State::Turn(Turn::new(token, allow_input)),
            Question::Completion { characters } => {
                State::Request { token, reply: Reply::Completion { characters } }
            }
            Question::Inspection => State::Request { token, reply: Reply::Inspection },
            Question::Tools => State::Request { token, reply: Reply::Tools },
            Question::End => State::Ending { token },
        };
        Ok(())
    }

    /// Makes sure that nothing is in flight.
    ///
    /// # Errors
    /// Something is, or the kernel was given up.
    pub const fn require_idle(&self) -> Result<(), Misuse> {
        if self.is_idle() { Ok(()) } else { Err(self.not_idle()) }
    }

    /// Makes sure that something is in flight.
    ///
    /// # Errors
    /// Nothing is that could ever be answered.
    pub const fn require_question(&self) -> Result<(), Misuse> {
        match self.state {
            State::Idle | State::Broken => Err(Misuse::NothingAsked),
            _ => Ok(()),
        }
    }

    const fn not_idle(&self) -> Misuse {
        Misuse::NotIdle { state: self.state.describe() }
    }

    /// The token of the turn that waits for input.
    ///
    /// # Errors
    /// None does.
    pub const fn awaited(&self) -> Result<Token, Misuse> {
        match &self.state {
            State::Turn(Turn { token, waits: true, .. }) => Ok(*token),
            _ => Err(Misuse::NoInput),
        }
    }

    /// Notes that the turn has the input that it waits for.
    pub const fn answer(&mut self) {
        if let State::Turn(turn) = &mut self.state {
            turn.waits = false;
        }
    }

    /// The calls that the turn in flight waits for.
    pub fn calls(&self) -> impl Iterator<Item = CallId> {
        let calls = match &self.state {
            State::Turn(turn) => Some(turn.calls.iter()),
            _ => None,
        };
        calls.into_iter().flatten()
    }

    /// Notes that a call is answered; the token of its turn.
    ///
    /// # Errors
    /// The turn in flight does not wait for it.
    pub fn answer_call(&mut self, call: CallId) -> Result<Token, Misuse> {
        let State::Turn(turn) = &mut self.state else { return Err(Misuse::NoCall) };
        if turn.calls.end(call) { Ok(turn.token) } else { Err(Misuse::NoCall) }
    }

    /// Notes that nothing the kernel says will be believed any more.
    pub fn give_up(&mut self) {
        self.state = State::Broken;
    }

    /// Takes a frame from the kernel.
    ///
    /// # Errors
    /// It has no place here. So has every further one.
    pub fn take(&mut self, frame: &Frame) -> Result<Event, Violation> {
        let event = self.judge(frame);
        if event.is_err() {
            self.give_up();
        }
        event
    }

    fn judge(&mut self, frame: &Frame) -> Result<Event, Violation> {
        let kind = GuestKind::from_number(frame.kind)?;
        let event = match (&mut self.state, kind) {
            (State::Starting, GuestKind::Ready) => {
                admit(frame, kind, Token::NONE)?;
                Event::Ready(message::hello(&frame.body)?)
            }
            (State::Request { token, reply }, GuestKind::Reply) => {
                admit(frame, kind, *token)?;
                reply.read(&frame.body)?
            }
            (State::Ending { token }, GuestKind::Ended) => {
                admit(frame, kind, *token)?;
                Event::Ended(message::ended(&frame.body)?)
            }
            (State::Turn(turn), kind) if is_of_turn(kind) => turn.take(kind, frame)?,
            (state, _) => return Err(Violation::Unexpected { kind, state: state.describe() }),
        };
        match event {
            Event::Turn(_) | Event::Call(..) => {}
            // It has nothing more to say.
            Event::Ended(_) => self.give_up(),
            _ => self.state = State::Idle,
        }
        Ok(event)
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}

impl Reply {
    fn read(self, body: &[u8]) -> Result<Event, Violation> {
        match self {
            Self::Completion { characters } => {
                Ok(Event::Completion(message::completion(body, characters)?))
            }
            Self::Inspection => Ok(Event::Inspection(message::inspection(body)?)),
            Self::Tools => message::done_silently(body).map(|()| Event::Tools),
        }
    }
}

const fn is_of_turn(kind: GuestKind) -> bool {
    !matches!(kind, GuestKind::Ready | GuestKind::Reply | GuestKind::Ended)
}

/// Lets the only frame of an answer through by its token and its size.
fn admit(frame: &Frame, kind: GuestKind, token: Token) -> Result<(), Violation> {
    if frame.token != token {
        return Err(Violation::Token { kind });
    }
    Budget::default().charge(kind, frame)
}

/// The turn in flight.
#[derive(Debug)]
struct Turn {
    token: Token,
    allow_input: bool,
    /// Whether it waits for input. It may go on without: an interrupt ends the wait,
    /// and other threads do not wait.
    waits: bool,
    has_result: bool,
    has_error: bool,
    budget: Budget,
    calls: Calls,
}

impl Turn {
    fn new(token: Token, allow_input: bool) -> Self {
        Self {
            token,
            allow_input,
            waits: false,
            has_result: false,
            has_error: false,
            budget: Budget::default(),
            calls: Calls::default(),
        }
    }

    fn take(&mut self, kind: GuestKind, frame: &Frame) -> Result<Event, Violation> {
        if frame.token != self.token {
            return Err(Violation::Token { kind });
        }
        if kind == GuestKind::Call {
            let (call, what) = self.calls.begin(frame)?;
            return Ok(Event::Call(call, what));
        }
        self.budget.charge(kind, frame)?;
        let event = match kind {
            GuestKind::Display => message::display(&frame.body)?,
            GuestKind::Clear => message::clear(&frame.body)?,
            GuestKind::Result => self.result(&frame.body)?,
            GuestKind::Error => self.error(&frame.body)?,
            GuestKind::Input => self.input(&frame.body)?,
            GuestKind::Done => return self.done(&frame.body).map(Event::Done),
            GuestKind::Ready | GuestKind::Reply | GuestKind::Ended | GuestKind::Call => {
                return Err(contradiction(kind, "it is no part of a turn"));
            }
        };
        Ok(Event::Turn(event))
    }

    fn result(&mut self, body: &[u8]) -> Result<TurnEvent, Violation> {
        if self.has_result {
            return Err(contradiction(GuestKind::Result, "a second result"));
        }
        if self.has_error {
            return Err(contradiction(GuestKind::Result, "a result after an exception"));
        }
        self.has_result = true;
        self.waits = false;
        message::result(body)
    }

    fn error(&mut self, body: &[u8]) -> Result<TurnEvent, Violation> {
        if self.has_error {
            return Err(contradiction(GuestKind::Error, "a second exception"));
        }
        self.has_error = true;
        self.waits = false;
        message::exception(body)
    }

    fn input(&mut self, body: &[u8]) -> Result<TurnEvent, Violation> {
        if !self.allow_input {
            return Err(contradiction(GuestKind::Input, "there is no input in this turn"));
        }
        if self.has_result || self.has_error {
            return Err(contradiction(GuestKind::Input, "the code is through"));
        }
        let event = message::input(body)?;
        self.waits = true;
        Ok(event)
    }

    fn done(&self, body: &[u8]) -> Result<TurnEnd, Violation> {
        let end = message::done(body)?;
        let raised = matches!(end.status, TurnStatus::Raised | TurnStatus::Interrupted);
        match (raised, self.has_error) {
            (true, false) => Err(contradiction(GuestKind::Done, "an exception is missing")),
            (false, true) => Err(contradiction(GuestKind::Done, "an exception came before it")),
            _ => Ok(end),
        }
    }
}

const fn contradiction(kind: GuestKind, problem: &'static str) -> Violation {
    Violation::Contradiction { kind, problem }
}

#[cfg(test)]
mod tests;
