//! The contract: what a caller may ask for and what it gets back.
//!
//! Plain data. Every adapter (command line, HTTP, MCP) decodes into these types
//! and encodes from them, so a field name here is a promise. Units stand last in
//! each name (`wall_time_ms`, `memory_bytes`). Nothing here has behaviour beyond
//! parsing and printing itself, and nothing here does I/O.

mod control;
mod display;
mod error;
mod event;
mod id;
mod limits;
mod outcome;
mod policy_spec;
mod project;
mod project_run;
mod record;
mod run;
mod signal;
mod timestamp;
mod turn;
mod usage;

pub use control::{Control, ControlReport, Enforcement, EnforcementLevel, UnknownControl};
pub use display::{DisplayData, ExceptionInfo, MimeBundle};
pub use error::{ErrorBody, ErrorCode, with_causes};
pub use event::{Event, StreamName};
pub use id::{
    CommandId, InvalidCommandId, InvalidProjectId, InvalidRunId, InvalidSessionId, InvalidSourceId,
    InvalidTurnId, ProjectId, RunId, SessionId, SourceId, TurnId,
};
pub use limits::{LimitsSpec, TimeLimit};
pub use outcome::{Outcome, Phase};
pub use policy_spec::{
    Access, NetworkSpec, PolicySpec, ProfileName, ShareSpec, StartSpec, UnknownProfile,
};
pub use project::{
    DataFile, DataSnapshot, DataSource, DataSourceKind, Project, RepositoryKind, SnapshotFile,
};
pub use project_run::{
    Comparison, MetricChange, ProjectFile, ProjectRunRequest, RunOutput, RunOutputs, RunScope,
};
pub use record::{ArtifactInfo, OutputHead, RunKind, RunRecord, RunStatus, UnknownWord};
pub use run::{
    CapturedStream, Digests, DownloadSpec, DownloadedFile, Exhibit, Program, Rescue, RunRequest,
    RunResult, Source, Upload, Workspace,
};
pub use signal::{Signal, UnknownSignal};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use turn::{
    Completion, FileChange, FileChangeKind, InputReply, InputRequest, Inspection, TurnRequest,
    TurnResult,
};
pub use usage::Usage;
