//! Records of turns, written in groups: a turn does not wait for the disk, and many share
//! one trip to it.
//!
//! What is handed in is written in its order, a quarter of a second later or as soon as
//! somebody waits for it. When a process dies, its last turns may be missing; those that are
//! there and open are settled as lost.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use api::RunId;
use sqlx::{Any, Transaction};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::timeout,
};

use crate::{
    Closing, NewRecord, Store, StoreError,
    runs::{Opening, close_in, close_statement},
};

/// What may wait to be written. Whoever hands in more waits: nothing is dropped.
const WAITING_MAX: usize = 4096;

/// With less room than this among those that wait, nobody waits for more of them.
const ROOM_LOW: usize = WAITING_MAX / 2;

/// The most that one transaction writes: others wait while it does.
const GROUP_MAX: usize = 256;

/// How long the first of a group waits for others. A transaction for each would wake the
/// threads of the database and the disk amid turns, several times for each.
const GATHER_TIME: Duration = Duration::from_millis(250);

/// How long to wait before what failed is tried again: at first, and at most.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

const OPERATION: &str = "record turns";

/// Takes records of turns. Clones share one log. When the last is dropped, what was handed
/// in is still written, if the runtime lives on; [`TurnLog::flush`] waits for it.
#[derive(Clone, Debug)]
pub struct TurnLog {
    store: Store,
    sender: mpsc::Sender<Entry>,
    hurry: Arc<Notify>,
    stuck: Arc<Stuck>,
}

/// Why nothing can be written at the moment, if nothing can.
type Stuck = Mutex<Option<String>>;

#[derive(Debug)]
enum Entry {
    Open { record: Box<NewRecord>, at: Instant },
    Close { run_id: RunId, closing: Box<Closing>, at: Instant },
    Flush(oneshot::Sender<()>),
}

impl Store {
    /// Starts a log of turns. Must be called inside a runtime.
    #[must_use]
    pub fn batch(&self) -> TurnLog {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let (hurry, stuck) = (Arc::new(Notify::new()), Arc::new(Stuck::default()));
        let pending = Pending { receiver, hurry: Arc::clone(&hurry) };
        tokio::spawn(write_all(self.clone(), pending, Arc::clone(&stuck)));
        TurnLog { store: self.clone(), sender, hurry, stuck }
    }
}

impl TurnLog {
    /// Opens a turn's record, soon. Waits where too many wait already.
    ///
    /// # Errors
    ///
    /// [`StoreError::LogStuck`] while records cannot be written: the turn must not start.
    /// [`StoreError::TooLarge`] for parts that are too long.
    pub async fn open(&self, record: NewRecord) -> Result<(), StoreError> {
        if let Some(reason) = locked(&self.stuck).clone() {
            return Err(StoreError::LogStuck { reason });
        }
        // What can never be written is refused here, where somebody hears of it.
        let opening = Opening::running(&record, self.store.owner());
        drop(opening.statement(self.store.database())?);
        self.send(Entry::Open { record: Box::new(record), at: Instant::now() }).await
    }

    /// Closes a turn's record, soon and after it is opened. Waits where too many wait
    /// already.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for parts that are too long.
    pub async fn close(
        &self,
        run_id: impl Into<RunId>,
        closing: Closing,
    ) -> Result<(), StoreError> {
        self.send(self.closing(run_id.into(), closing)?).await
    }

    /// The same from where one cannot wait, such as when something is dropped. Hands the
    /// waiting to the runtime where there is something to wait for.
    ///
    /// # Errors
    ///
    /// Those of [`TurnLog::close`].
    pub fn close_detached(
        &self,
        run_id: impl Into<RunId>,
        closing: Closing,
    ) -> Result<(), StoreError> {
        let entry = self.closing(run_id.into(), closing)?;
        match self.sender.try_send(entry) {
            Ok(()) => Ok(()),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(StoreError::LogClosed),
            Err(mpsc::error::TrySendError::Full(entry)) => {
                let runtime = tokio::runtime::Handle::try_current();
                let runtime = runtime.map_err(|_| StoreError::LogClosed)?;
                let sender = self.sender.clone();
                runtime.spawn(async move { sender.send(entry).await });
                Ok(())
            }
        }
    }

    /// Whether nothing can be written at the moment, as far as that is known.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        locked(&self.stuck).is_some()
    }

    /// Waits until all that was handed in before is durable, however long that takes.
    ///
    /// # Errors
    ///
    /// [`StoreError::LogClosed`] if the log's task is gone with its runtime.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (done, flushed) = oneshot::channel();
        self.send(Entry::Flush(done)).await?;
        self.hurry.notify_one();
        flushed.await.map_err(|_| StoreError::LogClosed)
    }

    fn closing(&self, run_id: RunId, closing: Closing) -> Result<Entry, StoreError> {
        drop(close_statement(self.store.database(), run_id, &closing, 0)?);
        Ok(Entry::Close { run_id, closing: Box::new(closing), at: Instant::now() })
    }

    async fn send(&self, entry: Entry) -> Result<(), StoreError> {
        self.sender.send(entry).await.map_err(|_| StoreError::LogClosed)?;
        if self.sender.capacity() < ROOM_LOW {
            self.hurry.notify_one();
        }
        Ok(())
    }
}

fn locked(stuck: &Stuck) -> std::sync::MutexGuard<'_, Option<String>> {
    stuck.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What waits to be written.
struct Pending {
    receiver: mpsc::Receiver<Entry>,
    /// Somebody waits for it.
    hurry: Arc<Notify>,
}

impl Pending {
    /// Waits for the first, then for others to write with it. Nothing comes any more where
    /// the group stays empty.
    async fn gather(&mut self, group: &mut Vec<Entry>) {
        self.receiver.recv_many(group, GROUP_MAX).await;
        if group.is_empty() || group.len() == GROUP_MAX {
            return;
        }
        let _ = timeout(GATHER_TIME, self.hurry.notified()).await;
        while group.len() < GROUP_MAX
            && let Ok(entry) = self.receiver.try_recv()
        {
            group.push(entry);
        }
    }
}

async fn write_all(store: Store, mut pending: Pending, stuck: Arc<Stuck>) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    loop {
        pending.gather(&mut group).await;
        if group.is_empty() {
            break;
        }
        persist(&store, &group, &stuck).await;
        for entry in group.drain(..) {
            if let Entry::Flush(done) = entry {
                // Whoever asked may have gone.
                let _ = done.send(());
            }
        }
    }
}

/// Writes a group, again and again until it is written. What has no room together may have
/// it one by one.
async fn persist(store: &Store, group: &[Entry], stuck: &Stuck) {
    let (mut left, mut at_once, mut wait) = (group, group.len(), RETRY_FIRST);
    while !left.is_empty() {
        let (next, rest) = left.split_at(at_once.min(left.len()));
        match write(store, next).await {
            Ok(()) => left = rest,
            Err(error) if error.is_transient() => {
                tracing::error!(%error, "turns are not recorded; trying again");
                *locked(stuck) = Some(error.to_string());
                tokio::time::sleep(wait).await;
                (at_once, wait) = (1, (wait * 2).min(RETRY_MAX));
            }
            Err(_) => {
                write_one_by_one(store, next).await;
                left = rest;
            }
        }
    }
    *locked(stuck) = None;
}

/// One entry that cannot be written must not take the others with it.
async fn write_one_by_one(store: &Store, group: &[Entry]) {
    for entry in group {
        if let Err(error) = write(store, std::slice::from_ref(entry)).await {
            let run_id = entry.run_id();
            tracing::error!(%error, run_id, "a turn is not recorded");
        }
    }
}

async fn write(store: &Store, group: &[Entry]) -> Result<(), StoreError> {
    if group.iter().all(|entry| matches!(entry, Entry::Flush(_))) {
        return Ok(());
    }
    store.keeper().engage().await?;
    let failed = || StoreError::of(OPERATION);
    let mut transaction = store.database().begin().await.map_err(failed())?;
    for entry in group {
        entry.write(store, &mut transaction).await?;
    }
    transaction.commit().await.map_err(failed())
}

impl Entry {
    async fn write(
        &self,
        store: &Store,
        transaction: &mut Transaction<'static, Any>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Open { record, at } => {
                let mut opening = Opening::running(record, store.owner());
                opening.ago_ms = millis_since(*at);
                let statement = opening.statement(store.database())?;
                let inserted = statement.execute(&mut **transaction).await;
                inserted.map(drop).map_err(StoreError::of(OPERATION))
            }
            Self::Close { run_id, closing, at } => {
                let ago_ms = millis_since(*at);
                close_in(store.database(), transaction, *run_id, closing, ago_ms).await.map(drop)
            }
            Self::Flush(_) => Ok(()),
        }
    }

    fn run_id(&self) -> Option<String> {
        match self {
            Self::Open { record, .. } => Some(record.run_id.to_string()),
            Self::Close { run_id, .. } => Some(run_id.to_string()),
            Self::Flush(_) => None,
        }
    }
}

fn millis_since(at: Instant) -> i64 {
    i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX)
}
