//! The second step of a run: from what is asked for to a policy and a payload.
//!
//! Host paths are looked up here, once; what they were called is forgotten after.

use std::{
    fs,
    io::{Error, ErrorKind},
    path::{Path, PathBuf},
};

use api::{PolicySpec, Program, RunRequest, ShareSpec, Workspace};
use policy::{GuestPath, HostSupport, Parts, Policy, PolicyError, guest};
use sandbox::{Action, Payload};

use crate::{
    Config, RunError,
    output::CAPTURE_BYTES_MAX,
    record::digest,
    runtime::{self, Runtime},
    transfer::{self, Download},
};

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work<'a> {
    /// Somebody's code or command.
    Request(&'a RunRequest),
    /// Our own attempts at what is forbidden.
    Probe(&'a PolicySpec),
}

/// A run of which nothing is open any more.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) policy: Policy,
    pub(crate) payload: Payload,
    /// What each step of the payload runs, for messages.
    pub(crate) programs: Vec<String>,
    pub(crate) downloads: Vec<Download>,
    pub(crate) code_digest: String,
    pub(crate) environment_digest: Option<String>,
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
        Work::Request(request) => resolve_request(request, config, support),
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
    let (policy, mut payload, environment_digest) = bind(runtime, &spec, config, support)?;
    let (workspace, bytes_max) = (policy.workspace(), policy.limits().workspace_bytes);
    let downloads = transfer::downloads(&request.downloads, workspace)?;
    payload.files = transfer::uploads(&request.uploads, payload.files, workspace, bytes_max)?;
    let (programs, code_digest) = (programs(&payload), code_digest(request));
    Ok(Resolved { policy, payload, programs, downloads, code_digest, environment_digest })
}

fn resolve_probe(
    spec: &PolicySpec,
    config: &Config,
    support: &HostSupport,
) -> Result<Resolved, RunError> {
    let runtime = runtime::of_probe(config)?;
    let spec = with_real_shares(spec, &Workspace::Private)?;
    let (policy, payload, environment_digest) = bind(runtime, &spec, config, support)?;
    let (programs, downloads) = (programs(&payload), Vec::new());
    let code_digest = digest(["probe"]);
    Ok(Resolved { policy, payload, programs, downloads, code_digest, environment_digest })
}

/// Makes a policy of a runtime and a spec, and a payload of what is left of the runtime.
fn bind(
    runtime: Runtime,
    spec: &PolicySpec,
    config: &Config,
    support: &HostSupport,
) -> Result<(Policy, Payload, Option<String>), RunError> {
    let Runtime { mounts, symlinks, env_vars, files, steps, workspace, digest } = runtime;
    let workspace = match workspace {
        Some(workspace) => workspace,
        None => GuestPath::new(guest::WORKSPACE).map_err(runtime::RuntimeError::from)?,
    };
    let parts = Parts { mounts, symlinks, env_vars, workspace };
    let policy = policy::resolve(spec, parts, &config.ceiling, support)?;
    match policy.limits().output_bytes {
        Some(given) if given > CAPTURE_BYTES_MAX => Err(PolicyError::LimitTooLarge {
            field: "output_bytes",
            given,
            maximum: CAPTURE_BYTES_MAX,
        }
        .into()),
        _ => Ok((policy, Payload { files, steps }, digest)),
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

fn code_digest(request: &RunRequest) -> String {
    match &request.program {
        Program::Source(source) => digest([source.text.as_str()]),
        Program::Command { name } => {
            digest([name.as_str()].into_iter().chain(request.args.iter().map(String::as_str)))
        }
    }
}
