//! The Model Context Protocol: the engine for assistants, as tools and resources.
//!
//! A tool is a row of a table (`table`): its words, its schemas, which come from the
//! types that it takes and gives, and a function that makes one call into what the HTTP
//! API calls as well. The protocol itself, in both of its generations, is the official
//! SDK's; keys, quotas, bounds and the end are this server's own.

mod handler;
mod http;
mod lines;
mod patient;
mod profile;
mod progress;
mod projects;
mod refusal;
mod resources;
mod schema;
mod seats;
mod stdio;
mod table;
mod tool;
mod tools;
mod uri;

/// The largest message: a file that is written, in JSON with room for escapes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

pub(crate) use http::route;
pub use profile::{InvalidProfile, Profile};
pub use stdio::Stdio;
