//! The name that a session has among clients of the session protocol.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::{
    lax,
    shapes::Shapes,
    wrong::{Step, Wrong},
};
use crate::{app::App, http::Failure, keys::Principal, table::Entry};

/// How every name begins.
const PREFIX: &str = "sbx_";
/// The digits behind that.
const DIGITS: usize = 24;
/// The longest name that is looked for.
const NAME_CHARS_MAX: usize = 64;

/// What a session has that was made by the session protocol.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(super) name: String,
    /// The shapes of its answers, where the session has a choice of its own.
    pub(super) shapes: Option<Shapes>,
    /// Whether its kernel knows what it has to before the first code.
    is_prepared: AtomicBool,
    _place: OwnedSemaphorePermit,
}

impl Handle {
    pub(super) fn new(shapes: Option<Shapes>, place: OwnedSemaphorePermit) -> Self {
        Self { name: new_name(), shapes, is_prepared: AtomicBool::new(false), _place: place }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_prepared(&self) -> bool {
        self.is_prepared.load(Ordering::Acquire)
    }

    pub(super) fn set_prepared(&self, is_prepared: bool) {
        self.is_prepared.store(is_prepared, Ordering::Release);
    }
}

fn new_name() -> String {
    format!("{PREFIX}{}", digits())
}

/// Digits that nobody guesses: those of an id tell the time as well.
fn digits() -> String {
    let ids = [Uuid::now_v7().into_bytes(), Uuid::now_v7().into_bytes()].concat();
    let mut digits: String = Sha256::digest(ids).iter().map(|byte| format!("{byte:02x}")).collect();
    digits.truncate(DIGITS);
    digits
}

/// An id by which a file of a result is told from every other.
pub(super) fn new_file_id() -> String {
    format!("file_{}", digits())
}

/// An id that says which call of a tool an answer is to.
pub(super) fn new_call_id() -> String {
    format!("srvtoolu_{}", digits())
}

/// The name of a session in a request's path; there need be none of that name.
#[derive(Clone, Debug)]
pub(crate) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Wrong> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = path.map_err(|_| Failure::malformed("the path is not text"))?;
        match lax::size(&name, &(1..=NAME_CHARS_MAX)) {
            Ok(()) => Ok(Self(name)),
            Err(problem) => {
                Err(problem.below(Step::Field("session_id")).below(Step::Field("path")).into())
            }
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How much longer a session may live.
pub(super) fn life_left(session: &engine::Session) -> Duration {
    session.lease().lifetime.saturating_sub(session.info().age)
}

impl Named {
    /// The session, if it is the caller's and there still.
    pub(super) fn find(&self, app: &App, caller: &Principal) -> Result<Arc<Entry>, Wrong> {
        let entry = app.sessions().by_handle(&caller.tenant, &self.0);
        // One whose life is over takes a moment to end.
        let entry = entry.filter(|entry| !life_left(&entry.session).is_zero());
        entry.ok_or_else(|| self.gone().into())
    }

    /// There is none of this name: clients are told the name and nothing else.
    pub(super) fn gone(&self) -> Failure {
        Failure::new(StatusCode::NOT_FOUND, api::ErrorCode::NotFound, &self.0)
    }

    /// An error of the engine's; one about a session that ended meanwhile is about no
    /// more than that.
    pub(super) fn failure(&self, error: engine::SessionError) -> Failure {
        match error {
            engine::SessionError::Closed { .. } => self.gone(),
            error => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_clients_expect() {
        for (name, prefix) in [(new_name(), "sbx_"), (new_call_id(), "srvtoolu_")] {
            let digits = name.strip_prefix(prefix).unwrap();
            assert_eq!(digits.len(), DIGITS);
            assert!(digits.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{name}");
        }
        assert_ne!(new_name(), new_name());
    }
}
