//! The session server: the engine over HTTP.

pub mod keys;
pub mod quota;
