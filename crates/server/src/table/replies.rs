//! Answers to requests that carry an `Idempotency-Key`, so that one that is sent again
//! is answered again and not carried out again.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;

use crate::keys::TenantId;

/// The most answers that are kept.
const KEPT_MAX: usize = 10_000;
/// The most bytes of answers that are kept.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// How long one is kept.
const KEPT_TIME_MAX: Duration = Duration::from_secs(3600);

/// Which request: whose, to which path, under which key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RequestKey {
    pub(crate) tenant: TenantId,
    pub(crate) path: String,
    pub(crate) key: String,
}

/// An answer as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What is known of a request under its key.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// Nothing was: it is carried out now.
    New,
    /// It is being carried out.
    UnderWay,
    /// It was answered so.
    Answered(Reply),
    /// It was answered by a stream, or by more than is kept.
    NotKept,
    /// The key was used for another request.
    Other,
}

/// The answers.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    requests: HashMap<RequestKey, Request>,
    /// Those that were answered, the earliest first.
    answered: VecDeque<(RequestKey, Instant)>,
    bytes: usize,
}

#[derive(Debug)]
struct Request {
    digest: [u8; 32],
    state: State,
}

#[derive(Debug)]
enum State {
    UnderWay,
    Answered(Reply),
    NotKept,
}

impl Replies {
    /// What is known of a request with a body of this digest. Where nothing is, it counts
    /// as under way until it is settled.
    pub(crate) fn look(&self, key: &RequestKey, digest: [u8; 32]) -> Known {
        let mut table = self.lock();
        table.trim(Instant::now());
        let Some(request) = table.requests.get(key) else {
            let request = Request { digest, state: State::UnderWay };
            table.requests.insert(key.clone(), request);
            return Known::New;
        };
        if request.digest != digest {
            return Known::Other;
        }
        match &request.state {
            State::UnderWay => Known::UnderWay,
            State::Answered(reply) => Known::Answered(reply.clone()),
            State::NotKept => Known::NotKept,
        }
    }

    /// Keeps the answer to a request that is under way; `None` where it cannot be kept.
    pub(crate) fn settle(&self, key: &RequestKey, reply: Option<Reply>) {
        let mut table = self.lock();
        let Some(request) = table.requests.get_mut(key) else { return };
        let size = reply.as_ref().map_or(0, |reply| reply.body.len());
        request.state = reply.map_or(State::NotKept, State::Answered);
        table.bytes += size;
        table.answered.push_back((key.clone(), Instant::now()));
        table.trim(Instant::now());
    }

    /// Forgets a request that came to nothing: it may be sent again.
    pub(crate) fn forget(&self, key: &RequestKey) {
        self.lock().requests.remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Whoever panicked with it left a table that is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn trim(&mut self, now: Instant) {
        while let Some((key, answered)) = self.answered.front() {
            let is_old = now.saturating_duration_since(*answered) > KEPT_TIME_MAX;
            let are_many = self.answered.len() > KEPT_MAX || self.bytes > KEPT_BYTES_MAX;
            if !is_old && !are_many {
                return;
            }
            if let Some(Request { state: State::Answered(reply), .. }) = self.requests.remove(key) {
                self.bytes -= reply.body.len();
            }
            self.answered.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(tenant: &str, text: &str) -> RequestKey {
        RequestKey { tenant: tenant.parse().unwrap(), path: "/v1/runs".into(), key: text.into() }
    }

    fn reply(bytes: usize) -> Reply {
        let body = Bytes::from(vec![0; bytes]);
        Reply { status: StatusCode::OK, headers: HeaderMap::new(), body }
    }

    #[test]
    fn a_request_is_carried_out_once() {
        let replies = Replies::default();
        let (a, body, other) = (key("a", "k"), [1; 32], [2; 32]);
        assert!(matches!(replies.look(&a, body), Known::New));
        assert!(matches!(replies.look(&a, body), Known::UnderWay));
        assert!(matches!(replies.look(&a, other), Known::Other));
        assert!(matches!(replies.look(&key("b", "k"), other), Known::New));
        replies.forget(&a);
        assert!(matches!(replies.look(&a, body), Known::New));
        replies.settle(&a, Some(reply(3)));
        assert!(matches!(replies.look(&a, body), Known::Answered(found) if found.body.len() == 3));
        assert!(matches!(replies.look(&a, other), Known::Other));
        let b = key("b", "k");
        replies.settle(&b, None);
        assert!(matches!(replies.look(&b, other), Known::NotKept));
    }

    #[test]
    fn the_earliest_answers_are_forgotten_when_there_are_too_many_bytes() {
        let replies = Replies::default();
        for number in 0..5 {
            let key = key("a", &number.to_string());
            replies.look(&key, [0; 32]);
            replies.settle(&key, Some(reply(KEPT_BYTES_MAX / 4)));
        }
        assert!(matches!(replies.look(&key("a", "0"), [0; 32]), Known::New));
        assert!(matches!(replies.look(&key("a", "4"), [0; 32]), Known::Answered(_)));
        assert!(replies.lock().bytes <= KEPT_BYTES_MAX);
    }
}
