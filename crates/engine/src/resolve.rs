//! The second step of a run: from what is asked for to a policy and a payload.
//!
//! Host paths are looked up here, once; what they were called is forgotten after.

use std::{
    fs,
    io::{Error, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use api::{Exhibit, PolicySpec, Program, RunRequest, SessionId, ShareSpec, Workspace};
use policy::{GuestPath, HostSupport, Limits, Parts, Policy, PolicyError, guest};
use sandbox::{Action, FileBody, FileEntry, Payload, Place};

use crate::{
    Config, RunError, SessionRun, Signaller, TrustDomain,
    account::digest,
    output::{CAPTURE_BYTES_DEFAULT, CAPTURE_BYTES_MAX},
    runtime::{self, Runtime},
    session::Sandboxed,
    transfer::{self, Download, Rescued},
};

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work<'a> {
    /// Somebody's code or command.
    Request(&'a RunRequest, &'a TrustDomain),
    /// Our own attempts at what is forbidden.
    Probe(&'a PolicySpec),
    /// Somebody's code or command in a session's sandbox.
    Inside(&'a Inside<'a>),
}

/// A run of which nothing is open any more.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) policy: Policy,
    pub(crate) payload: Payload,
    /// What each step of the payload runs, for messages.
    pub(crate) programs: Vec<String>,
    pub(crate) downloads: Vec<Download>,
    /// What is brought back where the program was stopped.
    pub(crate) rescues: Vec<Rescued>,
    pub(crate) code_digest: String,
    pub(crate) environment_digest: Option<String>,
    /// What the run may take; no more than the policy gives.
    pub(crate) limits: Limits,
}

/// A run in a session's sandbox.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inside<'a> {
    pub(crate) run: &'a SessionRun,
    pub(crate) session: &'a Sandboxed,
    pub(crate) session_id: SessionId,
    /// Tells its files from those of other runs there.
    pub(crate) number: u64,
    /// Whether it goes on in the background, for as long as the session lives.
    pub(crate) is_background: bool,
}

impl Work<'_> {
    /// What sends signals to it.
    pub(crate) fn signaller(&self) -> Signaller {
        match self {
            Self::Inside(inside) => inside.run.signaller.clone(),
            Self::Request(..) | Self::Probe(_) => Signaller::new(),
        }
    }
}

/// Resolves a run.
///
/// # Errors
/// The environment, the language, a path or the policy is not to be had.
pub(crate) fn resolve(
    work: Work<'_>,
    config: &Config,
    support: &HostSupport,
) -> Result<Resolved, RunError> {
    match work {
        Work::Request(request, domain) => {
            let mut resolved = resolve_request(request, config, support)?;
            resolved.payload.owner = domain.owner();
            Ok(resolved)
        }
        Work::Inside(inside) => resolve_inside(inside, config),
        Work::Probe(spec) => resolve_probe(spec, config, support),
    }
}

fn resolve_request(
    request: &RunRequest,
    config: &Config,
    support: &HostSupport,
) -> Result<Resolved, RunError> {
    let runtime = runtime::of(request, config)?;
    let spec = with_real_shares(&request.policy, &request.workspace)?;
    let (parts, mut rest) = apart(runtime)?;
    let parts = furnish(request, parts, &mut rest.payload)?;
    let (policy, mut payload, environment_digest) = bind(parts, rest, &spec, config, support)?;
    let (workspace, bytes_max) = (policy.workspace(), policy.limits().workspace_bytes);
    let downloads = transfer::downloads(&request.downloads, workspace)?;
    let rescues = transfer::rescues(&request.rescues, workspace)?;
    payload.files = transfer::uploads(&request.uploads, payload.files, workspace, bytes_max)?;
    let (programs, code_digest) =
        (programs(&payload), code_digest(&request.program, &request.args));
    let limits = policy.limits().clone();
    Ok(Resolved {
        policy,
        payload,
        programs,
        downloads,
        rescues,
        code_digest,
        environment_digest,
        limits,
    })
}

fn resolve_probe(
    spec: &PolicySpec,
    config: &Config,
    support: &HostSupport,
) -> Result<Resolved, RunError> {
    let runtime = runtime::of_probe(config)?;
    let spec = with_real_shares(spec, &Workspace::Private)?;
    let (parts, rest) = apart(runtime)?;
    let (policy, payload, environment_digest) = bind(parts, rest, &spec, config, support)?;
    let (programs, downloads) = (programs(&payload), Vec::new());
    let code_digest = digest(["probe"]);
    let limits = policy.limits().clone();
    Ok(Resolved {
        policy,
        payload,
        programs,
        downloads,
        rescues: Vec::new(),
        code_digest,
        environment_digest,
        limits,
    })
}

fn resolve_inside(inside: &Inside<'_>, config: &Config) -> Result<Resolved, RunError> {
    let Inside { run, session, number, is_background, .. } = inside;
    let frame = &session.frame;
    let policy = frame.policy.clone().with_env_vars(&run.env_vars)?;
    let payload = runtime::inside(run, frame, *number, config)?;
    let mut limits = policy.limits().clone();
    if *is_background {
        limits.wall_time = Duration::MAX;
        // Its result is held in memory for longer than anybody waits for a run.
        let kept = limits.output_bytes.unwrap_or(CAPTURE_BYTES_DEFAULT);
        limits.output_bytes = Some(kept.min(CAPTURE_BYTES_DEFAULT));
    }
    let most = limits.wall_time;
    limits.wall_time = run.wall_time.unwrap_or(most).min(most);
    Ok(Resolved {
        programs: programs(&payload),
        code_digest: code_digest(&run.program, &run.args),
        environment_digest: frame.digest.clone(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        policy,
        payload,
        limits,
    })
}

/// The policy of a session: what a runtime brings and the caller wants.
///
/// # Errors
/// A path or the policy is not to be had.
pub(crate) fn session_policy(
    runtime: &Runtime,
    spec: &PolicySpec,
    config: &Config,
    support: &HostSupport,
) -> Result<Policy, RunError> {
    let spec = with_real_shares(spec, &Workspace::Private)?;
    let (parts, rest) = apart(Runtime {
        mounts: runtime.mounts.clone(),
        symlinks: runtime.symlinks.clone(),
        env_vars: runtime.env_vars.clone(),
        workspace: runtime.workspace.clone(),
        ..Runtime::default()
    })?;
    Ok(bind(parts, rest, &spec, config, support)?.0)
}

/// What of a runtime is no part of a policy.
struct Rest {
    payload: Payload,
    digest: Option<String>,
}

/// What of a runtime goes into a policy, and what does not.
fn apart(runtime: Runtime) -> Result<(Parts, Rest), RunError> {
    let Runtime { mounts, symlinks, env_vars, files, steps, workspace, digest } = runtime;
    let workspace = match workspace {
        Some(workspace) => workspace,
        None => GuestPath::new(guest::WORKSPACE).map_err(runtime::RuntimeError::from)?,
    };
    let parts = Parts { mounts, symlinks, env_vars, workspace };
    Ok((parts, Rest { payload: Payload { files, steps, ..Payload::default() }, digest }))
}

/// Adds what the request shows, and its directories of the root.
fn furnish(
    request: &RunRequest,
    mut parts: Parts,
    payload: &mut Payload,
) -> Result<Parts, RunError> {
    for exhibit in &request.exhibits {
        let source = real_path(&exhibit.source)?;
        parts.exhibit(&Exhibit { source, ..exhibit.clone() })?;
    }
    for path in &request.scratch {
        payload.files.push(FileEntry {
            place: Place::Workspace(parts.scratch(path)?.into()),
            body: FileBody::Directory,
            executable: true,
            replace: false,
        });
    }
    Ok(parts)
}

/// Makes a policy of a runtime and a spec.
fn bind(
    parts: Parts,
    rest: Rest,
    spec: &PolicySpec,
    config: &Config,
    support: &HostSupport,
) -> Result<(Policy, Payload, Option<String>), RunError> {
    let policy = policy::resolve(spec, parts, &config.ceiling, support)?;
    match policy.limits().output_bytes {
        Some(given) if given > CAPTURE_BYTES_MAX => Err(PolicyError::LimitTooLarge {
            field: "output_bytes",
            given,
            maximum: CAPTURE_BYTES_MAX,
        }
        .into()),
        _ => Ok((policy, rest.payload, rest.digest)),
    }
}

/// The spec with the host paths of its shares, and of a workspace that is one, as
/// they are without symlinks: what a path only seems to be is not what is checked.
fn with_real_shares(spec: &PolicySpec, workspace: &Workspace) -> Result<PolicySpec, RunError> {
    let mut spec = spec.clone();
    for share in &mut spec.shares {
        share.source = real_path(&share.source)?;
    }
    if let Workspace::Host { source, target, access } = workspace {
        let real = real_path(source)?;
        if !real.is_dir() {
            let cause = Error::from(ErrorKind::NotADirectory);
            return Err(RunError::Share { path: source.clone(), source: cause });
        }
        spec.shares.push(ShareSpec { source: real, target: target.clone(), access: *access });
    }
    Ok(spec)
}

fn real_path(path: &Path) -> Result<PathBuf, RunError> {
    fs::canonicalize(path).map_err(|source| RunError::Share { path: path.to_owned(), source })
}

fn programs(payload: &Payload) -> Vec<String> {
    let program = |action: &Action| match action {
        Action::Command(command) => command.program.display().to_string(),
        Action::StripTypes { source, .. } => source.to_string(),
        Action::Probe => "probe".to_owned(),
    };
    payload.steps.iter().map(|step| program(&step.action)).collect()
}

fn code_digest(program: &Program, args: &[String]) -> String {
    match program {
        Program::Source(source) => digest([source.text.as_str()]),
        Program::Command { name } => {
            digest([name.as_str()].into_iter().chain(args.iter().map(String::as_str)))
        }
    }
}
