//! The engine: the one path from a request to what came of it.
//!
//! Everything that runs user code goes through [`Engine::run`]. The engine knows
//! no wire format and no concrete backend. It starts no user code itself; the one
//! kind of process it does start is a package installer, for [`environment::sync`].

mod acquire;
mod admission;
mod cancel;
mod config;
mod drive;
mod engine;
pub mod environment;
mod error;
mod feed;
mod input;
mod io;
pub mod language;
mod output;
mod pipe;
mod record;
mod resolve;
mod run;
pub mod runtime;
mod session;
mod settle;
mod signaller;
mod text_file;
mod transfer;
mod warm;
mod workspace;

pub use admission::RequestError;
pub use cancel::Cancel;
pub use config::Config;
pub use engine::Engine;
pub use error::RunError;
pub use feed::{FEED_BYTES_MAX, Fed, Feed, FeedError};
pub use io::{EventSink, Input, RunIo};
pub use kernel::{
    BoxFuture, InputSource, NoInput, NoTools, TOOL_CONTENT_BYTES_MAX, ToolCall, ToolHost,
    ToolReply, ToolSpec,
};
pub use policy::{Ceiling, Limits};
pub use session::{
    CloseReason, Command, CommandInfo, EditError, FileInfo, FileKind, LOG_BYTES_MAX, Lease,
    LogChunk, Session, SessionError, SessionInfo, SessionRequest, SessionRun, SessionRunResult,
    ToolsError, TurnIo, View,
};
pub use signaller::Signaller;
pub use transfer::UploadError;
pub use warm::{TrustDomain, WarmConfig, WarmStats};
