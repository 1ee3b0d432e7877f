//! The session server: the engine over HTTP.

pub mod tools;
