//! The engine: the one path from a request to what came of it.
//!
//! Everything that runs user code goes through [`Engine::run`]. The engine knows
//! no wire format and no concrete backend. It starts no user code itself; the one
//! kind of process it does start is a package installer, for [`environment::sync`].

mod account;
mod acquire;
mod admission;
mod archive;
mod blocking;
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

mod resolve;
mod run;
pub mod runtime;
mod session;
mod settle;
mod signaller;
mod spool;
mod text_file;
mod transfer;
mod warm;
mod workspace;

pub use account::{Asker, Records};
pub use admission::RequestError;
pub use archive::{
    ArchiveBounds, ArchiveError, ArchiveFormat, EntryFault, Extracted, extract_archive,
};
pub use blocking::{give_way, in_place};
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
    CloseReason, Command, CommandInfo, EditError, FileChunks, FileEvent, FileInfo, FileKind,
    FilePage, LOG_BYTES_MAX, Lease, LocateError, LogChunk, OpenedFile, Pack, PageRequest,
    Precondition, Session, SessionError, SessionInfo, SessionRequest, SessionRun, SessionRunResult,
    ToolsError, TurnIo, Unpacked, View, Watch, Written,
};
pub use signaller::Signaller;
pub use spool::Spool;
pub use transfer::UploadError;
pub use warm::{TrustDomain, WarmConfig, WarmStats};
