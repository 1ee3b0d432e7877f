//! The calls of tools in one turn: which are in flight, and how many there may be.

use std::{collections::BTreeSet, fmt};

use crate::{GuestKind, ToolCall, Violation, frame::Frame, message, tool::TOOL_INPUT_BYTES_MAX};

/// Calls of one turn that are in flight at the same time. Each may hold a connection
/// and an answer of the largest size; the kernel has further ones wait.
pub const CALLS_IN_FLIGHT_MAX: usize = 8;
/// Calls that one turn may make: a loop over a large table, and no more than a tool's
/// owner may be asked on behalf of one piece of code.
pub const CALLS_MAX: u64 = 10_000;
/// What a call's frame has besides its arguments, whose quotes it escapes.
const FRAME_BYTES_MAX: usize = 2 * TOOL_INPUT_BYTES_MAX + 1024;

/// Names a call within its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(u64);

impl fmt::Display for CallId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl CallId {
    #[cfg(test)]
    pub(crate) const fn from_number(number: u64) -> Self {
        Self(number)
    }

    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// The calls of the turn in flight.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    made: u64,
    in_flight: BTreeSet<CallId>,
}

impl Calls {
    /// Takes a call, whose number must be the next one.
    pub(crate) fn begin(&mut self, frame: &Frame) -> Result<(CallId, ToolCall), Violation> {
        if frame.body.len() > FRAME_BYTES_MAX {
            return Err(contradiction("more arguments than a call has"));
        }
        let (number, call) = message::call(&frame.body)?;
        if number != self.made + 1 {
            return Err(contradiction("a number that is not the next one"));
        }
        if self.made == CALLS_MAX || self.in_flight.len() == CALLS_IN_FLIGHT_MAX {
            return Err(Violation::Calls);
        }
        self.made = number;
        self.in_flight.insert(CallId(number));
        Ok((CallId(number), call))
    }

    /// Notes that a call is answered; whether it was in flight.
    pub(crate) fn end(&mut self, call: CallId) -> bool {
        self.in_flight.remove(&call)
    }

    /// Those in flight.
    pub(crate) fn iter(&self) -> impl Iterator<Item = CallId> {
        self.in_flight.iter().copied()
    }
}

const fn contradiction(problem: &'static str) -> Violation {
    Violation::Contradiction { kind: GuestKind::Call, problem }
}
