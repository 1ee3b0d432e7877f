//! The server as its operator sees it: what it logs, how it ends, and what is there
//! after it was killed. Real servers, real sandboxes, real HTTP.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done is a failure")]

mod crash;
mod creations;
mod document;
mod drain;
mod fixture;
mod illegal;
mod kept;
mod log;
mod mcp;
mod queue;
mod refusals;
mod repository;
mod tenants;
mod traces;
mod workers;
