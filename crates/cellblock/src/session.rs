//! A session at the command line: a prompt for a person, or cells from a pipe.
//!
//! The main thread reads what is typed and waits for what it started. The event loop
//! has a thread of its own, so that a session keeps its clocks while a person thinks.

mod answers;
mod cells;
mod desk;
mod event_loop;
mod order;
mod orders;
mod place;
mod prompt;
mod typing;
mod whole;

pub(crate) use desk::Desk;
pub(crate) use event_loop::EventLoop;
pub(crate) use order::InvalidOrder;
pub(crate) use place::Places;
