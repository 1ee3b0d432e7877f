//! What is counted of the server, in the words of Prometheus.

use std::time::Duration;

use axum::http::{Method, StatusCode};

/// Counts a request that was answered.
pub(crate) fn request(method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
    // A path that no route has is the client's invention, and there is no end of those.
    let route = route.unwrap_or("other").to_owned();
    let labels = [
        ("method", method_label(method).to_owned()),
        ("route", route),
        ("status", status.as_str().to_owned()),
    ];
    metrics::counter!("cellblock_http_requests_total", &labels).increment(1);
    metrics::histogram!("cellblock_http_request_duration_seconds", &labels)
        .record(took.as_secs_f64());
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
