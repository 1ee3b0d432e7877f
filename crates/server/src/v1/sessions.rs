//! Sessions: made, listed, looked at, renewed, ended.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use api::{Enforcement, SessionId};
use axum::{
    Json as Encoded,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use engine::{SessionRequest, TrustDomain};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    lists::{check_labels, has_label, page, page_size, read_cursor, read_label},
    policy::WantedPolicy,
    view::{millis, moment},
};
use crate::{
    app::App,
    http::{
        Failure, FailureBody, OnceKey, OptionalJson, Params, Path, Reader, Runner, names, object,
    },
    keys::Principal,
    table::{Entry, Found, NewEntry},
};

/// The longest name of a session.
const NAME_BYTES_MAX: usize = 128;

/// A session that is wanted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NewSession {
    /// The environment's name; `bare` if left out.
    environment: Option<String>,
    /// The wanted policy; its limits of time and output are those of each turn.
    #[serde(deserialize_with = "object")]
    policy: WantedPolicy,
    /// A name, of which the tenant has one session at most.
    name: Option<String>,
    /// What the client knows it by.
    #[serde(deserialize_with = "names")]
    labels: BTreeMap<String, String>,
    /// Closed after so long without use; the operator's limit if left out.
    idle_time_ms: Option<u64>,
    /// Closed at this age; the operator's limit if left out.
    lifetime_ms: Option<u64>,
    /// Whether the session of this name will do if there is one.
    get_or_create: bool,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// Its id.
    session_id: SessionId,
    /// Its name.
    name: Option<String>,
    /// Its environment.
    environment: String,
    /// What its client knows it by.
    labels: BTreeMap<String, String>,
    /// When it was made, RFC 3339.
    #[schema(format = "date-time")]
    created_at: String,
    /// When it was last used, RFC 3339.
    #[schema(format = "date-time")]
    last_used_at: String,
    /// When it is closed if nobody uses it, RFC 3339.
    #[schema(format = "date-time")]
    expires_at: String,
    /// How long it may be unused.
    idle_time_ms: u64,
    /// How old it may get.
    lifetime_ms: u64,
    /// Turns that it had.
    turns: u64,
    /// Whether something of it is under way.
    is_busy: bool,
    /// The version of its Python.
    python: String,
    /// What is enforced.
    enforcement: Option<Enforcement>,
}

impl SessionView {
    pub(super) async fn of(entry: &Entry) -> Self {
        let session = &entry.session;
        let (info, lease) = (session.info(), session.lease());
        let now = std::time::SystemTime::now();
        let left =
            lease.idle_time.saturating_sub(info.idle).min(lease.lifetime.saturating_sub(info.age));
        Self {
            session_id: session.id(),
            name: session.name().map(str::to_owned),
            environment: session.environment().to_owned(),
            labels: entry.labels.clone(),
            created_at: moment(entry.created_at),
            last_used_at: moment(now.checked_sub(info.idle).unwrap_or(now)),
            expires_at: moment(now.checked_add(left).unwrap_or(now)),
            idle_time_ms: millis(lease.idle_time),
            lifetime_ms: millis(lease.lifetime),
            turns: info.turns,
            is_busy: info.is_busy,
            python: info.python,
            enforcement: session.enforcement().await,
        }
    }
}

/// The session of an id, if it is the caller's and there still.
pub(crate) fn find(app: &App, caller: &Principal, id: &str) -> Result<Arc<Entry>, Failure> {
    let id = id.parse::<SessionId>().map_err(|_| Failure::not_found("session"))?;
    match app.sessions().find(&caller.tenant, id) {
        Some(Found::Live(entry)) => Ok(entry),
        Some(Found::Over(reason)) => {
            let message = format!("the session is over: {reason}");
            Err(Failure::new(StatusCode::GONE, api::ErrorCode::SessionClosed, message)
                .hint("make another session"))
        }
        None => Err(Failure::not_found("session")),
    }
}

/// Makes a session.
#[utoipa::path(post, path = "/sessions", tag = "sessions",
    operation_id = "session_create", params(OnceKey),
    request_body = Option<NewSession>,
    responses(
        (status = 201, description = "It is made.", body = SessionView),
        (status = 200, description = "It was there.", body = SessionView),
        (status = "default", description = "It could not be made.", body = FailureBody)))]
pub(crate) async fn create(
    State(app): State<App>,
    Runner(caller): Runner,
    OptionalJson(new): OptionalJson<NewSession>,
) -> Result<Response, Failure> {
    check_labels(&new.labels)?;
    check_name(&new)?;
    let _held = match &new.name {
        Some(name) => Some(app.sessions().hold_name(&caller.tenant, name).await),
        None => None,
    };
    if let Some(name) = &new.name
        && let Some(entry) = app.sessions().named(&caller.tenant, name)
    {
        if new.get_or_create {
            let view = SessionView::of(&entry).await;
            return Ok((StatusCode::OK, Encoded(view)).into_response());
        }
        let message = format!("there is a session of the name {name:?} already");
        return Err(Failure::new(StatusCode::CONFLICT, api::ErrorCode::Conflict, message)
            .hint("take another name, or ask with get_or_create"));
    }
    let entry = make(&app, caller, new).await?;
    let location = format!("/v1/sessions/{}", entry.session.id());
    let headers = [(axum::http::header::LOCATION, location)];
    let view = SessionView::of(&entry).await;
    Ok((StatusCode::CREATED, headers, Encoded(view)).into_response())
}

impl NewSession {
    /// One whose turns may take so long, and that may be unused for so long.
    pub(crate) fn lasting(environment: Option<String>, turn: Duration, idle: Duration) -> Self {
        Self {
            environment,
            policy: WantedPolicy::lasting(turn),
            idle_time_ms: Some(millis(idle)),
            ..Self::default()
        }
    }
}

/// Makes a session of a caller's.
pub(crate) async fn make(
    app: &App,
    caller: Principal,
    new: NewSession,
) -> Result<Arc<Entry>, Failure> {
    let policy = new.policy.spec(app)?;
    let workspace_bytes = policy.limits.workspace_bytes;
    let workspace_bytes =
        workspace_bytes.unwrap_or(app.engine().config().ceiling.defaults.workspace_bytes);
    let most = &app.engine().config().warm;
    let permit = app.quotas().acquire_session(&caller.tenant, workspace_bytes)?;
    let request = SessionRequest {
        environment: new.environment.unwrap_or_else(|| "bare".to_owned()),
        policy,
        name: new.name,
        trust_domain: TrustDomain::new(caller.tenant.as_str()),
        idle_time: lease_time(new.idle_time_ms, ("idle_time_ms", most.idle_time_max))?,
        lifetime: lease_time(new.lifetime_ms, ("lifetime_ms", most.lifetime_max))?,
    };
    let session = app.engine().create_session(request).await?;
    Ok(app.sessions().add(NewEntry {
        tenant: caller.tenant,
        labels: new.labels,
        session,
        permit,
        otari: None,
    }))
}

/// A time that a session may be given: more than none, and no more than there is.
fn lease_time(
    asked: Option<u64>,
    (field, most): (&str, Duration),
) -> Result<Option<Duration>, Failure> {
    let Some(asked) = asked.map(Duration::from_millis) else { return Ok(None) };
    if asked.is_zero() || asked > most {
        let most = millis(most);
        return Err(Failure::unprocessable(format!("{field}: from 1 to {most}")));
    }
    Ok(Some(asked))
}

fn check_name(new: &NewSession) -> Result<(), Failure> {
    let Some(name) = &new.name else {
        let needs_name = "name: it is needed for get_or_create";
        return if new.get_or_create { Err(Failure::unprocessable(needs_name)) } else { Ok(()) };
    };
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    if fits && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Failure::unprocessable(format!(
        "name: it has from 1 to {NAME_BYTES_MAX} bytes and no control characters"
    )))
}

/// Which sessions are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// How many at most, from 1 to 1000.
    limit: Option<i64>,
    /// Where the page before ended.
    cursor: Option<String>,
    /// Those that have this label, `KEY=VALUE`.
    label: Option<String>,
    /// The one of this name.
    name: Option<String>,
}

/// Some sessions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// The oldest first.
    sessions: Vec<SessionView>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// The caller's sessions.
#[utoipa::path(get, path = "/sessions", tag = "sessions",
    operation_id = "session_list", params(Filter),
    responses((status = 200, description = "They are these.", body = SessionList),
        (status = "default", description = "They could not be listed.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Params(filter): Params<Filter>,
) -> Result<Encoded<SessionList>, Failure> {
    let size = page_size(filter.limit)?;
    let after = read_cursor(filter.cursor.as_deref())?.and_then(|id| id.parse().ok());
    let label = read_label(filter.label.as_deref())?;
    let is_wanted = |entry: &Arc<Entry>| {
        let has_name = filter.name.as_deref().is_none_or(|name| entry.session.name() == Some(name));
        has_name && has_label(&entry.labels, label.as_ref())
    };
    let entries = app.sessions().of(&caller.tenant, after);
    let entries = entries.into_iter().filter(is_wanted).collect();
    let page = page(entries, size, |entry| entry.session.id().to_string());
    let mut sessions = Vec::with_capacity(page.items.len());
    for entry in &page.items {
        sessions.push(SessionView::of(entry).await);
    }
    Ok(Encoded(SessionList { sessions, next_cursor: page.next_cursor }))
}

/// A session.
#[utoipa::path(get, path = "/sessions/{session_id}", tag = "sessions", operation_id = "session_get",
    params(("session_id" = String, Path, description = "The session.")),
    responses((status = 200, description = "It is this.", body = SessionView),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
) -> Result<Encoded<SessionView>, Failure> {
    let entry = find(&app, &caller, &session_id)?;
    Ok(Encoded(SessionView::of(&entry).await))
}

/// Ends a session, with everything in it.
#[utoipa::path(delete, path = "/sessions/{session_id}", tag = "sessions",
    operation_id = "session_delete",
    params(("session_id" = String, Path, description = "The session.")),
    responses((status = 204, description = "It is gone."),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
) -> Result<StatusCode, Failure> {
    let entry = find(&app, &caller, &session_id)?;
    app.sessions().remove(entry.session.id());
    entry.session.close().await;
    Ok(StatusCode::NO_CONTENT)
}

/// Another lease.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Renewal {
    /// How long it may be unused from now on; as before if left out.
    idle_time_ms: Option<u64>,
    /// How much longer it may live, counted from now; as before if left out.
    lifetime_ms: Option<u64>,
}

/// Gives a session another lease. Without a body, it counts as used.
#[utoipa::path(post, path = "/sessions/{session_id}/renew", tag = "sessions",
    operation_id = "session_renew",
    params(("session_id" = String, Path, description = "The session.")),
    request_body = Option<Renewal>,
    responses((status = 200, description = "It is renewed.", body = SessionView),
        (status = "default", description = "It could not be.", body = FailureBody)))]
pub(crate) async fn renew(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    OptionalJson(renewal): OptionalJson<Renewal>,
) -> Result<Encoded<SessionView>, Failure> {
    let entry = find(&app, &caller, &session_id)?;
    let most = &app.engine().config().warm;
    let idle_time = lease_time(renewal.idle_time_ms, ("idle_time_ms", most.idle_time_max))?;
    let lifetime = lease_time(renewal.lifetime_ms, ("lifetime_ms", most.lifetime_max))?;
    entry.session.renew(idle_time, lifetime)?;
    Ok(Encoded(SessionView::of(&entry).await))
}

/// Whether there was something to interrupt.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Interrupted {
    /// Whether a turn was under way.
    interrupted: bool,
}

/// Interrupts the turn under way, as Ctrl-C would. Variables are kept if it obeys.
#[utoipa::path(post, path = "/sessions/{session_id}/interrupt", tag = "sessions",
    operation_id = "session_interrupt",
    params(("session_id" = String, Path, description = "The session.")),
    responses((status = 200, description = "It was told.", body = Interrupted),
        (status = "default", description = "It could not be.", body = FailureBody)))]
pub(crate) async fn interrupt(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
) -> Result<Encoded<Interrupted>, Failure> {
    let entry = find(&app, &caller, &session_id)?;
    Ok(Encoded(Interrupted { interrupted: entry.session.interrupt() }))
}

/// Replaces the session's kernel: variables are gone, files stay.
#[utoipa::path(post, path = "/sessions/{session_id}/restart", tag = "sessions",
    operation_id = "session_restart",
    params(("session_id" = String, Path, description = "The session.")),
    responses((status = 200, description = "It has a new kernel.", body = SessionView),
        (status = "default", description = "It could not be.", body = FailureBody)))]
pub(crate) async fn restart(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
) -> Result<Encoded<SessionView>, Failure> {
    let entry = find(&app, &caller, &session_id)?;
    entry.session.restart().await?;
    Ok(Encoded(SessionView::of(&entry).await))
}
