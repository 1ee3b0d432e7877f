//! What every request is answered from.

use std::{path::Path, sync::Arc, time::Duration};

use api::ErrorCode;
use axum::http::{HeaderMap, StatusCode};
use engine::Engine;
use futures_util::future::join_all;
use project::Projects;
use record::Store;
use tokio::{
    sync::{Semaphore, watch},
    time::{sleep, timeout},
};

use crate::{
    Auth, Config, Durable,
    http::Failure,
    keys::{KeyError, Keys, Principal, RefusedCredentials},
    quota::Quotas,
    table::{Entry, Replies, Sessions, Works},
    tools::ToolCaller,
    trace::Tracer,
};

/// How often it is looked whether what is under way has ended.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// How long the last records may take to be written.
const RECORDS_TIME_MAX: Duration = Duration::from_secs(2);
/// How long what was cut off may take to be gone; longer than any sandbox takes.
const CUT_TIME_MAX: Duration = Duration::from_secs(5);

/// What every request is answered from. Clones stand for the same.
#[derive(Clone)]
pub(crate) struct App {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    engine: Arc<Engine>,
    projects: Arc<Projects>,
    store: Store,
    keys: Keys,
    quotas: Quotas,
    tools: ToolCaller,
    replies: Replies,
    sessions: Sessions,
    works: Works,
    tracer: Option<Tracer>,
    otari_places: Arc<Semaphore>,
    is_draining: watch::Sender<bool>,
}

impl App {
    pub(crate) fn new(
        config: Config,
        engine: Arc<Engine>,
        durable: &Durable,
        tracer: Option<Tracer>,
    ) -> Result<Self, KeyError> {
        let keys = Keys::watch(Path::new(&config.state_dir))?;
        let quotas = Quotas::new(config.quota.clone());
        let tools = ToolCaller::new(config.callback_hosts.clone());
        let replies = Replies::default();
        let (sessions, works) = (Sessions::default(), Works::default());
        let otari_places = Arc::new(Semaphore::new(config.otari.sessions_max));
        let is_draining = watch::Sender::new(false);
        let inner = Inner {
            config,
            engine,
            projects: Arc::clone(&durable.projects),
            store: durable.upkeep.store().clone(),
            keys,
            quotas,
            tools,
            replies,
            sessions,
            works,
            tracer,
            otari_places,
            is_draining,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.inner.engine
    }

    /// Projects and their runs.
    pub(crate) fn projects(&self) -> &Arc<Projects> {
        &self.inner.projects
    }

    /// Records of what ran.
    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Has the records be there of what was answered so far.
    pub(crate) async fn settle_records(&self) {
        if let Some(records) = self.engine().records() {
            records.settle().await;
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn quotas(&self) -> &Quotas {
        &self.inner.quotas
    }

    pub(crate) fn tools(&self) -> &ToolCaller {
        &self.inner.tools
    }

    pub(crate) fn replies(&self) -> &Replies {
        &self.inner.replies
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    pub(crate) fn works(&self) -> &Works {
        &self.inner.works
    }

    /// What takes spans, where there are traces.
    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.inner.tracer.as_ref()
    }

    /// Room for sessions of the session protocol.
    pub(crate) fn otari_places(&self) -> &Arc<Semaphore> {
        &self.inner.otari_places
    }

    /// Whether callers have to show a key now.
    pub(crate) fn needs_key(&self) -> bool {
        match self.inner.config.auth {
            Auth::Off => false,
            Auth::Required => true,
            Auth::Auto => self.inner.keys.has_any() || !self.inner.config.listen.ip().is_loopback(),
        }
    }

    /// Says who asks.
    pub(crate) fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, Failure> {
        if !self.needs_key() {
            return Ok(Principal::local());
        }
        self.inner.keys.authenticate(headers).map_err(|refused| match refused {
            RefusedCredentials::IllegalBytes => Failure::malformed(refused.to_string()),
            RefusedCredentials::NotAuthenticated => {
                let (status, code) = (StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated);
                Failure::new(status, code, refused.to_string()).hint(
                    "send the header Authorization: Bearer KEY; `cellblock key create` makes one",
                )
            }
        })
    }

    /// Whether nothing new is begun any more.
    pub(crate) fn is_draining(&self) -> bool {
        *self.inner.is_draining.borrow()
    }

    /// Waits until nothing new is begun any more.
    pub(crate) async fn drain_begun(&self) {
        // What tells it lives as long as this does.
        let _ = self.inner.is_draining.subscribe().wait_for(|is_draining| *is_draining).await;
    }

    /// Begins nothing new from now on.
    pub(crate) fn begin_drain(&self) {
        self.inner.is_draining.send_replace(true);
        self.quotas().close();
    }

    /// Waits until nothing is under way.
    pub(crate) async fn drained(&self) {
        while self.works().under_way() > 0 {
            sleep(DRAIN_LOOK).await;
        }
    }

    /// Ends what is left: work, then sessions.
    pub(crate) async fn end_all(&self) {
        self.works().cancel_all();
        let ended = timeout(CUT_TIME_MAX, async {
            self.drained().await;
            join_all(self.sessions().all().into_iter().map(|entry| self.close(entry))).await;
        });
        if ended.await.is_err() {
            // It ends with this process, for nothing in a sandbox outlives who made it.
            tracing::warn!("not all that was cut off has ended in time");
        }
    }

    /// Writes the last records, and lets go of them.
    pub(crate) async fn end_records(&self) {
        if let Some(records) = self.engine().records() {
            let flushed = timeout(RECORDS_TIME_MAX, records.flush()).await;
            if flushed.is_err() {
                tracing::error!("the last records could not be written in time");
            }
        }
        let _ = timeout(RECORDS_TIME_MAX, self.store().close()).await;
    }

    async fn close(&self, entry: Arc<Entry>) {
        self.sessions().remove(entry.session.id());
        entry.session.close().await;
    }
}
