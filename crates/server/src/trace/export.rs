//! Sends spans to the collector, some at a time.

use std::{error::Error, time::Duration};

use axum::body::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request,
    header::{CONTENT_TYPE, HeaderValue},
};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{SPANS_MAX, Span, Tracer, Traces, otlp};
use crate::tools::Connector;

/// The most spans of one request.
const BATCH_MAX: usize = 512;
/// How long spans are gathered.
const GATHER_TIME: Duration = Duration::from_secs(1);
/// How long a collector may take to answer.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// How long the last spans may take when the server ends.
const LAST_TIME_MAX: Duration = Duration::from_secs(2);
/// The largest answer of a collector; there is nothing to read in it.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Sends spans until it is finished.
#[derive(Debug)]
pub(crate) struct Export {
    end: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Export {
    /// Begins; must be called inside a runtime.
    pub(crate) fn begin(traces: Traces) -> (Tracer, Self) {
        let (queue, spans) = mpsc::channel(SPANS_MAX);
        let (end, ending) = oneshot::channel();
        let task = tokio::spawn(run(traces, spans, ending));
        (Tracer { queue }, Self { end, task })
    }

    /// Sends what waits, if the collector takes it in time.
    pub(crate) async fn finish(self) {
        let _ = self.end.send(());
        let _ = timeout(LAST_TIME_MAX, self.task).await;
    }
}

async fn run(traces: Traces, mut spans: mpsc::Receiver<Span>, mut ending: oneshot::Receiver<()>) {
    let client = Client::builder(TokioExecutor::new()).build(Connector::new());
    let (mut batch, mut was_heard, mut is_ending) = (Vec::new(), true, false);
    while !(is_ending && spans.is_empty()) {
        if !is_ending {
            tokio::select! {
                _ = &mut ending => is_ending = true,
                () = sleep(GATHER_TIME) => {}
            }
        }
        while !spans.is_empty() {
            spans.recv_many(&mut batch, BATCH_MAX).await;
            let sent = timeout(SEND_TIME_MAX, send(&client, &traces, &batch)).await;
            let sent = sent.unwrap_or_else(|_| Err("it did not answer in time".into()));
            match &sent {
                // Said once, not with each batch.
                Err(error) if was_heard => {
                    tracing::warn!(
                        error = error.as_ref(),
                        "the collector of traces is not to be had"
                    );
                }
                Ok(()) if !was_heard => tracing::info!("the collector of traces is back"),
                _ => {}
            }
            was_heard = sent.is_ok();
            batch.clear();
        }
    }
}

type HttpClient = Client<Connector, Full<Bytes>>;

async fn send(
    client: &HttpClient,
    traces: &Traces,
    spans: &[Span],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let body = serde_json::to_vec(&otlp::request(&traces.service_name, spans))?;
    let mut request = Request::post(traces.endpoint.clone()).body(Full::new(Bytes::from(body)))?;
    *request.headers_mut() = traces.headers.clone();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let response = client.request(request).await?;
    let status = response.status();
    // Read to its end, so that the connection can be used again.
    Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?;
    if status.is_success() { Ok(()) } else { Err(format!("it answered {status}").into()) }
}
