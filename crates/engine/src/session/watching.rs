//! Tells what becomes of a session's files while somebody watches.
//!
//! Whoever watches asks for the next event, and only then is looked: who is slow is
//! told of fewer steps, and nothing waits for them anywhere.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::Arc,
    time::Duration,
};

use api::FileChangeKind;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};

use super::{Inner, Session, SessionError, change::Snapshot};
use crate::{blocking::off_thread, transfer::shown};

/// The time from one look to the next: short to a person, long to a processor.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// How much longer than a look the time to the next is, at the least.
const LOOK_SHARE: u32 = 20;
/// The most events that are held; what is more is found at the next look.
const EVENTS_MAX: usize = 1000;

/// Something that became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEvent {
    /// The guest path, relative to the workspace; what cannot be seen is escaped.
    pub path: String,
    /// What became of it.
    pub change: FileChangeKind,
    /// Its size, unless it is gone.
    pub size_bytes: Option<u64>,
}

/// Looks at the files of a session. It is no use of the session.
pub struct Watch {
    inner: Arc<Inner>,
    before: Arc<Snapshot>,
    events: VecDeque<FileEvent>,
    look_at: Instant,
    _place: OwnedSemaphorePermit,
}

impl Session {
    /// Watches the files from now on.
    ///
    /// # Errors
    /// Too many do, or the session is closed.
    pub async fn watch(&self) -> Result<Watch, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.desk.watch()?;
        let first = self.inner.on_workspace(|root| Ok(Snapshot::take(root))).await;
        let first = first.map_err(|source| SessionError::file(".".as_ref(), source))?;
        Ok(Watch {
            inner: Arc::clone(&self.inner),
            before: Arc::new(first),
            events: VecDeque::new(),
            look_at: Instant::now() + LOOK_INTERVAL,
            _place: place,
        })
    }
}

impl Watch {
    /// Waits for the next event; `None` once the session is closed. Nothing is lost
    /// where the wait is given up.
    pub async fn next(&mut self) -> Option<FileEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            sleep_until(self.look_at).await;
            if self.inner.activity.closed().is_some() {
                return None;
            }
            // Without a sandbox there is nothing to see; it may be replaced just now.
            let _ = self.look().await;
        }
    }

    async fn look(&mut self) -> io::Result<()> {
        let began = Instant::now();
        let before = Arc::clone(&self.before);
        let looked = match self.inner.workspace().await {
            Ok(root) => off_thread(move || Ok(before.advance(root, EVENTS_MAX))).await,
            Err(_) => Err(ErrorKind::Unsupported.into()),
        };
        let pause = LOOK_INTERVAL.max(began.elapsed() * LOOK_SHARE);
        self.look_at = Instant::now() + pause;
        let (after, changes) = looked?;
        self.before = Arc::new(after);
        let event = |(path, change, size_bytes): (std::path::PathBuf, _, _)| FileEvent {
            path: shown(&path),
            change,
            size_bytes,
        };
        self.events.extend(changes.into_iter().map(event));
        Ok(())
    }
}
