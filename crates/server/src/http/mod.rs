//! What every request passes and every answer gets, whatever it is about.

mod account;
mod binary;
pub(crate) mod context;
mod extract;
mod failure;
mod guard;
mod host;
mod object;
mod once;
mod params;
mod path;
mod ready_json;

pub(crate) use binary::Binary;
pub(crate) use extract::{Json, OptionalJson, body_bytes, bytes_of, read};
pub(crate) use failure::{Failure, FailureBody};
pub(crate) use guard::{Admin, Reader, Runner, guard};
pub use host::{HostName, InvalidHostName};
pub(crate) use object::{names, object, objects};
pub(crate) use once::{OnceKey, once, once_to_the_end};
pub(crate) use params::Params;
pub(crate) use path::Path;
pub(crate) use ready_json::ReadyJson;
