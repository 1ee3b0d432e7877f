//! What is counted of the server, in the words of Prometheus.

use std::{sync::OnceLock, time::Duration};

use axum::{
    extract::State,
    http::{Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::{app::App, http::Admin};

/// Upper bounds of the classes of durations, in seconds: from a turn to a long run.
const BOUNDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0];

/// Where everything is counted. The recorder is the process's, so there is one.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Begins to count; a second call changes nothing.
pub(crate) fn begin() {
    if HANDLE.get().is_some() {
        return;
    }
    let durations = Matcher::Suffix("_seconds".to_owned());
    let Ok(builder) = PrometheusBuilder::new().set_buckets_for_metric(durations, &BOUNDS) else {
        return;
    };
    // It fails where somebody else counts, and then that is what is wanted.
    if let Ok(handle) = builder.install_recorder() {
        let _ = HANDLE.set(handle);
    }
}

/// Everything that is counted, as Prometheus reads it.
pub(crate) async fn page(State(app): State<App>, Admin(caller): Admin) -> Response {
    tracing::debug!(tenant = %caller.tenant, "metrics are read");
    gauges(&app);
    let text = HANDLE.get().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// What is there now, looked up when somebody asks.
fn gauges(app: &App) {
    let (warm, total) = (app.engine().warm_stats(), app.quotas().total());
    let set = |name: &'static str, value: u64| {
        // Counts of this size are whole in a float.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!(name).set(value as f64);
    };
    set("cellblock_sessions", warm.sessions as u64);
    set("cellblock_runs", total.runs);
    set("cellblock_runs_waiting", total.waiting);
    set("cellblock_streams", total.streams);
    set("cellblock_pool_ready", warm.ready as u64);
    set("cellblock_zygotes", warm.zygotes as u64);
    metrics::counter!("cellblock_pool_hits_total").absolute(warm.hits);
    metrics::counter!("cellblock_pool_misses_total").absolute(warm.misses);
    metrics::counter!("cellblock_pool_filled_total").absolute(warm.filled);
    metrics::counter!("cellblock_pool_discarded_total").absolute(warm.discarded);
    metrics::counter!("cellblock_forks_total").absolute(warm.forks);
}

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

/// A method's name, if it is one that is known.
pub(crate) fn method_label(method: &Method) -> &'static str {
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
