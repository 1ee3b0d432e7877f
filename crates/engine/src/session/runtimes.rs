//! What sessions of an environment see of the host, remembered for a while: finding it
//! out takes longer than everything else that a session's start does.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    Config, environment,
    runtime::{self, Runtime, RuntimeError},
};

/// After so long, another look: a toolchain may have come or gone.
const AGE_MAX: Duration = Duration::from_secs(30);
/// The most environments that are remembered.
const KEPT_MAX: usize = 64;

/// The runtimes of sessions, by environment.
#[derive(Default)]
pub(crate) struct Runtimes {
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    since: Instant,
    fingerprint: String,
    found: Found,
}

/// A runtime, and the guest path of its Python.
pub(super) type Found = Arc<(Runtime, PathBuf)>;

impl Runtimes {
    /// The runtime of an environment as it is now.
    pub(super) fn get(&self, name: &str, config: &Config) -> Result<Found, RuntimeError> {
        let fingerprint =
            |python: &PathBuf| environment::fingerprint(&config.environments, name, python);
        // Whoever panicked with it left a table that is whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(name) {
            let is_new = known.since.elapsed() < AGE_MAX;
            if is_new && fingerprint(&known.found.1) == known.fingerprint {
                return Ok(Arc::clone(&known.found));
            }
        }
        let found = Arc::new(runtime::of_kernel(name, config)?);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let since = Instant::now();
        let entry = Kept { since, fingerprint: fingerprint(&found.1), found: Arc::clone(&found) };
        kept.insert(name.to_owned(), entry);
        Ok(found)
    }
}
