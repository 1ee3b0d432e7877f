//! The client against real processes: the Python kernel with code that behaves and
//! code that does not, and guests that are hostile through and through.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

mod forged;
mod guest;
mod hostile;
mod requests;
mod tools;
mod turns;
