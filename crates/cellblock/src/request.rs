//! Makes a run request of what was typed and configured. Looks up host paths; runs nothing.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use api::{
    Access, Control, DownloadSpec, ErrorCode, LimitsSpec, NetworkSpec, PolicySpec, ProfileName,
    Program, RunRequest, ShareSpec, StartSpec, Upload, Workspace,
};

use crate::{
    args::{
        EnvVar, NetworkArg, PlaceArgs, ProfileArg, RunOptions, SharedDir, StartArg, Transfer,
        Volume,
    },
    config::{HostVars, Settings, absolute},
    duration, failure, size,
};

/// Why what was typed makes no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("cannot use the host path {path:?}", path = path.display())]
    HostPath {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path:?} is not a directory, so nothing can work in it", path = path.display())]
    NotADirectory { path: PathBuf },
    #[error("{path:?} has no file name to be kept", path = path.display())]
    NoFileName { path: PathBuf },
    #[error("argument {position} is not UTF-8")]
    ArgumentNotUtf8 { position: usize },
    #[error(transparent)]
    UnknownControl(#[from] api::UnknownControl),
    #[error("the place {path:?} of a download has no directory", path = path.display())]
    NoDirectory { path: PathBuf },
    #[error(
        "the place {path:?} of a download is a device, a pipe or a socket",
        path = path.display()
    )]
    SpecialTarget { path: PathBuf },
    #[error("{path:?} cannot be shared at the workspace's own place", path = path.display())]
    IsWorkspace { path: PathBuf },
}

impl RequestError {
    pub(crate) fn code(&self) -> ErrorCode {
        match self {
            Self::HostPath { .. } | Self::NoDirectory { .. } => ErrorCode::FileNotFound,
            _ => ErrorCode::InvalidRequest,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let text = match self {
            Self::HostPath { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                "check the path; it must exist, and is relative to the current directory"
            }
            Self::NotADirectory { .. } => "share a file with `-v FILE:/place`",
            Self::NoFileName { .. } => "name the place with `SRC:DST`",
            Self::NoDirectory { .. } => "make the directory first",
            Self::SpecialTarget { .. } => "name a file or a directory; what is there stays",
            Self::IsWorkspace { .. } => "make it the workspace with `-w DIRECTORY`",
            Self::UnknownControl(_) => {
                let names: Vec<_> = Control::ALL.iter().map(|control| control.name()).collect();
                return Some(format!("the controls are cgroup, {}", names.join(", ")));
            }
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// Makes a request.
///
/// # Errors
/// A host path does not exist or is not what it must be, or a name is not known.
pub(crate) fn of(
    options: &RunOptions,
    (program, args): (Program, Vec<String>),
    settings: &Settings,
    vars: &HostVars,
) -> Result<RunRequest, RequestError> {
    Ok(RunRequest {
        environment: options.place.environment.clone(),
        program,
        args,
        workspace: workspace(options.workdir.as_ref())?,
        uploads: options.uploads.iter().map(upload).collect::<Result<_, _>>()?,
        downloads: options.downloads.iter().map(download).collect::<Result<_, _>>()?,
        rescues: Vec::new(),
        list_changes: false,
        scratch: Vec::new(),
        exhibits: Vec::new(),
        policy: PolicySpec {
            start: Some(start(options)),
            ..policy(&options.place, settings, vars)?
        },
    })
}

/// The policy that was asked for.
///
/// # Errors
/// A host path does not exist, or a name is not known.
pub(crate) fn policy(
    place: &PlaceArgs,
    settings: &Settings,
    vars: &HostVars,
) -> Result<PolicySpec, RequestError> {
    let mut allow_missing = settings.allow_missing.clone();
    for name in place.allow_missing.iter().flat_map(|names| names.split(',')) {
        allow_missing.extend(Control::named(name.trim())?);
    }
    Ok(PolicySpec {
        profile: Some(profile(place.profile)),
        limits: settings.limits.clone(),
        network: Some(network(place.network)),
        shares: place.volumes.iter().map(share).collect::<Result<_, _>>()?,
        env_vars: place.env_vars.iter().filter_map(|var| env_var(var, vars)).collect(),
        allow_missing,
        start: None,
    })
}

const fn start(options: &RunOptions) -> StartSpec {
    match options.start {
        _ if options.cold => StartSpec::Exec,
        StartArg::Auto => StartSpec::Auto,
        StartArg::Exec => StartSpec::Exec,
        StartArg::Fork => StartSpec::Fork,
    }
}

const fn profile(name: ProfileArg) -> ProfileName {
    match name {
        ProfileArg::Strict => ProfileName::Strict,
        ProfileArg::Default => ProfileName::Default,
        ProfileArg::Compat => ProfileName::Compat,
    }
}

const fn network(reach: NetworkArg) -> NetworkSpec {
    match reach {
        NetworkArg::None => NetworkSpec::None,
        NetworkArg::Full => NetworkSpec::Full,
    }
}

/// A variable that is passed on but not set is left out, as other tools do.
fn env_var(var: &EnvVar, vars: &HostVars) -> Option<(String, String)> {
    let value = var.value.clone().or_else(|| vars.exact(&var.name))?;
    Some((var.name.clone(), value))
}

fn share(volume: &Volume) -> Result<ShareSpec, RequestError> {
    // The program's file would be put there, and stay.
    if volume.target == Path::new(policy::guest::WORKSPACE) {
        return Err(RequestError::IsWorkspace { path: volume.source.clone() });
    }
    let source = existing(&volume.source)?;
    Ok(ShareSpec { source, target: volume.target.clone(), access: volume.access })
}

/// A host path, absolute and without symlinks.
pub(crate) fn existing(path: &Path) -> Result<PathBuf, RequestError> {
    std::fs::canonicalize(path)
        .map_err(|source| RequestError::HostPath { path: path.to_owned(), source })
}

/// A host directory, absolute and without symlinks.
pub(crate) fn existing_directory(path: &Path) -> Result<PathBuf, RequestError> {
    let found = existing(path)?;
    if !found.is_dir() {
        return Err(RequestError::NotADirectory { path: path.to_owned() });
    }
    Ok(found)
}

fn workspace(workdir: Option<&SharedDir>) -> Result<Workspace, RequestError> {
    match workdir {
        Some(dir) => shared_workspace(&dir.source, policy::guest::WORKSPACE, dir.access),
        None => Ok(Workspace::Private),
    }
}

/// A host directory as the workspace, seen at a guest path.
pub(crate) fn shared_workspace(
    source: &Path,
    target: &str,
    access: Access,
) -> Result<Workspace, RequestError> {
    let source = existing_directory(source)?;
    Ok(Workspace::Host { source, target: target.into(), access })
}

fn upload(transfer: &Transfer) -> Result<Upload, RequestError> {
    let source = existing(&transfer.source)?;
    let target = match &transfer.target {
        Some(target) => target.clone(),
        None => name_of(&transfer.source, &source)?,
    };
    Ok(Upload { source, target })
}

/// The name as it was typed; of `.` and the like the directory's own name.
fn name_of(typed: &Path, found: &Path) -> Result<PathBuf, RequestError> {
    let name = typed.file_name().or_else(|| found.file_name());
    name.map(PathBuf::from).ok_or_else(|| RequestError::NoFileName { path: typed.to_owned() })
}

fn download(transfer: &Transfer) -> Result<DownloadSpec, RequestError> {
    let target = match &transfer.target {
        Some(target) => target.clone(),
        None => name_of(&transfer.source, &transfer.source)?,
    };
    let target = absolute(&target);
    // A device would be replaced, not written to.
    if target.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(RequestError::SpecialTarget { path: target });
    }
    match target.parent() {
        Some(parent) if parent.is_dir() => {
            Ok(DownloadSpec { source: transfer.source.clone(), target })
        }
        _ => Err(RequestError::NoDirectory { path: target }),
    }
}

/// The program's arguments as text.
///
/// # Errors
/// One of them is not UTF-8.
pub(crate) fn arguments(words: Vec<OsString>) -> Result<Vec<String>, RequestError> {
    let text = |(index, word): (usize, OsString)| {
        let position = index + 1;
        word.into_string().map_err(|_| RequestError::ArgumentNotUtf8 { position })
    };
    words.into_iter().enumerate().map(text).collect()
}

/// The limits of a request, worded for messages.
pub(crate) fn worded(limits: &LimitsSpec) -> failure::Limits {
    failure::Limits {
        wall_time: duration::seconds(wall_time_ms(limits)),
        cpu_time: limits.cpu_time_ms.map(duration::seconds).unwrap_or_default(),
        memory: size::format(
            limits.memory_bytes.unwrap_or_else(|| policy::Limits::default().memory_bytes),
        ),
    }
}

/// The time that a run may take.
pub(crate) fn wall_time_ms(limits: &LimitsSpec) -> u64 {
    let usual = || u64::try_from(policy::Limits::default().wall_time.as_millis());
    limits.wall_time_ms.unwrap_or_else(|| usual().unwrap_or(u64::MAX))
}
