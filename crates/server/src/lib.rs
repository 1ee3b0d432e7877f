//! The session server: the engine over HTTP, and for assistants.
//!
//! Every request passes one gate (`http`), is decoded, becomes one call into the
//! engine, and its answer is encoded. Our own words are spoken under `/v1`, those of
//! the session protocol that other systems' clients know under `/sessions`, those of the
//! Model Context Protocol under `/mcp` and over standard input and output.

#![expect(
    unused_qualifications,
    reason = "the macro that describes routes writes paths longer than they need be"
)]

mod app;
mod claim;
mod config;
mod durable;
mod health;
mod http;
pub mod keys;
mod listen;
pub mod mcp;
mod metrics;
mod openapi;
mod otari;
pub mod quota;
mod stream;
mod table;
pub mod tools;
mod trace;
mod v1;

pub use claim::ClaimError;
pub use config::{Auth, Config, OtariConfig};
pub use durable::Durable;
pub use http::{HostName, InvalidHostName};
pub use listen::{ServeError, Server};
pub use trace::{InvalidTraces, Traces};
