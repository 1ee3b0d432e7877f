//! The session server: the engine over HTTP.
