//! Events on the wire: as server-sent events, or as JSON in lines.

use std::{convert::Infallible, future::pending, pin::Pin, sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::watch, time::timeout};

use crate::{
    app::App,
    http::Failure,
    keys::Principal,
    quota::StreamPermit,
    table::{CancelOnDrop, Subscription, Work},
};

/// How long a client may hear nothing, so that it and what is between can tell a
/// quiet run from a lost connection.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How events are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `text/event-stream`.
    Sse,
    /// `application/x-ndjson`.
    Lines,
}

impl Form {
    /// What a request accepts, where that is a stream.
    pub(crate) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
        let mut kinds = accept.split(',').filter_map(|kind| kind.split(';').next()).map(str::trim);
        kinds.find_map(|kind| match kind.to_ascii_lowercase().as_str() {
            "text/event-stream" => Some(Self::Sse),
            "application/x-ndjson" | "application/ndjson" | "application/jsonl" => {
                Some(Self::Lines)
            }
            _ => None,
        })
    }

    /// The header that says so.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Lines => "application/x-ndjson",
        }
    }

    /// What tells a reader that it is still there.
    pub(crate) fn heartbeat(self) -> Bytes {
        Bytes::from_static(match self {
            Self::Sse => b": heartbeat\n\n",
            Self::Lines => b"{\"type\":\"heartbeat\"}\n",
        })
    }
}

/// Whose reading it is: from where on, in which form, and for how long.
pub(crate) struct Reading {
    form: Form,
    seq: u64,
    /// Resolves when the reader may not read on.
    until: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Ends what is read when the reader goes, if that is wanted.
    _guard: CancelOnDrop,
    _permit: StreamPermit,
    _subscription: Subscription,
}

impl Reading {
    /// A caller's reading of what comes after an event.
    ///
    /// # Errors
    /// The caller has too many streams open, or the work too many readers.
    pub(crate) fn new(
        app: &App,
        caller: &Principal,
        work: &Work,
        (form, after): (Form, u64),
        guard: CancelOnDrop,
    ) -> Result<Self, Failure> {
        let permit = app.quotas().acquire_stream(&caller.tenant)?;
        let (keys, caller) = (app.keys().clone(), caller.clone());
        // Without keys, one that is made later is no reason to break off.
        let until = async move {
            match caller.key_id {
                Some(_) => keys.revoked(&caller).await,
                None => pending().await,
            }
        };
        Ok(Self {
            form,
            seq: after,
            until: Box::pin(until),
            _guard: guard,
            _permit: permit,
            _subscription: work.subscribe()?,
        })
    }
}

struct Reader {
    work: Arc<Work>,
    changes: watch::Receiver<u64>,
    reading: Reading,
    is_over: bool,
}

impl Reader {
    /// The next piece; `None` at the end.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        loop {
            // Before the look, so that nothing comes unnoticed between.
            self.changes.borrow_and_update();
            let Reading { form, seq, until, .. } = &mut self.reading;
            let news = self.work.log()?.after(*seq);
            if let Some(last) = news.events.last() {
                *seq = last.seq;
                self.is_over = news.is_over;
                let mut text = String::new();
                for event in &news.events {
                    form.write(&mut text, event.seq, event.kind, &event.json);
                }
                return Some((Ok(text.into()), self));
            }
            if news.is_over {
                return None;
            }
            let heartbeat = form.heartbeat();
            tokio::select! {
                changed = timeout(HEARTBEAT, self.changes.changed()) => match changed {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return None,
                    Err(_) => return Some((Ok(heartbeat), self)),
                },
                () = until => return None,
            }
        }
    }
}

impl Form {
    /// Adds an event to what is sent.
    pub(crate) fn write(self, text: &mut String, seq: u64, kind: &str, json: &str) {
        use std::fmt::Write;
        // Writing to a string does not fail.
        let _ = match self {
            Self::Sse => write!(text, "id: {seq}\nevent: {kind}\ndata: {json}\n\n"),
            Self::Lines => writeln!(text, "{json}"),
        };
    }
}

/// The events of a run, up to its end.
pub(crate) fn body(work: Arc<Work>, reading: Reading) -> Response {
    let changes = work.log().map_or_else(|| watch::channel(0).1, |log| log.changes());
    let form = reading.form;
    let reader = Reader { work, changes, reading, is_over: false };
    let stream = stream::unfold(reader, Reader::next);
    let mut response = Body::from_stream(stream).into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(form.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    // Proxies that gather answers would hold back what is to be seen at once.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_what_was_asked_for() {
        let accepted = |text: &'static str| {
            let headers = [(header::ACCEPT, HeaderValue::from_static(text))];
            Form::accepted(&headers.into_iter().collect())
        };
        assert_eq!(accepted("text/event-stream"), Some(Form::Sse));
        assert_eq!(accepted("application/x-ndjson;q=1, */*"), Some(Form::Lines));
        assert_eq!(accepted("application/json"), None);
        assert_eq!(accepted("*/*"), None);
        assert_eq!(Form::accepted(&HeaderMap::new()), None);
    }

    #[test]
    fn an_event_has_its_number_for_who_comes_back() {
        let mut text = String::new();
        Form::Sse.write(&mut text, 7, "stdout", "{}");
        assert_eq!(text, "id: 7\nevent: stdout\ndata: {}\n\n");
    }
}
