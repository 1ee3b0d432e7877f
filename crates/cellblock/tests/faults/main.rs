//! What goes wrong while a sandbox is made, made to go wrong: system calls that
//! fail, processes that are killed, hosts that lack things. The program inside
//! must never run less confined than it would have, and nothing may be left.
//!
//! `CELLBLOCK_FAULTS=full` tries every call at every place with every error.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done is a failure")]
#![expect(clippy::print_stdout, reason = "what was measured, and what stands aside, is said")]

mod calls;
mod ends;
mod gate;
mod hosts;
mod injections;
mod judge;
mod scene;
mod traced;
