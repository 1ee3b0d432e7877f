//! Sessions: a sandbox with a kernel that keeps its state from turn to turn.
//!
//! One turn is under way at a time; others wait in line. Commands, programs of other
//! languages and files have nothing to wait for: they are processes of their own in
//! the same sandbox.

mod activity;
mod archive;
mod calls;
mod change;
mod command;
mod create;
mod desk;
mod edit;
mod editor;
mod error;
mod expiry;
mod file_info;
mod files;
mod live;
mod locate;
mod mime;
mod place;
mod reader;
mod registry;
mod request;
mod run;
mod runtimes;
mod settle;
mod signals;
mod store;
mod tap;
mod tools;
mod turn;
mod turning;
mod watching;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use api::{Enforcement, SessionId};
use policy::Policy;
use tokio::sync::{Mutex, Semaphore};

use activity::Activity;
pub use activity::{CloseReason, Lease};
pub use archive::{Pack, Unpacked};
pub(crate) use change::Digester;
use command::Commands;
pub use command::{Command, CommandInfo, LOG_BYTES_MAX, LogChunk};
use desk::Desk;
pub use edit::EditError;
use editor::Edits;
pub use editor::View;
pub use error::SessionError;
pub use file_info::{FileInfo, FileKind, FilePage, PageRequest};
use live::Turns;
pub use locate::LocateError;
pub(crate) use mime::of as mime_of;
pub(crate) use place::Sandboxed;
pub use reader::{FileChunks, OpenedFile};
pub(crate) use registry::Registry;
pub use request::{SessionInfo, SessionRequest, SessionRun, SessionRunResult};
pub(crate) use runtimes::Runtimes;
use signals::Signals;
pub use store::{Precondition, Written};
use tools::Registered;
pub use tools::ToolsError;
pub use turn::TurnIo;
pub use watching::{FileEvent, Watch};

use crate::{engine::Core, warm::Order};

/// The most turns that wait for the one under way.
const TURNS_WAITING_MAX: usize = 64;
/// The most programs that run beside a kernel at any one moment.
const RUNS_AT_ONCE_MAX: usize = 16;

/// A session. Clones stand for the same one.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

/// What of a session never changes.
pub(crate) struct Frame {
    pub(crate) environment: String,
    pub(crate) policy: Policy,
    /// The guest path of the kernel's Python.
    pub(crate) python: PathBuf,
    /// SHA-256 of the environment's content.
    pub(crate) digest: Option<String>,
    /// That of the policy.
    policy_digest: String,
    order: Order,
    name: Option<String>,
    /// What it begins with.
    lease: Lease,
}

struct Inner {
    id: SessionId,
    /// For what goes on without whoever asked for it.
    this: std::sync::Weak<Self>,
    core: Arc<Core>,
    sandboxed: Sandboxed,
    turns: Mutex<Turns>,
    waiting: Semaphore,
    running: Semaphore,
    signals: Signals,
    tools: Registered,
    activity: Arc<Activity>,
    edits: Mutex<Edits>,
    commands: Commands,
    desk: Desk,
    runs: AtomicU64,
    turns_done: AtomicU64,
    registry: std::sync::Weak<Registry>,
}

impl Session {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.inner.id
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.frame().name.as_deref()
    }

    /// The environment's name.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.frame().environment
    }

    /// What its sandbox may do. Limits of time and output are those of each turn.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.frame().policy
    }

    /// What is enforced; `None` while it has no sandbox.
    pub async fn enforcement(&self) -> Option<Enforcement> {
        self.inner.sandboxed.enforcement().await
    }

    /// How it is getting on.
    #[must_use]
    pub fn info(&self) -> SessionInfo {
        let inner = &self.inner;
        let (age, idle, is_busy) = inner.activity.state();
        let about = &inner.sandboxed.about;
        SessionInfo {
            turns: inner.turns_done.load(Ordering::Relaxed),
            is_busy,
            age,
            idle,
            closed: inner.activity.closed(),
            was_ready: about.was_ready,
            python: about.hello.python.clone(),
            ipython: about.hello.ipython,
            complaints: about.complaints.to_vec(),
        }
    }

    /// How long it may be unused, and how old it may get.
    #[must_use]
    pub fn lease(&self) -> Lease {
        self.inner.activity.lease()
    }

    /// Gives it another lease from now on; what is left out stays as it is. No lease
    /// goes beyond the operator's limits, counted from the session's making.
    ///
    /// # Errors
    /// The session is closed.
    pub fn renew(
        &self,
        idle_time: Option<Duration>,
        lifetime: Option<Duration>,
    ) -> Result<Lease, SessionError> {
        let _active = self.inner.begin()?;
        let limits = &self.inner.core.config.warm;
        let (age, ..) = self.inner.activity.state();
        let lease = self.lease();
        let idle_time = idle_time.unwrap_or(lease.idle_time).min(limits.idle_time_max);
        let lifetime = lifetime.map_or(lease.lifetime, |more| age.saturating_add(more));
        let lease = Lease { idle_time, lifetime: lifetime.min(limits.lifetime_max) };
        self.inner.activity.renew(lease);
        Ok(lease)
    }

    /// Interrupts the turn under way, as Ctrl-C would; its state is kept unless it does
    /// not obey. Says whether there was one.
    pub fn interrupt(&self) -> bool {
        self.inner.signals.interrupt()
    }

    /// Replaces the kernel: variables are gone, files stay. A turn under way is killed.
    ///
    /// # Errors
    /// There is no new kernel to be had.
    pub async fn restart(&self) -> Result<(), SessionError> {
        let _active = self.inner.begin()?;
        let mut turns = self.inner.first_in_line().await?;
        self.inner.replace(&mut turns).await?;
        turns.is_lost = false;
        Ok(())
    }

    /// Ends the session and everything in it.
    pub async fn close(&self) {
        self.inner.close(CloseReason::Asked).await;
    }

    fn frame(&self) -> &Frame {
        &self.inner.sandboxed.frame
    }
}

impl Inner {
    /// Notes that the session is used for as long as the guard lives.
    fn begin(&self) -> Result<activity::Active<'_>, SessionError> {
        self.activity.begin().map_err(|reason| SessionError::Closed { reason })
    }

    /// Why nothing can be had of a closed session.
    fn closed(&self) -> SessionError {
        let reason = self.activity.closed().unwrap_or(CloseReason::Asked);
        SessionError::Closed { reason }
    }

    /// Notes that it is used by something that is handed out, for as long as that lives.
    fn hold(&self) -> Result<activity::Held, SessionError> {
        self.activity.hold().map_err(|reason| SessionError::Closed { reason })
    }

    async fn close(&self, reason: CloseReason) {
        self.activity.close(reason);
        self.end().await;
    }

    /// Ends what is left of a closed session.
    async fn end(&self) {
        if let Some(registry) = self.registry.upgrade() {
            registry.remove(self.id);
        }
        self.signals.stop();
        self.commands.close();
        let mut turns = self.turns.lock().await;
        turns.live = None;
        self.sandboxed.clear().await;
    }
}
