//! Begins work for a client, and answers in the way that it asked for: with what came
//! of it, with its events, or at once.

use std::{sync::Arc, time::Duration};

use axum::{http::HeaderMap, response::Response};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    http::{Failure, ReadyJson, context},
    keys::Principal,
    stream::{self, Form, Reading},
    table::{CancelOnDrop, Kind, Terms, Work},
    trace::{Attribute, Open},
};

/// The longest that a client may wait in one request.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// What becomes of work when its client goes away before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnDisconnect {
    /// It is taken back; a kernel keeps its state.
    #[default]
    Cancel,
    /// It goes on, and can be asked for by its id.
    Continue,
}

/// How a client wants to be answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub(crate) form: Option<Form>,
    pub(crate) on_disconnect: OnDisconnect,
}

impl Wanted {
    pub(crate) fn new(headers: &HeaderMap, on_disconnect: OnDisconnect) -> Self {
        Self { form: Form::accepted(headers), on_disconnect }
    }

    /// Whether its events will be asked for: now, or by who comes back.
    pub(crate) fn is_recorded(self) -> bool {
        self.form.is_some() || self.on_disconnect == OnDisconnect::Continue
    }

    fn guard(self, work: &Work) -> CancelOnDrop {
        let cancels = self.on_disconnect == OnDisconnect::Cancel;
        CancelOnDrop(cancels.then(|| work.cancel.clone()))
    }
}

/// Begins work; returns when it has begun.
pub(crate) async fn begin<F>(
    app: &App,
    terms: Terms,
    wanted: Wanted,
    task: impl FnOnce(Arc<Work>) -> F + Send + 'static,
) -> Result<(Arc<Work>, CancelOnDrop), Failure>
where
    F: Future<Output = Result<ReadyJson, Failure>> + Send + 'static,
{
    let permit = app.quotas().acquire_run(&terms.tenant).await?;
    let span = app.tracer().map(|tracer| tracer.work(context::span()));
    let work = app.works().start(terms, |work| async move {
        let result = task(Arc::clone(&work)).await;
        drop(permit);
        if let Some(span) = span {
            tell(span, &work, &result);
        }
        result
    });
    let guard = wanted.guard(&work);
    work.beginning().await?;
    app.works().add(&work);
    Ok((work, guard))
}

/// Answers a caller with the work's events, or waits and answers with what came of it.
pub(crate) async fn answer(
    (app, caller): (&App, &Principal),
    (work, guard): (Arc<Work>, CancelOnDrop),
    wanted: Wanted,
    whole: impl FnOnce(&Work, &ReadyJson) -> Response,
) -> Result<Response, Failure> {
    if let Some(form) = wanted.form {
        let reading = Reading::new(app, caller, &work, (form, 0), guard)?;
        return Ok(stream::body(work, reading));
    }
    let ended = work.end().await?;
    drop(guard);
    match &ended.result {
        Ok(result) => Ok(whole(&work, result)),
        Err(failure) => Err(failure.clone()),
    }
}

/// Ends the span of work, with how it ended.
fn tell(mut span: Open, work: &Work, result: &Result<ReadyJson, Failure>) {
    #[derive(Deserialize)]
    struct Told {
        outcome: String,
    }
    let name = match work.terms.kind {
        Kind::Run => "run",
        Kind::Inside(session) => {
            span.note("cellblock.session_id", Attribute::Text(session.to_string()));
            "turn"
        }
    };
    let outcome = match result {
        Ok(json) => json.read().map_or_else(|_| "-".to_owned(), |told: Told| told.outcome),
        Err(_) => "failed".to_owned(),
    };
    span.note("cellblock.outcome", Attribute::Text(outcome));
    span.note("cellblock.id", Attribute::Text(work.id().to_owned()));
    span.end(name.to_owned(), result.is_err());
}
