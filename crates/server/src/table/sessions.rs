//! The sessions that there are, each with whose it is and what it was called.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use api::SessionId;
use engine::{CloseReason, Session};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::interval,
};

use crate::{app::App, keys::TenantId, otari::Handle, quota::SessionPermit};

/// How often sessions that have ended are looked for.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// The most sessions of which it is remembered why they ended.
const REMEMBERED_MAX: usize = 10_000;

/// One session.
pub(crate) struct Entry {
    pub(crate) session: Session,
    pub(crate) tenant: TenantId,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) created_at: SystemTime,
    /// What it has if it was made by the session protocol.
    pub(crate) otari: Option<Handle>,
    _permit: SessionPermit,
}

/// What is said of a session when it is entered.
pub(crate) struct NewEntry {
    pub(crate) tenant: TenantId,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) session: Session,
    pub(crate) permit: SessionPermit,
    pub(crate) otari: Option<Handle>,
}

type Names = HashMap<(TenantId, String), Weak<AsyncMutex<()>>>;

/// The sessions that there are.
#[derive(Default)]
pub(crate) struct Sessions {
    table: Mutex<Table>,
    /// Names under which a session is being made.
    names: Mutex<Names>,
}

#[derive(Default)]
struct Table {
    entries: BTreeMap<SessionId, Arc<Entry>>,
    /// Those made by the session protocol, by their handles.
    handles: BTreeMap<String, SessionId>,
    /// Those that ended by themselves, the earliest first.
    ended: VecDeque<(SessionId, TenantId, CloseReason)>,
}

/// What is found under an id.
pub(crate) enum Found {
    /// A session.
    Live(Arc<Entry>),
    /// One that ended by itself.
    Over(CloseReason),
}

impl Sessions {
    pub(crate) fn add(&self, new: NewEntry) -> Arc<Entry> {
        let NewEntry { tenant, labels, session, permit, otari } = new;
        let id = session.id();
        let entry = Arc::new(Entry {
            session,
            tenant,
            labels,
            created_at: SystemTime::now(),
            otari,
            _permit: permit,
        });
        let mut table = self.lock();
        if let Some(handle) = &entry.otari {
            table.handles.insert(handle.name().to_owned(), id);
        }
        table.entries.insert(id, Arc::clone(&entry));
        drop(table);
        entry
    }

    /// What there is under an id, if it is the tenant's.
    pub(crate) fn find(&self, tenant: &TenantId, id: SessionId) -> Option<Found> {
        let table = self.lock();
        if let Some(entry) = table.entries.get(&id).filter(|entry| entry.tenant == *tenant) {
            return Some(match entry.session.info().closed {
                None => Found::Live(Arc::clone(entry)),
                Some(reason) => Found::Over(reason),
            });
        }
        let ended = table.ended.iter().find(|(ended, owner, _)| *ended == id && owner == tenant)?;
        Some(Found::Over(ended.2))
    }

    /// Waits until nobody else makes a session of this name; nobody does while the guard
    /// lives.
    pub(crate) async fn hold_name(&self, tenant: &TenantId, name: &str) -> OwnedMutexGuard<()> {
        let held = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            names.retain(|_, held| held.strong_count() > 0);
            let key = (tenant.clone(), name.to_owned());
            let held = names.get(&key).and_then(Weak::upgrade).unwrap_or_default();
            names.insert(key, Arc::downgrade(&held));
            held
        };
        held.lock_owned().await
    }

    /// The session of a handle, if it is the tenant's and there still.
    pub(crate) fn by_handle(&self, tenant: &TenantId, handle: &str) -> Option<Arc<Entry>> {
        let id = *self.lock().handles.get(handle)?;
        match self.find(tenant, id)? {
            Found::Live(entry) => Some(entry),
            Found::Over(_) => None,
        }
    }

    /// The tenant's session of a name.
    pub(crate) fn named(&self, tenant: &TenantId, name: &str) -> Option<Arc<Entry>> {
        let is_it = |entry: &&Arc<Entry>| {
            entry.tenant == *tenant
                && entry.session.name() == Some(name)
                && entry.session.info().closed.is_none()
        };
        self.lock().entries.values().find(is_it).cloned()
    }

    /// The tenant's sessions after an id, the oldest first.
    pub(crate) fn of(&self, tenant: &TenantId, after: Option<SessionId>) -> Vec<Arc<Entry>> {
        let table = self.lock();
        let is_one =
            |entry: &&Arc<Entry>| entry.tenant == *tenant && entry.session.info().closed.is_none();
        let later = table.entries.iter().filter(|(id, _)| after.is_none_or(|after| **id > after));
        later.map(|(_, entry)| entry).filter(is_one).cloned().collect()
    }

    /// Forgets a session. Whoever asks for it then learns that there is none.
    pub(crate) fn remove(&self, id: SessionId) {
        let mut table = self.lock();
        let entry = table.entries.remove(&id);
        table.forget_handle(entry.as_deref());
        drop(table);
        drop(entry);
    }

    /// How many of the session protocol's are there still.
    pub(crate) fn count_handles(&self) -> usize {
        let table = self.lock();
        let entries = table.handles.values().filter_map(|id| table.entries.get(id));
        entries.filter(|entry| entry.session.info().closed.is_none()).count()
    }

    /// Every session.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.lock().entries.values().cloned().collect()
    }

    fn forget_ended(&self) {
        let mut gone = Vec::new();
        let mut table = self.lock();
        let Table { entries, handles, ended } = &mut *table;
        entries.retain(|id, entry| {
            let Some(reason) = entry.session.info().closed else { return true };
            ended.push_back((*id, entry.tenant.clone(), reason));
            if let Some(handle) = &entry.otari {
                handles.remove(handle.name());
            }
            gone.push(Arc::clone(entry));
            false
        });
        while ended.len() > REMEMBERED_MAX {
            ended.pop_front();
        }
        drop(table);
        // What a session holds is let go outside of the lock.
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Whoever panicked with it left a table that is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget_handle(&mut self, entry: Option<&Entry>) {
        if let Some(handle) = entry.and_then(|entry| entry.otari.as_ref()) {
            self.handles.remove(handle.name());
        }
    }
}

/// Looks for what has ended, again and again.
pub(crate) async fn sweep(app: App) {
    let mut ticks = interval(SWEEP_EVERY);
    loop {
        ticks.tick().await;
        app.sessions().forget_ended();
        app.works().sweep();
    }
}
