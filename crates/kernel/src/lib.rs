//! The host side of a session's kernel: what is said to it, what it may say.
//!
//! A kernel is an interpreter that keeps its state from turn to turn. It is reached
//! over a socket of its own, in frames ([`frame`]). Whatever comes from there was
//! perhaps written by user code, so it is bounded, decoded by total functions, and
//! let through only where it fits the turn that is in flight ([`machine`]); the
//! first thing that does not fit is the last that is read.
//!
//! This crate starts no process, reads no output stream and watches no clock.
//! [`Kernel`] speaks; whoever holds it interrupts and kills.

mod budget;
mod calls;
mod client;
mod collector;
mod error;
pub mod frame;
pub mod machine;
mod message;
mod outbox;
mod request;
mod token;
mod tool;
mod turn;
mod values;
mod violation;

pub use budget::{TURN_BYTES_MAX, TURN_FRAMES_MAX, VALUES_MAX};
pub use calls::{CALLS_IN_FLIGHT_MAX, CALLS_MAX, CallId};
pub use client::Kernel;
pub use collector::Collector;
pub use error::KernelError;
pub use message::{GuestKind, Hello, PROTOCOL};
pub use request::{CODE_BYTES_MAX, Configuration, Script};
pub use token::Token;
pub use tool::{
    NoTools, TOOL_CONTENT_BYTES_MAX, TOOL_DEPTH_MAX, TOOL_INPUT_BYTES_MAX, TOOL_NAME_BYTES_MAX,
    ToolCall, ToolHost, ToolReply, ToolSpec,
};
pub use turn::{BoxFuture, InputSource, NoInput, TurnEnd, TurnEvent, TurnSink, TurnStatus};
pub use violation::Violation;
