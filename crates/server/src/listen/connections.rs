//! The connections that there are. When there is no room for another, the one that
//! has gone unused for longest makes room; who is being answered never does.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use hyper::{
    Request,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    service::Service,
};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Notify, time::timeout};
use tower::ServiceExt;

use super::linger::Unread;

/// What is said to who finds no room.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";
/// How long that may take to say.
const FULL_TIME_MAX: Duration = Duration::from_secs(1);

/// The connections that there are.
#[derive(Debug)]
pub(super) struct Connections {
    table: Mutex<Table>,
    maximum: usize,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// By when they were last used.
    lines: BTreeMap<u64, Arc<Line>>,
}

#[derive(Debug, Default)]
struct Line {
    requests: AtomicUsize,
    evict: Notify,
}

/// A connection's place among them; dropping it makes room.
pub(super) struct Place {
    connections: Arc<Connections>,
    line: Arc<Line>,
    number: Arc<Mutex<u64>>,
}

impl Connections {
    pub(super) fn new(maximum: usize) -> Self {
        Self { table: Mutex::default(), maximum: maximum.max(1) }
    }

    /// A place for another, if there is one or can be made.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let mut table = self.lock();
        if table.lines.len() >= self.maximum {
            let is_idle = |line: &Line| line.requests.load(Ordering::Acquire) == 0;
            let number = table.lines.iter().find(|(_, line)| is_idle(line)).map(|(n, _)| *n)?;
            if let Some(line) = table.lines.remove(&number) {
                line.evict.notify_one();
            }
        }
        let line = Arc::new(Line::default());
        let number = table.add(Arc::clone(&line));
        let number = Arc::new(Mutex::new(number));
        Some(Place { connections: Arc::clone(self), line, number })
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Whoever panicked with it left a table that is whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(&mut self, line: Arc<Line>) -> u64 {
        self.next += 1;
        self.lines.insert(self.next, line);
        self.next
    }
}

impl Place {
    /// Waits until somebody else needs the place.
    pub(super) async fn evicted(&self) {
        self.line.evict.notified().await;
    }

    /// The router, with a note of what is being answered.
    pub(super) fn watched(&self, router: Router, unread: Unread) -> Watched {
        Watched {
            router,
            unread,
            line: Arc::clone(&self.line),
            connections: Arc::clone(&self.connections),
            number: Arc::clone(&self.number),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = *self.number.lock().unwrap_or_else(PoisonError::into_inner);
        self.connections.lock().lines.remove(&number);
    }
}

/// The router, with a note of what is being answered.
#[derive(Clone)]
pub(super) struct Watched {
    router: Router,
    unread: Unread,
    line: Arc<Line>,
    connections: Arc<Connections>,
    number: Arc<Mutex<u64>>,
}

/// A request that is being answered, up to the last byte of its answer.
struct Answering(Watched);

impl Answering {
    fn new(watched: Watched) -> Self {
        watched.line.requests.fetch_add(1, Ordering::AcqRel);
        Self(watched)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let Watched { line, connections, number, .. } = &self.0;
        line.requests.fetch_sub(1, Ordering::AcqRel);
        // It was used just now, so it goes to the end of the line.
        let mut number = number.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = connections.lock();
        if let Some(line) = table.lines.remove(&*number) {
            *number = table.add(line);
        }
    }
}

impl Service<Request<Incoming>> for Watched {
    type Response = Response;
    type Error = Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let answering = Answering::new(self.clone());
        let request = self.unread.note(request);
        Box::pin(async move {
            let router = answering.0.router.clone();
            let mut response = router.oneshot(request.map(Body::new)).await?;
            if answering.0.unread.is_left() {
                // The connection ends with this answer: who is not told uses it again.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            // The body keeps the note: a stream is being answered until it ends.
            Ok(response.map(|body| {
                let mut kept = Some(answering);
                let body = http_body_util::BodyExt::map_frame(body, move |frame| {
                    let _ = &mut kept;
                    frame
                });
                Body::new(body)
            }))
        })
    }
}

/// Tells a client that there is no room.
pub(super) async fn turn_away(mut stream: TcpStream) {
    // It may not listen; that is no concern of ours.
    let _ = timeout(FULL_TIME_MAX, async {
        stream.write_all(FULL).await?;
        stream.shutdown().await
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_connection_makes_room_and_a_used_one_does_not() {
        let connections = Arc::new(Connections::new(2));
        let first = connections.enter().unwrap();
        let second = connections.enter().unwrap();
        let answering = Answering::new(first.watched(Router::new(), Unread::default()));
        let third = connections.enter().unwrap();
        let again = Answering::new(third.watched(Router::new(), Unread::default()));
        assert!(connections.enter().is_none());
        assert_eq!(connections.lock().lines.len(), 2);
        drop((second, again));
        assert_eq!(connections.lock().lines.len(), 2);
        drop(answering);
        let fourth = connections.enter().unwrap();
        drop((first, third, fourth));
        assert!(connections.lock().lines.is_empty());
    }
}
