//! An account's entry in the durable records.

use std::{sync::Arc, time::Duration};

use ::record::{Blobs, Closing, HEAD_BYTES_MAX, NewRecord, Store, StoreError, TurnLog};
use api::{
    CapturedStream, Digests, ErrorBody, ErrorCode, OutputHead, RunId, RunKind, RunResult,
    RunStatus, SessionId, TurnId, TurnResult,
};
use tokio::time::timeout;

use super::Kept;

/// How long whoever reads records waits for those that are not written yet.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(1);

/// Where accounts are kept.
#[derive(Clone, Debug)]
pub struct Records {
    store: Store,
    blobs: Blobs,
    turns: TurnLog,
}

impl Records {
    /// Keeps them in a store, and what runs leave among its blobs. Must be called inside a
    /// runtime.
    #[must_use]
    pub fn new(store: Store, blobs: Blobs) -> Self {
        let turns = store.batch();
        Self { store, blobs, turns }
    }

    /// Waits until what was handed in is durable.
    pub async fn flush(&self) {
        if let Err(error) = self.turns.flush().await {
            tracing::error!(%error, "the last records are not written");
        }
    }

    /// The same for whoever is about to read them. Where they cannot be written now, what
    /// is there is read: those who wait take places that turns need to end.
    pub async fn settle(&self) {
        if !self.turns.is_stuck() {
            let _ = timeout(SETTLE_TIME_MAX, self.flush()).await;
        }
    }
}

/// On whose account code runs.
#[derive(Clone, Debug)]
pub struct Asker {
    tenant: Arc<str>,
    name: Arc<str>,
    is_recorded: bool,
}

impl Asker {
    /// A tenant, and the name of the key that asks for it.
    #[must_use]
    pub fn new(tenant: &str, name: &str) -> Self {
        Self { tenant: tenant.into(), name: name.into(), is_recorded: true }
    }

    /// One who keeps the account of the run already.
    #[must_use]
    pub fn with_own_account(self) -> Self {
        Self { is_recorded: false, ..self }
    }
}

impl Default for Asker {
    /// The person whose machine it is.
    fn default() -> Self {
        Self::new("local", "local")
    }
}

/// What an account is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A run of its own.
    Run(RunId),
    /// A program in a session.
    Command(RunId, SessionId),
    /// A turn of a session.
    Turn(TurnId, SessionId),
}

impl Subject {
    fn run_id(self) -> RunId {
        match self {
            Self::Run(id) | Self::Command(id, _) => id,
            Self::Turn(id, _) => id.into(),
        }
    }

    const fn kind(self) -> RunKind {
        match self {
            Self::Run(_) => RunKind::Run,
            Self::Command(..) => RunKind::Command,
            Self::Turn(..) => RunKind::Turn,
        }
    }

    const fn session(self) -> Option<SessionId> {
        match self {
            Self::Run(_) => None,
            Self::Command(_, session) | Self::Turn(_, session) => Some(session),
        }
    }

    /// Whether its record has to be on the disk before anybody hears of it.
    const fn is_durable(self) -> bool {
        matches!(self, Self::Run(_))
    }
}

/// A record that is to be written; none where none are kept.
#[derive(Debug)]
pub(crate) struct Entry(Option<Line>);

#[derive(Debug)]
struct Line {
    records: Records,
    subject: Subject,
    asker: Asker,
    environment: Option<String>,
    is_open: bool,
}

impl Entry {
    /// The entry of a subject.
    pub(crate) fn new(
        records: Option<&Records>,
        subject: Subject,
        asker: &Asker,
        environment: Option<&str>,
    ) -> Self {
        let records = records.filter(|_| asker.is_recorded);
        Self(records.map(|records| Line {
            records: records.clone(),
            subject,
            asker: asker.clone(),
            environment: environment.map(str::to_owned),
            is_open: false,
        }))
    }

    /// One that is written nowhere.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Where files go that are to be kept with it.
    pub(crate) fn kept(&self) -> Kept {
        let blobs = self.0.as_ref().map(|line| line.records.blobs.clone());
        blobs.map(Kept::among).unwrap_or_default()
    }

    /// Opens it.
    pub(crate) async fn open(&mut self, digests: &Digests) -> Result<(), StoreError> {
        let Some(line) = &mut self.0 else { return Ok(()) };
        let record = line.record(digests);
        if line.subject.is_durable() {
            line.records.store.open_run(&record).await?;
        } else {
            line.records.turns.open(record).await?;
        }
        line.is_open = true;
        Ok(())
    }

    /// Closes it with what came of the run, and what is kept of its files.
    pub(crate) async fn close(self, result: &RunResult, kept: Kept) -> Result<(), StoreError> {
        let (artifacts, error) = kept.finish();
        let closing = Closing {
            enforcement: Some(result.enforcement.clone()),
            usage: Some(result.usage),
            stdout: head(&result.stdout),
            stderr: head(&result.stderr),
            artifacts,
            error,
            ..Closing::ended(result.outcome)
        };
        self.end(closing).await
    }

    /// Closes it with what came of a turn.
    pub(crate) async fn close_turn(self, result: &TurnResult) -> Result<(), StoreError> {
        let closing = Closing {
            usage: Some(result.usage),
            stdout: head(&result.stdout),
            stderr: head(&result.stderr),
            ..Closing::ended(result.outcome)
        };
        self.end(closing).await
    }

    /// Closes it with why there is no result.
    pub(crate) async fn fail(self, error: ErrorBody) {
        let end = self.end(Closing::failed(error)).await;
        // The first failure is what the caller hears of.
        end.unwrap_or_else(|error| tracing::error!(%error, "a record is not closed"));
    }

    async fn end(mut self, mut closing: Closing) -> Result<(), StoreError> {
        let Some(line) = &mut self.0 else { return Ok(()) };
        if !line.is_open {
            return Ok(());
        }
        let run_id = line.subject.run_id();
        line.is_open = false;
        if line.subject.is_durable() {
            let closed = line.records.store.close_run(run_id, &closing, None).await;
            let Err(error) = closed else { return Ok(()) };
            // What came of the run is told all the same, and written when that can be done.
            tracing::error!(%error, "a record is not closed yet");
            if !error.is_transient() {
                closing = closing.reduced(error.body());
            }
        }
        line.records.turns.close(run_id, closing).await
    }
}

impl Line {
    fn record(&self, digests: &Digests) -> NewRecord {
        let Self { subject, asker, .. } = self;
        NewRecord {
            session_id: subject.session(),
            code_digest: Some(digests.code.clone()),
            policy_digest: Some(digests.policy.clone()),
            environment: self.environment.clone(),
            environment_digest: digests.environment.clone(),
            ..NewRecord::new(subject.run_id(), &asker.tenant, subject.kind(), &asker.name)
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.is_open {
            return;
        }
        let message = "it was given up before its end".to_owned();
        let error = ErrorBody { code: ErrorCode::Internal, message, hint: None, retryable: true };
        let closing = Closing { error: Some(error), ..Closing::new(RunStatus::Cancelled) };
        let closed = self.records.turns.close_detached(self.subject.run_id(), closing);
        if let Err(error) = closed {
            // It stays open until this process's lease is over, and is settled as lost.
            tracing::error!(%error, "a record is not closed");
        }
    }
}

fn head(stream: &CapturedStream) -> OutputHead {
    let cut = stream.head.floor_char_boundary(HEAD_BYTES_MAX);
    OutputHead {
        head: stream.head[..cut].to_owned(),
        total_bytes: stream.total_bytes,
        sha256: None,
    }
}
