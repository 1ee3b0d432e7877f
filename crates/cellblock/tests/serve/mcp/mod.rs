//! Assistants: the protocol by the byte, over standard streams and over HTTP.

mod http;
mod messages;
mod over_http;
mod over_stdio;
mod projects;
mod stdio;
mod tools;

pub(crate) use projects::are_told_as_failed;
