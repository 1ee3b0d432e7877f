//! What a run leaves, and what it says meanwhile.

use std::{convert::Infallible, sync::Arc, time::Duration};

use api::{RunId, RunOutputs, RunRecord};
use axum::{
    Json as Encoded,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use project::Projects;
use record::{EVENTS_PER_RUN_MAX, RunEvent};
use serde::Deserialize;
use serde_json::json;
use tokio::time::sleep;
use utoipa::IntoParams;

use crate::{
    app::App,
    http::{Binary, Failure, FailureBody, Params, Path, Reader},
    quota::StreamPermit,
    stream::Form,
};

/// How often it is looked for news of a run; it may be another process that tells them.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After how many looks without news a client hears that the connection lives.
const LOOKS_PER_HEARTBEAT: u32 = 40;
/// The most events of one look.
const EVENTS_MAX: u32 = 200;

/// What a run left, by name; what is small, JSON or text, with what it says.
#[utoipa::path(get, path = "/records/{run_id}/outputs", tag = "projects",
    operation_id = "record_outputs",
    params(("run_id" = String, Path, description = "The run's id, or its beginning.")),
    responses((status = 200, description = "It is this.",
            body = std::collections::BTreeMap<String, api::RunOutput>),
        (status = "default", description = "There is no such run.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
) -> Result<Encoded<RunOutputs>, Failure> {
    let record = app.projects().get(caller.tenant.as_str(), &run_id).await?;
    Ok(Encoded(app.projects().outputs(&record).await?))
}

/// Which output is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Named {
    /// Its name; `stdout` and `stderr` are the streams.
    name: String,
}

/// One output of a run, of at most 10 MiB.
#[utoipa::path(get, path = "/records/{run_id}/outputs/content", tag = "projects",
    operation_id = "record_output",
    params(("run_id" = String, Path, description = "The run's id, or its beginning."), Named),
    responses((status = 200, description = "Its bytes.",
            content((inline(Binary) = "application/octet-stream"), (serde_json::Value = "*/*"))),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn read(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
    Params(named): Params<Named>,
) -> Result<Response, Failure> {
    let record = app.projects().get(caller.tenant.as_str(), &run_id).await?;
    let (kind, bytes) = app.projects().output(&record, &named.name).await?;
    let kind = HeaderValue::try_from(kind);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // No browser is to take what a run left for a page of this server's.
    let safe = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((safe, bytes).into_response())
}

/// From where events are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// The number of the last event that the client has; all of them if left out. Where
    /// there are not so many yet, it is the last one's.
    from: Option<u64>,
}

/// What a project's run writes, as it does so: events `stdout` and `stderr`, and
/// `run.completed` at its end.
#[utoipa::path(get, path = "/records/{run_id}/events", tag = "projects",
    operation_id = "record_events",
    params(("run_id" = String, Path, description = "The run's id, or its beginning."), From),
    responses(
        (status = 200, description = "They are these.", content((String = "text/event-stream"),
            (String = "application/x-ndjson"))),
        (status = "default", description = "There are none.", body = FailureBody)))]
pub(crate) async fn events(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(run_id): Path<String>,
    Params(from): Params<From>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let record = app.projects().get(caller.tenant.as_str(), &run_id).await?;
    let resumed = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let resumed = resumed.and_then(|text| text.parse().ok());
    let after = place(&app, &record, resumed.or(from.from).unwrap_or(0)).await?;
    let form = Form::accepted(&headers).unwrap_or(Form::Sse);
    let follower = Follower {
        projects: Arc::clone(app.projects()),
        tenant: caller.tenant.as_str().to_owned(),
        run_id: record.run_id,
        after,
        form,
        is_over: false,
        _permit: app.quotas().acquire_stream(&caller.tenant)?,
    };
    let kind = [
        (header::CONTENT_TYPE, HeaderValue::from_static(form.content_type())),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    let pieces = stream::unfold(follower, Follower::next);
    Ok((kind, Body::from_stream(pieces)).into_response())
}

/// Where a client is, who cannot have more events than there are.
async fn place(app: &App, record: &RunRecord, asked: u64) -> Result<u64, Failure> {
    // The end is one more.
    let most = EVENTS_PER_RUN_MAX + 1;
    if asked > most {
        return Err(Failure::malformed(format!("from has to be from 0 to {most}")));
    }
    let last = app.store().last_event(record.run_id).await?;
    // Those of a run that ended long ago are not kept.
    Ok(if last == 0 { asked } else { asked.min(last) })
}

struct Follower {
    projects: Arc<Projects>,
    tenant: String,
    run_id: RunId,
    after: u64,
    form: Form,
    is_over: bool,
    _permit: StreamPermit,
}

impl Follower {
    /// The next piece; `None` at the end.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.is_over {
            return None;
        }
        for _ in 0..LOOKS_PER_HEARTBEAT {
            // What was written before the end is there when the end is seen.
            let record =
                self.projects.wait(&self.tenant, self.run_id, Duration::ZERO).await.ok()?;
            let news = self.projects.events(&self.tenant, self.run_id, self.after, EVENTS_MAX);
            let news = news.await.ok()?;
            let mut text = String::new();
            for event in &news {
                self.after = event.seq;
                self.form.write(&mut text, event.seq, &event.kind, &told(event));
            }
            if news.is_empty() && record.status.is_final() {
                self.is_over = true;
                let end =
                    json!({ "seq": self.after + 1, "type": "run.completed", "record": record });
                self.form.write(&mut text, self.after + 1, "run.completed", &end.to_string());
            }
            if !text.is_empty() {
                return Some((Ok(text.into()), self));
            }
            sleep(LOOK_EVERY).await;
        }
        let heartbeat = self.form.heartbeat();
        Some((Ok(heartbeat), self))
    }
}

fn told(event: &RunEvent) -> String {
    json!({ "seq": event.seq, "type": event.kind, "text": event.data, "at": event.at }).to_string()
}
