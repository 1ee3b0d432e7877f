//! The keys of a running server: read when the file changes, and looked up from memory.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::http::HeaderMap;
use tokio::{sync::watch, task::JoinHandle, time::MissedTickBehavior};

use super::{
    clock::Clock,
    failure::KeyError,
    file::{self, Stamp},
    place::Place,
    presented::{Presented, RefusedCredentials},
    principal::Principal,
    roll::Roll,
    store::KeyStore,
};

/// How often the file is looked at: a revoked key's streams end within a second.
const POLL: Duration = Duration::from_millis(500);

/// The keys of a running server. Clones share everything.
#[derive(Clone, Debug)]
pub struct Keys(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seen: Arc<Seen>,
    watcher: JoinHandle<()>,
}

/// What the watcher tells and everybody else reads.
#[derive(Debug)]
struct Seen {
    roll: watch::Sender<Arc<Roll>>,
    /// Whether there ever was a key.
    had_any: AtomicBool,
    clock: Clock,
}

impl Keys {
    /// Reads the keys of a state directory, which is made if it is not there, and
    /// watches them. A file that is damaged later changes nothing until it is mended.
    /// Needs a tokio runtime with time.
    ///
    /// # Errors
    /// The directory cannot be trusted, or the keys cannot be read.
    pub fn watch(directory: &Path) -> Result<Self, KeyError> {
        let place = KeyStore::open(directory)?.into_place();
        let contents = file::read(&place)?;
        let roll = Roll::of(contents.records);
        let seen = Arc::new(Seen {
            had_any: AtomicBool::new(!roll.is_empty()),
            roll: watch::Sender::new(Arc::new(roll)),
            clock: Clock::start(),
        });
        let watcher = Watcher {
            place: Arc::new(place),
            stamp: contents.stamp,
            complaint: None,
            seen: Arc::clone(&seen),
        };
        let watcher = tokio::spawn(watcher.run());
        Ok(Self(Arc::new(Inner { seen, watcher })))
    }

    /// Whether there is a key, or was one since this process began. Who revokes the
    /// last key does not mean to let everybody in.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.0.seen.had_any.load(Ordering::Relaxed)
    }

    /// Who makes a request, by the key that it shows. Always asks for one.
    ///
    /// # Errors
    /// It shows none, or one that is not good.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Principal, RefusedCredentials> {
        let Presented(key) = Presented::read(headers)?;
        let seen = &self.0.seen;
        let roll = Arc::clone(&seen.roll.borrow());
        let principal = roll.principal(&key, seen.clock.now_unix_ms());
        principal.ok_or(RefusedCredentials::NotAuthenticated)
    }

    /// Whether somebody who was let in would be let in again. One without a key is, as
    /// long as there are no keys.
    #[must_use]
    pub fn upholds(&self, principal: &Principal) -> bool {
        let seen = &self.0.seen;
        match principal.key_id {
            None => !self.has_any(),
            Some(id) => {
                let roll = Arc::clone(&seen.roll.borrow());
                roll.upholds(id, principal, seen.clock.now_unix_ms())
            }
        }
    }

    /// Returns when somebody who was let in is not let in any more: their key was
    /// revoked or has expired. What is open for them, such as a stream, ends then.
    pub async fn revoked(&self, principal: &Principal) {
        let mut changes = self.0.seen.roll.subscribe();
        while self.upholds(principal) {
            // It does not fail: the other end is ours, too.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

struct Watcher {
    place: Arc<Place>,
    stamp: Option<Stamp>,
    /// What was said last about a file that cannot be read.
    complaint: Option<String>,
    seen: Arc<Seen>,
}

impl Watcher {
    async fn run(mut self) {
        let mut ticks = tokio::time::interval(POLL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut good = self.good_count();
        loop {
            ticks.tick().await;
            let is_new = self.look().await;
            let now_good = self.good_count();
            if is_new || now_good != good {
                // Whoever waits asks again, also where keys only expired.
                self.seen.roll.send_modify(|_| {});
            }
            good = now_good;
        }
    }

    fn good_count(&self) -> usize {
        self.seen.roll.borrow().good_count(self.seen.clock.now_unix_ms())
    }

    /// Reads the file if it is another one than before; tells whether it was.
    async fn look(&mut self) -> bool {
        let (place, known) = (Arc::clone(&self.place), self.stamp);
        // A slow disk must not stop the server.
        let read = tokio::task::spawn_blocking(move || {
            if file::stamp(&place)? == known { Ok(None) } else { file::read(&place).map(Some) }
        });
        match read.await {
            Ok(Ok(None)) => self.complaint = None,
            Ok(Ok(Some(contents))) => {
                self.complaint = None;
                self.stamp = contents.stamp;
                self.take(Roll::of(contents.records));
                return true;
            }
            Ok(Err(error)) => self.complain(&error),
            // The runtime is ending.
            Err(_) => {}
        }
        false
    }

    fn take(&self, roll: Roll) {
        if !roll.is_empty() {
            self.seen.had_any.store(true, Ordering::Relaxed);
        }
        tracing::info!(keys = roll.good_count(self.seen.clock.now_unix_ms()), "keys were read");
        self.seen.roll.send_replace(Arc::new(roll));
    }

    /// Reports that the keys stay as they were, once for each reason.
    fn complain(&mut self, error: &KeyError) {
        let text = error.to_string();
        if self.complaint.as_ref() != Some(&text) {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::error!(error = text, cause, "the keys stay as they were");
            self.complaint = Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Instant};

    use axum::http::{HeaderValue, header::AUTHORIZATION};

    use super::*;
    use crate::keys::{
        CreatedKey, NewKey, TenantId,
        scratch::{Scratch, chmod, runner},
    };

    /// Long after the watcher must have seen a change.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn with(key: &CreatedKey) -> HeaderMap {
        let value = HeaderValue::from_str(&format!("Bearer {}", key.text.reveal())).unwrap();
        HeaderMap::from_iter([(AUTHORIZATION, value)])
    }

    async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn ends(waiting: impl Future<Output = ()>) {
        tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    }

    #[tokio::test]
    async fn new_keys_are_taken_and_revoked_ones_end_what_is_open() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let keys = Keys::watch(scratch.path()).unwrap();
        let local = Principal::local();
        assert!(!keys.has_any() && keys.upholds(&local));
        assert!(keys.authenticate(&HeaderMap::new()).is_err());
        let opened = keys.clone();
        let open = tokio::spawn(async move { opened.revoked(&Principal::local()).await });

        let [stays, goes] = ["a", "b"].map(|tenant| store.create(runner(tenant)).unwrap());
        until("the keys are seen", || keys.authenticate(&with(&goes)).is_ok()).await;
        open.await.unwrap();
        let principal = keys.authenticate(&with(&goes)).unwrap();
        assert_eq!((principal.tenant.as_str(), principal.key_id), ("b", Some(goes.info.id)));
        let other = keys.authenticate(&with(&stays)).unwrap();

        store.revoke(goes.info.id).unwrap();
        tokio::select! {
            () = ends(keys.revoked(&principal)) => {}
            () = keys.revoked(&other) => panic!("a key that is good was taken for revoked"),
        }
        assert!(keys.authenticate(&with(&goes)).is_err() && keys.upholds(&other));

        store.revoke(stays.info.id).unwrap();
        ends(keys.revoked(&other)).await;
        assert!(keys.has_any() && !keys.upholds(&local), "without keys everybody would get in");
    }

    #[tokio::test]
    async fn an_expiring_key_ends_what_is_open() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let lifetime = Some(Duration::from_secs(2));
        let key = store.create(NewKey { lifetime, ..runner("t") }).unwrap();
        let keys = Keys::watch(scratch.path()).unwrap();
        let principal = keys.authenticate(&with(&key)).unwrap();
        ends(keys.revoked(&principal)).await;
        assert!(keys.authenticate(&with(&key)).is_err());
    }

    #[tokio::test]
    async fn a_damaged_file_changes_nothing_until_it_is_mended() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let key = store.create(runner("t")).unwrap();
        let keys = Keys::watch(scratch.path()).unwrap();
        let file = scratch.file("keys.json");
        let good = fs::read(&file).unwrap();
        fs::write(&file, &good[..good.len() / 2]).unwrap();
        tokio::time::sleep(POLL * 3).await;
        assert!(keys.authenticate(&with(&key)).is_ok());
        chmod(&file, 0o666);
        tokio::time::sleep(POLL * 3).await;
        assert!(keys.authenticate(&with(&key)).is_ok());

        chmod(&file, 0o600);
        fs::write(&file, &good).unwrap();
        let new = store.create(runner("u")).unwrap();
        until("the mended file is read", || keys.authenticate(&with(&new)).is_ok()).await;
        fs::remove_file(&file).unwrap();
        until("no file is no keys", || keys.authenticate(&with(&key)).is_err()).await;
        assert!(keys.has_any());
    }

    #[tokio::test]
    async fn a_server_does_not_start_with_keys_that_it_cannot_read() {
        let scratch = Scratch::new();
        scratch.store();
        fs::write(scratch.file("keys.json"), "{").unwrap();
        assert!(matches!(Keys::watch(scratch.path()), Err(KeyError::Damaged { .. })));
    }

    #[tokio::test]
    async fn another_servers_key_is_nobodys_here() {
        let (here, there) = (Scratch::new(), Scratch::new());
        here.store().create(runner("t")).unwrap();
        let foreign = there.store().create(runner("t")).unwrap();
        let keys = Keys::watch(here.path()).unwrap();
        let refused = keys.authenticate(&with(&foreign));
        assert_eq!(refused, Err(RefusedCredentials::NotAuthenticated));
        let unknown = Principal {
            tenant: TenantId::local(),
            key_id: Some(foreign.info.id),
            ..Principal::local()
        };
        assert!(!keys.upholds(&unknown));
    }
}
