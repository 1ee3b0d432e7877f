//! Traces: a span for each request and for each piece of work, sent to a collector.
//!
//! The protocol is OTLP in JSON over HTTP. A collector that is slow or gone costs spans,
//! never requests: what does not fit into the queue is dropped and counted.

mod config;
mod context;
mod export;
mod otlp;

use std::time::SystemTime;

use axum::http::HeaderMap;
use tokio::sync::mpsc;

pub use config::{InvalidTraces, Traces};
pub(crate) use context::SpanContext;
pub(crate) use export::Export;

/// The most spans that wait to be sent: some seconds of a busy server.
const SPANS_MAX: usize = 8192;

/// Whether a span is of a request, or of what it caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Internal,
    Server,
}

/// What is said of a span.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Text(String),
    Number(i64),
}

/// One span.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    context: SpanContext,
    parent: Option<SpanContext>,
    kind: Kind,
    name: String,
    began: SystemTime,
    ended: SystemTime,
    attributes: Vec<(&'static str, Attribute)>,
    is_error: bool,
}

/// Takes spans.
#[derive(Clone, Debug)]
pub(crate) struct Tracer {
    queue: mpsc::Sender<Span>,
}

/// A span that has begun.
#[derive(Debug)]
pub(crate) struct Open {
    queue: mpsc::Sender<Span>,
    span: Span,
}

impl Tracer {
    /// The span of a request, below the one that its client names, if any.
    pub(crate) fn request(&self, headers: &HeaderMap) -> Open {
        let parent =
            headers.get("traceparent").and_then(|value| SpanContext::read(value.as_bytes()));
        self.open(Kind::Server, parent)
    }

    /// The span of what a request caused.
    pub(crate) fn work(&self, request: Option<SpanContext>) -> Open {
        self.open(Kind::Internal, request)
    }

    fn open(&self, kind: Kind, parent: Option<SpanContext>) -> Open {
        let now = SystemTime::now();
        let span = Span {
            context: SpanContext::below(parent),
            parent,
            kind,
            name: String::new(),
            began: now,
            ended: now,
            attributes: Vec::new(),
            is_error: false,
        };
        Open { queue: self.queue.clone(), span }
    }
}

impl Open {
    pub(crate) const fn context(&self) -> SpanContext {
        self.span.context
    }

    /// Notes something of it.
    pub(crate) fn note(&mut self, key: &'static str, value: Attribute) {
        self.span.attributes.push((key, value));
    }

    /// Ends it under a name.
    pub(crate) fn end(mut self, name: String, is_error: bool) {
        if !self.span.context.is_sampled() {
            return;
        }
        (self.span.name, self.span.is_error) = (name, is_error);
        self.span.ended = SystemTime::now();
        if self.queue.try_send(self.span).is_err() {
            metrics::counter!("cellblock_spans_dropped_total").increment(1);
        }
    }
}
