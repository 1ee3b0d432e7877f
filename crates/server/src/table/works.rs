//! What is or was under way: one-shot runs, and turns and commands of sessions.
//!
//! Each goes on by itself; whoever asked for it waits beside it, reads its events, or
//! comes back later. What has ended is kept for a while, within bounds.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use api::SessionId;
use axum::http::StatusCode;
use engine::{Asker, Cancel};
use tokio::sync::watch;

use crate::{
    http::{Failure, ReadyJson},
    keys::{Principal, TenantId},
    stream::EventLog,
};

/// The most that are kept after their end.
const ENDED_MAX: usize = 10_000;
/// The most bytes of results, events and labels that are kept after their end.
const ENDED_BYTES_MAX: usize = 256 << 20;
/// How long one is kept after its end.
const ENDED_TIME_MAX: Duration = Duration::from_secs(3600);
/// What one takes in the table beside that, and each of its labels.
const WORK_BYTES: usize = 1024;
const LABEL_BYTES: usize = 64;
/// The most readers of one run's events.
const SUBSCRIPTIONS_MAX: usize = 32;

/// What kind of work it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A one-shot run.
    Run,
    /// A turn or a command of a session.
    Inside(SessionId),
}

/// What is said of work when it begins.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) kind: Kind,
    pub(crate) tenant: TenantId,
    /// On whose account it goes.
    pub(crate) asker: Asker,
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether somebody will read its events.
    pub(crate) has_log: bool,
    /// Whether it can be asked for by its id.
    pub(crate) is_kept: bool,
}

impl Terms {
    /// Those of a turn or a command that can be asked for by its id.
    pub(crate) fn kept(session: SessionId, caller: &Principal) -> Self {
        Self { is_kept: true, ..Self::inside(session, caller, false) }
    }

    /// Those of a turn or a command, whose events and result are kept where somebody
    /// will ask for them.
    pub(crate) fn inside(session: SessionId, caller: &Principal, is_recorded: bool) -> Self {
        Self {
            kind: Kind::Inside(session),
            tenant: caller.tenant.clone(),
            asker: caller.asker(),
            labels: BTreeMap::new(),
            has_log: is_recorded,
            is_kept: is_recorded,
        }
    }
}

/// How work ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) at: SystemTime,
    /// The result in JSON, or why there is none.
    pub(crate) result: Result<ReadyJson, Failure>,
}

/// One piece of work.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) terms: Terms,
    pub(crate) started_at: SystemTime,
    pub(crate) cancel: Cancel,
    id: OnceLock<String>,
    begun: watch::Sender<bool>,
    ended: watch::Sender<Option<Arc<Ended>>>,
    log: Option<EventLog>,
    subscriptions: Arc<AtomicUsize>,
}

/// A reader of a run's events; dropping it makes room for another.
#[derive(Debug)]
pub(crate) struct Subscription(Arc<AtomicUsize>);

impl Drop for Subscription {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Takes work back when its client goes away.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(pub(crate) Option<Cancel>);

impl CancelOnDrop {
    /// The client does not wait any more, and the work goes on.
    pub(crate) fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(cancel) = &self.0 {
            cancel.cancel();
        }
    }
}

impl Work {
    fn new(terms: Terms) -> Self {
        let log = terms.has_log.then(EventLog::default);
        Self {
            terms,
            started_at: SystemTime::now(),
            cancel: Cancel::new(),
            id: OnceLock::new(),
            begun: watch::Sender::new(false),
            ended: watch::Sender::new(None),
            log,
            subscriptions: Arc::default(),
        }
    }

    /// Its id; empty before it has begun.
    pub(crate) fn id(&self) -> &str {
        self.id.get().map_or("", String::as_str)
    }

    /// The session that it is in, if it is in one.
    pub(crate) fn session(&self) -> Option<SessionId> {
        match self.terms.kind {
            Kind::Inside(session) => Some(session),
            Kind::Run => None,
        }
    }

    pub(crate) fn log(&self) -> Option<&EventLog> {
        self.log.as_ref()
    }

    /// What it takes to keep it, without its result.
    fn bytes(&self) -> usize {
        let labels = self.terms.labels.iter();
        let labels = labels.map(|(key, value)| key.len() + value.len() + LABEL_BYTES);
        let events = self.log().map_or(0, EventLog::bytes);
        WORK_BYTES + labels.sum::<usize>() + events
    }

    /// Notes that it has begun, and under which id.
    pub(crate) fn started(&self, id: String) {
        // The second and later steps of a run begin under the same id.
        let _ = self.id.set(id);
        self.begun.send_replace(true);
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&self) -> Option<Arc<Ended>> {
        self.ended.borrow().clone()
    }

    /// Waits for its end.
    pub(crate) async fn end(&self) -> Result<Arc<Ended>, Failure> {
        let mut ended = self.ended.subscribe();
        let found = ended.wait_for(Option::is_some).await;
        found.ok().and_then(|ended| ended.clone()).ok_or_else(Failure::internal)
    }

    /// Waits until it has begun, or has failed to.
    pub(crate) async fn beginning(&self) -> Result<(), Failure> {
        let mut begun = self.begun.subscribe();
        tokio::select! {
            biased;
            _ = begun.wait_for(|begun| *begun) => Ok(()),
            ended = self.end() => match &ended?.result {
                Err(failure) => Err(failure.clone()),
                Ok(_) => Ok(()),
            },
        }
    }

    /// A place among the readers of its events.
    pub(crate) fn subscribe(&self) -> Result<Subscription, Failure> {
        let readers = self.subscriptions.fetch_add(1, Ordering::AcqRel);
        let subscription = Subscription(Arc::clone(&self.subscriptions));
        if readers < SUBSCRIPTIONS_MAX {
            return Ok(subscription);
        }
        let message = format!("{SUBSCRIPTIONS_MAX} read its events already, which is the most");
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, api::ErrorCode::QuotaExceeded);
        Err(Failure::new(status, code, message).retry(Duration::from_secs(1)))
    }

    fn finish(&self, result: Result<ReadyJson, Failure>) {
        if let Some(log) = &self.log {
            match &result {
                Ok(result) => {
                    let kind = match self.terms.kind {
                        Kind::Run => "run.completed",
                        Kind::Inside(_) => "turn.completed",
                    };
                    log.push(kind, serde_json::json!({ "result": result }));
                }
                Err(failure) => log.push("error", serde_json::json!({ "error": failure.body })),
            }
            log.end();
        }
        self.ended.send_replace(Some(Arc::new(Ended { at: SystemTime::now(), result })));
    }
}

/// Everything that is or was under way and can be asked for.
#[derive(Debug, Default)]
pub(crate) struct Works {
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    works: BTreeMap<String, Arc<Work>>,
    /// What has ended, the earliest first, with its size.
    ended: VecDeque<(String, Instant, usize)>,
    bytes: usize,
    /// What has not ended, whether it can be asked for or not.
    under_way: BTreeMap<u64, Cancel>,
    next: u64,
}

impl Works {
    /// Starts work, on a task of its own. The task is given the work, and says how it
    /// ended.
    pub(crate) fn start<F>(
        &self,
        terms: Terms,
        task: impl FnOnce(Arc<Work>) -> F + Send + 'static,
    ) -> Arc<Work>
    where
        F: Future<Output = Result<ReadyJson, Failure>> + Send + 'static,
    {
        let work = Arc::new(Work::new(terms));
        let (table, kept) = (Arc::clone(&self.table), Arc::clone(&work));
        let number = lock(&table).note_start(work.cancel.clone());
        tokio::spawn(async move {
            let inner = Arc::clone(&kept);
            // On a task of its own, so that a panic there is known here.
            let result = tokio::spawn(async move { task(inner).await }).await;
            let result = result.unwrap_or_else(|_| Err(Failure::internal()));
            let size = result.as_ref().map_or(0, ReadyJson::len);
            kept.finish(result);
            let size = size + kept.bytes();
            lock(&table).note_end(number, &kept, size);
        });
        work
    }

    /// Makes work that has begun known by its id.
    pub(crate) fn add(&self, work: &Arc<Work>) {
        if work.terms.is_kept && !work.id().is_empty() {
            let mut table = lock(&self.table);
            table.works.entry(work.id().to_owned()).or_insert_with(|| Arc::clone(work));
        }
    }

    /// The work of an id, if it is the tenant's.
    pub(crate) fn find(&self, tenant: &TenantId, id: &str) -> Option<Arc<Work>> {
        let table = lock(&self.table);
        table.works.get(id).filter(|work| work.terms.tenant == *tenant).cloned()
    }

    /// The tenant's one-shot runs before an id, the latest first.
    pub(crate) fn runs(&self, tenant: &TenantId, before: Option<&str>) -> Vec<Arc<Work>> {
        let table = lock(&self.table);
        let end = before.map_or(Bound::Unbounded, Bound::Excluded);
        let range = table.works.range::<str, _>((Bound::Unbounded, end));
        let is_one =
            |work: &&Arc<Work>| work.terms.kind == Kind::Run && work.terms.tenant == *tenant;
        range.rev().map(|(_, work)| work).filter(is_one).cloned().collect()
    }

    /// How many are under way.
    pub(crate) fn under_way(&self) -> usize {
        lock(&self.table).under_way.len()
    }

    /// Takes everything back that is under way.
    pub(crate) fn cancel_all(&self) {
        for cancel in lock(&self.table).under_way.values() {
            cancel.cancel();
        }
    }

    /// Forgets what has been kept for long enough.
    pub(crate) fn sweep(&self) {
        lock(&self.table).trim(Instant::now());
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    // Whoever panicked with it left a table that is whole.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    fn note_start(&mut self, cancel: Cancel) -> u64 {
        self.next += 1;
        self.under_way.insert(self.next, cancel);
        self.next
    }

    fn note_end(&mut self, number: u64, work: &Arc<Work>, size: usize) {
        self.under_way.remove(&number);
        let id = work.id();
        if id.is_empty() || !work.terms.is_kept {
            return;
        }
        self.works.entry(id.to_owned()).or_insert_with(|| Arc::clone(work));
        self.ended.push_back((id.to_owned(), Instant::now(), size));
        self.bytes += size;
        self.trim(Instant::now());
    }

    fn trim(&mut self, now: Instant) {
        while let Some((id, ended, size)) = self.ended.front() {
            let is_old = now.saturating_duration_since(*ended) > ENDED_TIME_MAX;
            let are_many = self.ended.len() > ENDED_MAX || self.bytes > ENDED_BYTES_MAX;
            if !is_old && !are_many {
                return;
            }
            self.bytes -= size;
            self.works.remove(id);
            self.ended.pop_front();
        }
    }
}
