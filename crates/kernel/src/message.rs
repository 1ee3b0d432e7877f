//! What a kernel says: kinds of frames and what their bodies hold.
//!
//! Keys that are not known here are passed over; keys that are missing are an error.

use std::{collections::BTreeMap, fmt};

use api::{Completion, DisplayData, ExceptionInfo, InputRequest, Inspection, MimeBundle};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, error::Category};

use crate::{ToolCall, TurnEnd, TurnEvent, TurnStatus, Violation, tool, values::by_name};

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u64 = 1;

/// The kind of a kernel's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestKind {
    /// It waits to be asked.
    Ready,
    /// Something to show.
    Display,
    /// The value of the last expression.
    Result,
    /// What was shown goes.
    Clear,
    /// A question.
    Input,
    /// An exception.
    Error,
    /// The turn is over.
    Done,
    /// The answer to a request that is no turn.
    Reply,
    /// A signal ended the script, and so the kernel will.
    Ended,
    /// The code calls a tool.
    Call,
}

impl GuestKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Ready,
        Self::Display,
        Self::Result,
        Self::Clear,
        Self::Input,
        Self::Error,
        Self::Done,
        Self::Reply,
        Self::Ended,
        Self::Call,
    ];

    /// Its number in a frame.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Ready => 65,
            Self::Display => 66,
            Self::Result => 67,
            Self::Clear => 68,
            Self::Input => 69,
            Self::Error => 70,
            Self::Done => 71,
            Self::Reply => 72,
            Self::Ended => 73,
            Self::Call => 74,
        }
    }

    /// The kind with this number.
    ///
    /// # Errors
    /// There is none.
    pub fn from_number(number: u8) -> Result<Self, Violation> {
        let kind = Self::ALL.into_iter().find(|kind| kind.number() == number);
        kind.ok_or(Violation::Kind { kind: number })
    }
}

impl fmt::Display for GuestKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Ready => "ready",
            Self::Display => "display",
            Self::Result => "result",
            Self::Clear => "clear",
            Self::Input => "input_request",
            Self::Error => "error",
            Self::Done => "done",
            Self::Reply => "reply",
            Self::Ended => "ended",
            Self::Call => "tool_call",
        })
    }
}

/// What a kernel says of itself. User code has not run before it first says so.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub protocol: u64,
    /// The version of its language, such as `3.11.7`.
    pub python: String,
    /// The implementation of its language, such as `cpython`.
    pub implementation: String,
    /// Whether IPython carries it.
    pub ipython: bool,
    /// The process id that it sees itself.
    pub pid: u32,
}

/// Reads what a kernel says of itself.
pub(crate) fn hello(body: &[u8]) -> Result<Hello, Violation> {
    let hello: Hello = read(GuestKind::Ready, body)?;
    match hello.protocol {
        PROTOCOL => Ok(hello),
        version => Err(Violation::Protocol { version }),
    }
}

#[derive(Deserialize)]
struct DisplayBody {
    #[serde(deserialize_with = "by_name")]
    data: MimeBundle,
    #[serde(deserialize_with = "by_name")]
    metadata: BTreeMap<String, Value>,
    #[serde(deserialize_with = "required")]
    display_id: Option<String>,
    update: bool,
}

/// Reads something to show.
pub(crate) fn display(body: &[u8]) -> Result<TurnEvent, Violation> {
    let DisplayBody { data, metadata, display_id, update } = read(GuestKind::Display, body)?;
    Ok(TurnEvent::Display(DisplayData { data, metadata, display_id, update }))
}

#[derive(Deserialize)]
struct ResultBody {
    #[serde(deserialize_with = "by_name")]
    data: MimeBundle,
    #[serde(deserialize_with = "by_name")]
    metadata: BTreeMap<String, Value>,
    count: u64,
}

/// Reads the value of the last expression.
pub(crate) fn result(body: &[u8]) -> Result<TurnEvent, Violation> {
    let ResultBody { data, metadata, count } = read(GuestKind::Result, body)?;
    let display = DisplayData { data, metadata, ..DisplayData::default() };
    Ok(TurnEvent::Result { display, count })
}

#[derive(Deserialize)]
struct ClearBody {
    wait: bool,
}

/// Reads that what was shown goes.
pub(crate) fn clear(body: &[u8]) -> Result<TurnEvent, Violation> {
    let ClearBody { wait } = read(GuestKind::Clear, body)?;
    Ok(TurnEvent::Clear { wait })
}

/// Reads a question.
pub(crate) fn input(body: &[u8]) -> Result<TurnEvent, Violation> {
    Ok(TurnEvent::Input(read::<InputRequest>(GuestKind::Input, body)?))
}

/// Reads an exception.
pub(crate) fn exception(body: &[u8]) -> Result<TurnEvent, Violation> {
    Ok(TurnEvent::Exception(read::<ExceptionInfo>(GuestKind::Error, body)?))
}

#[derive(Deserialize)]
struct DoneBody {
    status: StatusWord,
    count: u64,
    #[serde(deserialize_with = "required")]
    exit_code: Option<i32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusWord {
    Ok,
    Error,
    Exit,
    Interrupted,
}

/// Reads how a turn ended.
pub(crate) fn done(body: &[u8]) -> Result<TurnEnd, Violation> {
    let DoneBody { status, count, exit_code } = read(GuestKind::Done, body)?;
    let status = match (status, exit_code) {
        (StatusWord::Ok, _) => TurnStatus::Ok,
        (StatusWord::Error, _) => TurnStatus::Raised,
        (StatusWord::Interrupted, _) => TurnStatus::Interrupted,
        (StatusWord::Exit, Some(code @ 0..=255)) => TurnStatus::Exited { code },
        (StatusWord::Exit, _) => {
            let problem = "an exit without an exit status";
            return Err(Violation::Contradiction { kind: GuestKind::Done, problem });
        }
    };
    Ok(TurnEnd { status, count })
}

/// Reads how code can go on, where the code has this many characters.
pub(crate) fn completion(body: &[u8], characters: usize) -> Result<Completion, Violation> {
    let completion: Completion = read(GuestKind::Reply, body)?;
    if completion.start <= completion.end && completion.end <= characters {
        return Ok(completion);
    }
    let problem = "a place that is not in the code";
    Err(Violation::Contradiction { kind: GuestKind::Reply, problem })
}

#[derive(Deserialize)]
struct InspectionBody {
    found: bool,
    #[serde(default, deserialize_with = "by_name")]
    data: MimeBundle,
}

/// Reads what is known of a name.
pub(crate) fn inspection(body: &[u8]) -> Result<Inspection, Violation> {
    let InspectionBody { found, data } = read(GuestKind::Reply, body)?;
    Ok(Inspection { found, data })
}

/// Reads which signal ended a script.
pub(crate) fn ended(body: &[u8]) -> Result<i32, Violation> {
    #[derive(Deserialize)]
    struct Ended {
        signal: i32,
    }
    let Ended { signal } = read(GuestKind::Ended, body)?;
    if (1..=SIGNAL_MAX).contains(&signal) {
        return Ok(signal);
    }
    let problem = "a signal that there is not";
    Err(Violation::Contradiction { kind: GuestKind::Ended, problem })
}

#[derive(Deserialize)]
struct CallBody {
    call: u64,
    name: String,
    input: String,
}

/// Reads a call of a tool: its number, and what is called.
pub(crate) fn call(body: &[u8]) -> Result<(u64, ToolCall), Violation> {
    let CallBody { call, name, input } = read(GuestKind::Call, body)?;
    let problem = match tool::problem_with_input(&input) {
        _ if name.len() > tool::TOOL_NAME_BYTES_MAX => "a name that is too long",
        Some(problem) => problem,
        None => return Ok((call, ToolCall { name, input })),
    };
    Err(Violation::Contradiction { kind: GuestKind::Call, problem })
}

/// Reads that something is done, of which there is nothing to say.
pub(crate) fn done_silently(body: &[u8]) -> Result<(), Violation> {
    #[derive(Deserialize)]
    struct Nothing {}
    let Nothing {} = read(GuestKind::Reply, body)?;
    Ok(())
}

/// The highest signal number of Linux.
const SIGNAL_MAX: i32 = 64;

/// Takes `null`, but not that the key is missing.
fn required<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// Reads a JSON object. Depth is bounded by the parser, length by the frame.
fn read<T: DeserializeOwned>(kind: GuestKind, body: &[u8]) -> Result<T, Violation> {
    // A derived reader would also take an array of the values in order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Violation::Body { kind, problem: "not a JSON object", column: 0 });
    }
    serde_json::from_slice(body).map_err(|error| {
        // The parser's own words may quote what user code wrote, at any length.
        let problem = match error.classify() {
            Category::Io | Category::Syntax => "not JSON",
            Category::Eof => "it ends too soon",
            Category::Data => "a key is missing or holds the wrong thing",
        };
        Violation::Body { kind, problem, column: error.column() }
    })
}

#[cfg(test)]
mod tests;
