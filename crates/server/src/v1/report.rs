//! What this server has: environments, languages, limits, and what its host enforces.

use std::{collections::BTreeMap, time::Duration};

use api::EnforcementLevel;
use axum::{Json as Encoded, extract::State};
use engine::{
    environment,
    language::{self, LANGUAGES, Search},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::view::millis;
use crate::{
    app::App,
    http::{Failure, FailureBody, Reader},
    quota::TenantQuota,
};

/// An environment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentView {
    /// Its name.
    name: String,
}

/// Every environment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EnvironmentList {
    /// By name; `bare` is the host's own Python.
    environments: Vec<EnvironmentView>,
}

/// The environments.
#[utoipa::path(get, path = "/environments", tag = "server",
    responses((status = 200, description = "They are these.", body = EnvironmentList),
        (status = "default", description = "They could not be listed.", body = FailureBody)))]
pub(crate) async fn environments(
    State(app): State<App>,
    _: Reader,
) -> Result<Encoded<EnvironmentList>, Failure> {
    let listing = environment::list(&app.engine().config().environments).map_err(|error| {
        tracing::error!(%error, "the environments cannot be listed");
        Failure::internal()
    })?;
    let named =
        listing.environments.iter().map(|found| EnvironmentView { name: found.name.to_string() });
    Ok(Encoded(EnvironmentList { environments: named.collect() }))
}

/// A language.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LanguageView {
    /// Its name.
    name: &'static str,
    /// Other names that are taken for it.
    aliases: &'static [&'static str],
    /// Endings of its file names.
    suffixes: &'static [&'static str],
    /// Whether the host has what it needs.
    available: bool,
    /// How the operator gets it; `null` where it is here.
    hint: Option<String>,
}

/// Every language.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LanguageList {
    /// By name.
    languages: Vec<LanguageView>,
}

/// The languages.
#[utoipa::path(get, path = "/languages", tag = "server",
    responses((status = 200, description = "They are these.", body = LanguageList),
        (status = "default", description = "They could not be listed.", body = FailureBody)))]
pub(crate) async fn languages(State(app): State<App>, _: Reader) -> Encoded<LanguageList> {
    let config = app.engine().config();
    let search = Search { directories: &config.search_path, python: config.python.as_deref() };
    let view = |known: &'static language::Language| {
        let found = language::availability(known, &search);
        LanguageView {
            name: known.name,
            aliases: known.aliases,
            suffixes: known.suffixes,
            available: found.is_ok(),
            hint: found.err().map(|missing| missing.hint),
        }
    };
    Encoded(LanguageList { languages: LANGUAGES.iter().map(view).collect() })
}

/// Quantities that bound sandboxes; `null` where there is no bound.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsView {
    /// Time from start to end.
    wall_time_ms: u64,
    /// Processor time of all processes.
    cpu_time_ms: Option<u64>,
    /// Memory of all processes and files.
    memory_bytes: u64,
    /// Processes and threads.
    pids: u64,
    /// Processor share in thousandths of one.
    cpu_millis: Option<u64>,
    /// Open files of one process.
    open_files: u64,
    /// Largest file.
    file_size_bytes: u64,
    /// Everything writable, in bytes.
    workspace_bytes: u64,
    /// Everything writable, in files.
    workspace_inodes: u64,
    /// Kept bytes of each output stream.
    output_bytes: Option<u64>,
}

/// What a tenant may have; `null` where it may have all that there is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantLimitsView {
    /// Sessions at any one moment.
    sessions_max: Option<u64>,
    /// Runs, turns and commands at any one moment.
    runs_max: Option<u64>,
    /// Runs, turns and commands that wait for their turn.
    waiting_max: Option<u64>,
    /// Runs, turns and commands begun in a minute.
    runs_per_minute: Option<u64>,
    /// Bytes of the workspaces of all sessions, by their limits.
    workspace_bytes_max: Option<u64>,
    /// Streams that are open at any one moment.
    streams_max: Option<u64>,
}

impl TenantLimitsView {
    fn of(quota: &TenantQuota) -> Self {
        let limit = |limit| (limit != TenantQuota::UNBOUNDED).then_some(limit);
        Self {
            sessions_max: limit(quota.sessions_max),
            runs_max: limit(quota.runs_max),
            waiting_max: limit(quota.waiting_max),
            runs_per_minute: limit(quota.runs_per_minute),
            workspace_bytes_max: limit(quota.workspace_bytes_max),
            streams_max: limit(quota.streams_max),
        }
    }
}

/// What callers get, and what they may ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LimitsReport {
    /// What a sandbox has where its policy says nothing.
    defaults: LimitsView,
    /// The most that a policy may ask for.
    maximum: LimitsView,
    /// Whether the host's network may be asked for.
    full_network: bool,
    /// What the caller's tenant may have at once.
    tenant: TenantLimitsView,
    /// Sessions of all tenants at any one moment.
    sessions_max: usize,
    /// The longest that a session may be unused.
    idle_time_max_ms: u64,
    /// The oldest that a session may get.
    lifetime_max_ms: u64,
}

/// The limits.
#[utoipa::path(get, path = "/limits", tag = "server",
    responses((status = 200, description = "They are these.", body = LimitsReport),
        (status = "default", description = "They could not be told.", body = FailureBody)))]
pub(crate) async fn limits(
    State(app): State<App>,
    Reader(caller): Reader,
) -> Encoded<LimitsReport> {
    let config = app.engine().config();
    Encoded(LimitsReport {
        defaults: view(&config.ceiling.defaults),
        maximum: view(&config.ceiling.maximum),
        full_network: config.ceiling.full_network,
        tenant: TenantLimitsView::of(&app.quotas().granted(&caller.tenant)),
        sessions_max: app.config().sessions_max,
        idle_time_max_ms: millis(config.warm.idle_time_max),
        lifetime_max_ms: millis(config.warm.lifetime_max),
    })
}

fn view(limits: &engine::Limits) -> LimitsView {
    LimitsView {
        wall_time_ms: millis(limits.wall_time),
        cpu_time_ms: limits.cpu_time.map(|time: Duration| millis(time)),
        memory_bytes: limits.memory_bytes,
        pids: limits.pids,
        cpu_millis: limits.cpu_millis,
        open_files: limits.open_files,
        file_size_bytes: limits.file_size_bytes,
        workspace_bytes: limits.workspace_bytes,
        workspace_inodes: limits.workspace_inodes,
        output_bytes: limits.output_bytes,
    }
}

/// How far a control can be had on this host.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ControlView {
    /// How far.
    level: EnforcementLevel,
    /// By which mechanism, or why not.
    detail: String,
    /// What the operator can do about it.
    remedy: Option<String>,
}

/// What this host can enforce.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HostReport {
    /// The program's version.
    version: &'static str,
    /// The backend's name.
    backend: &'static str,
    /// Controls that are lacking or partial; what is not here can be had.
    lacking: BTreeMap<String, ControlView>,
}

/// What this host can enforce.
#[utoipa::path(get, path = "/host", tag = "server",
    responses((status = 200, description = "It is this.", body = HostReport),
        (status = "default", description = "It could not be told.", body = FailureBody)))]
pub(crate) async fn host(State(app): State<App>, _: Reader) -> Encoded<HostReport> {
    let backend = app.engine().backend();
    let lacking = backend.support().controls.iter().map(|(control, support)| {
        let (level, detail) = (support.level, support.detail.clone());
        let remedy = support.remedy.clone();
        (control.name().to_owned(), ControlView { level, detail, remedy })
    });
    let lacking = lacking.collect();
    Encoded(HostReport { version: env!("CARGO_PKG_VERSION"), backend: backend.name(), lacking })
}
