//! Sessions by their handles: made, looked at, ended.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use api::{LimitsSpec, PolicySpec};
use axum::{
    Json as Encoded,
    extract::{Request, State},
    http::StatusCode,
};
use engine::{Limits, SessionError, SessionRequest, TrustDomain};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    body::{BODY, json_body},
    handle::{Handle, Named},
    lax::{Fields, within},
    shapes::Shapes,
    wrong::{Detail, Wrong},
};
use crate::{
    app::App,
    config::OtariConfig,
    http::{Failure, Reader, Runner},
    keys::Principal,
    quota::QuotaOwner,
    table::{Entry, NewEntry},
};

/// Where programs find the workspace's path.
const WORKSPACE_VAR: (&str, &str) = ("SANDBOX_WORKSPACE", "/workspace");
/// How long a client that found no room is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A session that is wanted. Other fields are ignored.
#[derive(Debug, Default, ToSchema)]
pub(crate) struct Hints {
    /// How long it may be unused.
    #[schema(minimum = 1)]
    idle_timeout_seconds: Option<i64>,
    /// How old it may get.
    #[schema(minimum = 1)]
    max_lifetime_seconds: Option<i64>,
    /// The version of the vendor's own shapes in which results are told; otari's if
    /// left out.
    #[schema(value_type = Option<String>)]
    block_shapes: Option<Shapes>,
}

impl Hints {
    fn read(body: &Value, config: &OtariConfig) -> Result<Self, Wrong> {
        let mut fields = Fields::of(body, BODY)?;
        let most = i64::try_from(config.lifetime.as_secs()).unwrap_or(i64::MAX);
        let hints = Self {
            idle_timeout_seconds: fields.nullable("idle_timeout_seconds", &within(1..=most)),
            max_lifetime_seconds: fields.nullable("max_lifetime_seconds", &within(1..=most)),
            block_shapes: fields.nullable("block_shapes", &Shapes::read),
        };
        if fields.problems.is_empty() { Ok(hints) } else { Err(Wrong::Fields(fields.problems)) }
    }
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OtariSession)]
pub(crate) struct SessionView {
    /// Its handle.
    session_id: String,
    /// When it was made, in seconds of the epoch.
    created_at: f64,
    /// When it was last used.
    last_activity_at: f64,
    /// How long it may be unused.
    idle_timeout_seconds: u64,
    /// How old it may get.
    max_lifetime_seconds: u64,
}

impl SessionView {
    fn of(entry: &Entry, handle: &str) -> Self {
        let (info, lease) = (entry.session.info(), entry.session.lease());
        let last = entry.created_at + info.age.saturating_sub(info.idle);
        Self {
            session_id: handle.to_owned(),
            created_at: seconds(entry.created_at),
            last_activity_at: seconds(last),
            idle_timeout_seconds: lease.idle_time.as_secs(),
            max_lifetime_seconds: lease.lifetime.as_secs(),
        }
    }
}

/// A moment in seconds of the epoch.
pub(super) fn seconds(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Makes a session.
#[utoipa::path(post, path = "/sessions", tag = "otari", operation_id = "otari_create",
    request_body = Option<Hints>,
    responses(
        (status = 201, description = "It is made.", body = SessionView),
        (status = "default", description = "It could not be made.", body = Detail)))]
pub(crate) async fn create(
    State(app): State<App>,
    Runner(caller): Runner,
    request: Request,
) -> Result<(StatusCode, Encoded<SessionView>), Wrong> {
    let body = json_body(request).await?.filter(|body| !body.is_null());
    let hints = match &body {
        Some(body) => Hints::read(body, &app.config().otari)?,
        None => Hints::default(),
    };
    let (entry, handle) = make(&app, caller, &hints).await?;
    Ok((StatusCode::CREATED, Encoded(SessionView::of(&entry, &handle))))
}

async fn make(app: &App, caller: Principal, hints: &Hints) -> Result<(Arc<Entry>, String), Wrong> {
    let config = &app.config().otari;
    let place = Arc::clone(app.otari_places()).try_acquire_owned();
    let place = place.map_err(|_| full(config.sessions_max))?;
    let ceiling = &app.engine().config().ceiling;
    let permit = app.quotas().acquire_session(&caller.tenant, ceiling.defaults.workspace_bytes);
    let permit = permit.map_err(|error| match error.owner {
        QuotaOwner::Server => full(app.config().sessions_max),
        QuotaOwner::Tenant => error.into(),
    })?;
    let time = |asked: Option<i64>, usual: Duration| {
        asked.and_then(|seconds| u64::try_from(seconds).ok()).map_or(usual, Duration::from_secs)
    };
    let request = SessionRequest {
        environment: config.environment.clone(),
        policy: PolicySpec {
            limits: limits(config, &ceiling.maximum),
            env_vars: [WORKSPACE_VAR].map(|(name, value)| (name.into(), value.into())).into(),
            allow_missing: app.config().allow_missing.clone(),
            ..PolicySpec::default()
        },
        name: None,
        trust_domain: TrustDomain::new(caller.tenant.as_str()),
        idle_time: Some(time(hints.idle_timeout_seconds, config.idle_time)),
        lifetime: Some(time(hints.max_lifetime_seconds, config.lifetime)),
    };
    let session = app.engine().create_session(request).await.map_err(|error| match error {
        SessionError::TooMany { maximum } => full(maximum),
        error => error.into(),
    })?;
    let handle = Handle::new(hints.block_shapes, place);
    let name = handle.name().to_owned();
    let (tenant, labels) = (caller.tenant, std::collections::BTreeMap::new());
    let new = NewEntry { tenant, labels, session, permit, otari: Some(handle) };
    Ok((app.sessions().add(new), name))
}

/// What each session may take. Clients cannot ask for less, so that what is beyond the
/// server's own limits is lowered to them and not refused.
fn limits(config: &OtariConfig, most: &Limits) -> LimitsSpec {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    // Half of it is the beginning of a stream, which is the part that is told.
    let output_bytes = config.output_bytes.saturating_mul(2);
    LimitsSpec {
        wall_time_ms: Some(millis(OtariConfig::WALL_TIME_MAX.min(most.wall_time))),
        cpu_time_ms: Some(millis(config.cpu_time.min(most.cpu_time.unwrap_or(Duration::MAX)))),
        memory_bytes: Some(config.memory_bytes.min(most.memory_bytes)),
        open_files: Some(config.open_files.min(most.open_files)),
        file_size_bytes: Some(config.file_size_bytes.min(most.file_size_bytes)),
        output_bytes: Some(output_bytes.min(most.output_bytes.unwrap_or(u64::MAX))),
        ..LimitsSpec::default()
    }
}

fn full(most: usize) -> Failure {
    let sentence = format!("sandbox holds {most} sessions (max={most})");
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, api::ErrorCode::Busy, sentence).retry(RETRY_AFTER)
}

/// A session. To look at it is no use of it.
#[utoipa::path(get, path = "/sessions/{session_id}", tag = "otari", operation_id = "otari_get",
    params(("session_id" = String, Path, description = "The session.", max_length = 64)),
    responses((status = 200, description = "It is this.", body = SessionView),
        (status = "default", description = "There is none.", body = Detail)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    named: Named,
) -> Result<Encoded<SessionView>, Wrong> {
    let entry = named.find(&app, &caller)?;
    Ok(Encoded(SessionView::of(&entry, &named.0)))
}

/// Ends a session, if there is one.
#[utoipa::path(delete, path = "/sessions/{session_id}", tag = "otari",
    operation_id = "otari_delete",
    params(("session_id" = String, Path, description = "The session.", max_length = 64)),
    responses((status = 204, description = "It is gone."),
        (status = "default", description = "That could not be asked.", body = Detail)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Runner(caller): Runner,
    named: Named,
) -> Result<StatusCode, Wrong> {
    if let Some(entry) = app.sessions().by_handle(&caller.tenant, &named.0) {
        app.sessions().remove(entry.session.id());
        entry.session.close().await;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_lowered_and_never_refused() {
        let config = OtariConfig { output_bytes: u64::MAX, ..OtariConfig::default() };
        let most = Limits { memory_bytes: 1 << 20, output_bytes: Some(7), ..Limits::default() };
        let limits = limits(&config, &most);
        assert_eq!((limits.memory_bytes, limits.output_bytes), (Some(1 << 20), Some(7)));
        assert_eq!(limits.cpu_time_ms, Some(120_000));
        assert_eq!(limits.wall_time_ms, Some(30_000));
    }
}
