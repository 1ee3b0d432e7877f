//! What happens in a turn, and who hears of it.

use std::{
    future::{Future, ready},
    pin::Pin,
};

use api::{DisplayData, ExceptionInfo, InputReply, InputRequest, Outcome};

/// Something that happens in a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// The code shows something.
    Display(DisplayData),
    /// What was shown so far goes.
    Clear {
        /// Not before something new is shown.
        wait: bool,
    },
    /// The value of the last expression.
    Result {
        /// Its forms.
        display: DisplayData,
        /// The number of the turn.
        count: u64,
    },
    /// An exception ended the code.
    Exception(ExceptionInfo),
    /// The code asks for input and waits.
    Input(InputRequest),
}

/// How a turn ended, as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnEnd {
    /// The way it ended.
    pub status: TurnStatus,
    /// The number of the turn.
    pub count: u64,
}

/// The way a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnStatus {
    /// The code came to its end.
    Ok,
    /// An exception ended it.
    Raised,
    /// The interrupt did, or an exception of its name.
    Interrupted,
    /// It asked to exit. The kernel lives on.
    Exited {
        /// With this status, 0 to 255.
        code: i32,
    },
}

impl TurnStatus {
    /// The outcome, as far as the kernel knows it.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Ok => Outcome::Exited { code: 0 },
            Self::Raised | Self::Interrupted => Outcome::Raised,
            Self::Exited { code } => Outcome::Exited { code },
        }
    }
}

/// A future that a trait object returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Hears what happens in a turn, in order.
pub trait TurnSink: Send {
    /// Takes one event. The turn waits for as long as this takes.
    fn event(&mut self, event: TurnEvent);
}

/// Answers code that asks for input.
pub trait InputSource: Send {
    /// Finds an answer. It is dropped where the code no longer waits for one.
    fn ask(&mut self, request: InputRequest) -> BoxFuture<'_, InputReply>;
}

/// Answers that there is no input.
#[derive(Clone, Copy, Debug)]
pub struct NoInput;

impl InputSource for NoInput {
    fn ask(&mut self, _: InputRequest) -> BoxFuture<'_, InputReply> {
        Box::pin(ready(InputReply::End))
    }
}
