//! The composition root: the only place that names a concrete backend.

use std::{ops::RangeInclusive, process::ExitCode, sync::Arc, time::Duration};

use backend_native::Native;
use engine::{Engine, Records, RunError, WarmConfig, language::typescript};
use policy::{Ceiling, Limits, Policy};
use sandbox::Backend;
use server::{
    Durable, Server,
    keys::TenantId,
    mcp::Stdio,
    quota::{QuotaConfig, TenantQuota},
};

use crate::{
    archive,
    config::{HostVars, ServerSettings, Settings, TenantSettings, traces},
    failure::Failure,
};

/// Plays the part of a sandbox's first process if this process was started as
/// one; its exit status then is this process's. To be called before anything else.
pub(crate) fn role() -> Option<ExitCode> {
    backend_native::role(backend_native::Builtins { strip_types: typescript::strip })
}

/// Has threads and sandboxes of a server give way to each other soon. To be called before
/// there are other threads.
pub(crate) fn run_in_short_slices() {
    if let Err(error) = backend_native::run_in_short_slices() {
        tracing::debug!(%error, "slices of processor time stay as they are");
    }
}

/// As long as anybody could leave a prompt open: what may be asked of a run's time.
const SESSION_TIME_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Connections of a server: each costs a descriptor and some kilobytes.
pub(crate) const CONNECTIONS_MAX: usize = 4096;
/// Sessions of a server: as many as a machine of some gigabytes holds.
pub(crate) const SESSIONS_MAX: usize = 1000;
/// One-shot runs of a server at any one moment.
pub(crate) const RUNS_MAX: usize = 64;
/// How long a session of a server may be unused: as long as clients of otari's protocol
/// may ask for.
pub(crate) const IDLE_TIME_MAX: Duration = Duration::from_secs(7200);
/// How old a session of a server may get.
pub(crate) const LIFETIME_MAX: Duration = Duration::from_secs(24 * 3600);
/// How long code whose time is over may take to obey before it is killed.
const INTERRUPT_GRACE: Duration = Duration::from_millis(500);
/// Runs of projects at any one moment: one for each processor.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// How long a process may say nothing before its runs are lost or given to another: long
/// enough for one that a busy host stalls, short enough to wait for.
pub(crate) const LEASE_MS: u64 = 30_000;
/// The shortest that a renewal which fails once outlives, and the longest that anybody
/// waits for.
pub(crate) const LEASE_RANGE_MS: RangeInclusive<u64> = 5_000..=600_000;
/// How long records of runs are kept: a month of work to look back on.
pub(crate) const RECORDS_AGE_MS: u64 = 30 * 24 * 3600 * 1000;
/// How many each tenant has at most: listed in milliseconds.
pub(crate) const RECORDS_MAX: u64 = 1_000_000;
/// How much they and what they refer to may take of each tenant.
pub(crate) const RECORDS_BYTES_MAX: u64 = 16 << 30;
/// How long what is under way may go on when a server is told to end: less than
/// supervisors of containers wait before they kill it.
pub(crate) const DRAIN_TIME: Duration = Duration::from_secs(8);

/// The most that callers of a server may ask for where its operator does not say.
pub(crate) fn maximum() -> Limits {
    Limits {
        wall_time: Duration::from_secs(3600),
        memory_bytes: 8 << 30,
        pids: 4096,
        open_files: 65_536,
        file_size_bytes: 8 << 30,
        workspace_bytes: 8 << 30,
        workspace_inodes: 1 << 20,
        output_bytes: Some(16 << 20),
        ..Limits::default()
    }
}

/// The engine of a person at their own machine, and what isolates under it.
pub(crate) struct House {
    pub(crate) engine: Engine,
    native: Arc<Native>,
}

impl House {
    /// Builds it; with `records`, what it runs is recorded there.
    ///
    /// # Errors
    /// The backend cannot be had on this host.
    pub(crate) fn build(
        settings: &Settings,
        vars: &HostVars,
        records: Option<Records>,
    ) -> Result<Self, Failure> {
        let native = Arc::new(Native::new().map_err(|error| Failure::Backend(error.into()))?);
        let mut ceiling = Ceiling::own_machine();
        // Output is passed on as it appears, so nothing of it needs to be left out.
        ceiling.defaults.output_bytes = None;
        ceiling.audit = settings.audit;
        ceiling.core_scheduling = settings.core_scheduling;
        let config = engine::Config {
            ceiling,
            environments: settings.environments.clone(),
            search_path: vars.search_path(),
            python: settings.python.clone(),
            runs_max: 1,
            // A session here ends with the prompt that it belongs to, or when it was
            // asked to; nobody else waits for its place.
            warm: WarmConfig {
                sessions_max: 1,
                idle_time_max: SESSION_TIME_MAX,
                lifetime_max: SESSION_TIME_MAX,
                ..WarmConfig::default()
            },
        };
        let backend = Arc::clone(&native) as Arc<dyn Backend>;
        Ok(Self { engine: Engine::with_records(config, backend, records), native })
    }

    /// A policy as the steps that would realise it.
    ///
    /// # Errors
    /// A host path of the policy cannot be looked up.
    pub(crate) fn plan_text(&self, policy: &Policy) -> Result<String, Failure> {
        self.native.plan_text(policy).map_err(|error| RunError::from(error).into())
    }

    /// A server that listens.
    ///
    /// # Errors
    /// The backend cannot be had on this host, or the server cannot listen.
    pub(crate) async fn serve(settings: &Settings, vars: &HostVars) -> Result<Server, Failure> {
        let config = server_config(settings, vars)?;
        let (engine, durable) = shared(settings, vars).await?;
        Ok(Server::bind(config, engine, durable).await?)
    }

    /// Records and projects of the person at this machine.
    ///
    /// # Errors
    /// The backend cannot be had on this host, or the state directory cannot be used.
    pub(crate) async fn ledger(settings: &Settings, vars: &HostVars) -> Result<Durable, Failure> {
        Ok(shared(settings, vars).await?.1)
    }

    /// An engine for one assistant.
    ///
    /// # Errors
    /// The backend cannot be had on this host, or the state directory cannot be used.
    pub(crate) async fn assist(settings: &Settings, vars: &HostVars) -> Result<Stdio, Failure> {
        let config = server_config(settings, vars)?;
        let (engine, durable) = shared(&archive::with_here(settings), vars).await?;
        Ok(Stdio::new(config, engine, durable)?)
    }
}

/// The engine of whoever serves others, and what outlives it.
async fn shared(settings: &Settings, vars: &HostVars) -> Result<(Arc<Engine>, Durable), Failure> {
    let native = Native::new().map_err(|error| Failure::Backend(error.into()))?;
    let native = Arc::new(native) as Arc<dyn Backend>;
    let given = &settings.server;
    let config = engine::Config {
        ceiling: shared_ceiling(settings),
        environments: settings.environments.clone(),
        search_path: vars.search_path(),
        python: settings.python.clone(),
        runs_max: count(given.runs_max, RUNS_MAX),
        warm: warm(given),
    };
    let upkeep = archive::open(settings, vars).await?;
    let records = Some(Records::new(upkeep.store().clone(), upkeep.blobs().clone()));
    let git = given_network(&config, settings.records.remote_git);
    let git = Arc::new(Engine::new(git, Arc::clone(&native)));
    let engine = Arc::new(Engine::with_records(config, native, records));
    let projects = archive::projects(&engine, git, &upkeep, (settings, vars))?;
    let workers = count(settings.records.workers, workers());
    Ok((engine, Durable { upkeep, projects, workers }))
}

/// The same for git, which needs the network where repositories are elsewhere.
fn given_network(config: &engine::Config, has_network: bool) -> engine::Config {
    let mut config = config.clone();
    config.ceiling.full_network = has_network;
    config
}

/// What callers of a server get and may ask for.
fn shared_ceiling(settings: &Settings) -> Ceiling {
    let (most, asked) = (maximum(), &settings.server.maximum);
    let maximum = Limits {
        wall_time: asked.wall_time_ms.map_or(most.wall_time, Duration::from_millis),
        memory_bytes: asked.memory_bytes.unwrap_or(most.memory_bytes),
        pids: asked.pids.unwrap_or(most.pids),
        file_size_bytes: asked.workspace_bytes.unwrap_or(most.file_size_bytes),
        workspace_bytes: asked.workspace_bytes.unwrap_or(most.workspace_bytes),
        ..most
    };
    Ceiling {
        defaults: defaults(settings, &maximum),
        maximum,
        full_network: false,
        shares: false,
        // Callers cannot ask for it; the operator's setting is applied to all of them.
        waivable: true,
        audit: settings.audit,
        core_scheduling: settings.core_scheduling,
        ..Ceiling::own_machine()
    }
}

/// What callers get unasked: no more than they might ask for.
fn defaults(settings: &Settings, most: &Limits) -> Limits {
    let (given, usual) = (&settings.limits, Limits::default());
    let wall_time = given.wall_time_ms.map_or(usual.wall_time, Duration::from_millis);
    Limits {
        wall_time: wall_time.min(most.wall_time),
        cpu_time: given.cpu_time_ms.map(Duration::from_millis),
        memory_bytes: given.memory_bytes.unwrap_or(usual.memory_bytes).min(most.memory_bytes),
        pids: given.pids.unwrap_or(usual.pids).min(most.pids),
        cpu_millis: given.cpu_millis,
        open_files: given.open_files.unwrap_or(usual.open_files).min(most.open_files),
        file_size_bytes: given
            .file_size_bytes
            .unwrap_or(usual.file_size_bytes)
            .min(most.file_size_bytes),
        workspace_bytes: given
            .workspace_bytes
            .unwrap_or(usual.workspace_bytes)
            .min(most.workspace_bytes),
        workspace_inodes: given
            .workspace_inodes
            .unwrap_or(usual.workspace_inodes)
            .min(most.workspace_inodes),
        output_bytes: given.output_bytes.or(usual.output_bytes),
    }
}

fn warm(given: &ServerSettings) -> WarmConfig {
    let time = |given: Option<u64>, usual| given.map_or(usual, Duration::from_millis);
    WarmConfig {
        pooled_runs: true,
        // Clients wait no longer than a second beyond the time that they gave.
        interrupt_grace: INTERRUPT_GRACE,
        sessions_max: count(given.sessions_max, SESSIONS_MAX),
        idle_time_max: time(given.idle_time_ms, IDLE_TIME_MAX),
        lifetime_max: time(given.lifetime_ms, LIFETIME_MAX),
        ..WarmConfig::default()
    }
}

fn server_config(settings: &Settings, vars: &HostVars) -> Result<server::Config, Failure> {
    let given = &settings.server;
    let state_dir = settings.state_dir.clone().ok_or(Failure::NoStateDir)?;
    Ok(server::Config {
        listen: given.listen.unwrap_or_else(|| ([127, 0, 0, 1], 8787).into()),
        state_dir,
        auth: given.auth,
        hosts: given.hosts.clone(),
        connections_max: count(given.connections_max, CONNECTIONS_MAX),
        drain_time: given.drain_time_ms.map_or(DRAIN_TIME, Duration::from_millis),
        quota: quota(given),
        sessions_max: count(given.sessions_max, SESSIONS_MAX),
        callback_hosts: given.callback_hosts.clone(),
        traces: traces(vars)?,
        allow_missing: settings.allow_missing.clone(),
        mcp_tools: given.mcp_tools,
        otari: given.otari.clone(),
    })
}

/// What each tenant may take.
pub(crate) fn quota(given: &ServerSettings) -> QuotaConfig {
    let usual = QuotaConfig::default();
    let mut config = QuotaConfig {
        tenant: tenant_quota(&given.tenant, usual.tenant),
        runs_max: given.runs_max.unwrap_or(RUNS_MAX as u64),
        sessions_max: given.sessions_max.unwrap_or(SESSIONS_MAX as u64),
        ..usual
    };
    let named = |(id, named): (&TenantId, &TenantSettings)| {
        (id.clone(), tenant_quota(named, config.of(id)))
    };
    config.tenants = given.tenants.iter().map(named).collect();
    config
}

fn tenant_quota(given: &TenantSettings, usual: TenantQuota) -> TenantQuota {
    TenantQuota {
        sessions_max: given.sessions_max.unwrap_or(usual.sessions_max),
        runs_max: given.runs_max.unwrap_or(usual.runs_max),
        runs_per_minute: given.runs_per_minute.unwrap_or(usual.runs_per_minute),
        workspace_bytes_max: given.workspace_bytes.unwrap_or(usual.workspace_bytes_max),
        ..usual
    }
}

fn count(given: Option<u64>, usual: usize) -> usize {
    given.map_or(usual, |given| usize::try_from(given).unwrap_or(usize::MAX))
}
