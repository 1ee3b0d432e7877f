//! What is told of each request to whoever operates the server: counts, a line in the
//! log, a span. All of it in words of ours: neither path, query, headers nor body, for
//! those are the client's and may hold secrets or code.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
    response::Response,
};

use crate::{
    app::App,
    keys::TenantId,
    metrics,
    trace::{Attribute, Open, SpanContext},
};

/// A request that is being answered.
pub(super) struct Account {
    id: String,
    method: Method,
    route: Option<String>,
    began: Instant,
    span: Option<Open>,
}

impl Account {
    pub(super) fn begin(app: &App, request: &Request, id: &str) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        Self {
            id: id.to_owned(),
            method: request.method().clone(),
            route: route.map(|path| path.as_str().to_owned()),
            began: Instant::now(),
            span: app.tracer().map(|tracer| tracer.request(request.headers())),
        }
    }

    /// Its span, for what it causes.
    pub(super) fn span(&self) -> Option<SpanContext> {
        self.span.as_ref().map(Open::context)
    }

    /// Tells of its answer; what is streamed goes on after that.
    pub(super) fn end(self, response: &Response) {
        let (status, took) = (response.status(), self.began.elapsed());
        metrics::request(&self.method, self.route.as_deref(), status, took);
        let tenant = response.extensions().get::<TenantId>().map_or("-", TenantId::as_str);
        let route = self.route.as_deref().unwrap_or("-");
        let method = metrics::method_label(&self.method);
        // Whole, so that no digits of noise are printed.
        let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let (request_id, status) = (self.id.as_str(), status.as_u16());
        let trace_id = self.span.as_ref().map(|span| span.context().trace_id());
        let trace_id = trace_id.as_deref();
        tracing::info!(request_id, method, route, status, duration_us, tenant, trace_id, "request");
        if let Some(mut span) = self.span {
            let text = |text: &str| Attribute::Text(text.to_owned());
            span.note("http.request.method", text(method));
            span.note("http.route", text(route));
            span.note("http.response.status_code", Attribute::Number(status.into()));
            span.note("cellblock.tenant", text(tenant));
            span.note("cellblock.request_id", text(request_id));
            span.end(format!("{method} {route}"), status >= 500);
        }
    }
}
