//! Which host paths may be shared, and where they may be seen. Only looks at the
//! paths' text: whoever fills in a spec resolves symbolic links of sources first.

use std::path::{Component, Path};

use api::{PolicySpec, ShareSpec};

use crate::{Ceiling, GuestPath, Mount, MountView, Parts, PolicyError};

/// Guest directories that are the sandbox's own: no share stands on or below them.
const RESERVED: [&str; 6] = ["/proc", "/dev", "/sys", "/etc", "/usr", "/code"];

/// Guest directories that are the sandbox's own, below which a share may stand,
/// but neither on nor above them.
const WRITABLE: [&str; 2] = ["/home/user", "/tmp"];

/// Host paths that are never shared, with everything in them.
const OFF_LIMITS: [(&str, &str); 6] = [
    ("/proc", "it shows the host's processes"),
    ("/sys", "it controls the host's kernel"),
    ("/dev", "it holds the host's devices"),
    ("/run", "it holds the sockets of the host's services"),
    ("/var/run", "it holds the sockets of the host's services"),
    ("/boot", "it holds the host's kernel"),
];

/// The runtime's mounts and the spec's shares together, parents first.
pub(crate) fn mounts(
    spec: &PolicySpec,
    parts: &Parts,
    ceiling: &Ceiling,
) -> Result<Vec<Mount>, PolicyError> {
    let mut mounts = parts.mounts.clone();
    for share in &spec.shares {
        if !ceiling.shares {
            let reason = "sharing host paths is not allowed here";
            return Err(PolicyError::ShareRefused { path: share.source.clone(), reason });
        }
        mounts.push(mount(share, parts)?);
    }
    mounts.sort_by(|left, right| left.target.cmp(&right.target));
    match mounts.windows(2).find(|pair| pair[0].target == pair[1].target) {
        Some(pair) => Err(PolicyError::TargetRefused {
            path: pair[1].target.as_path().to_owned(),
            reason: "something else is already there",
        }),
        None => Ok(mounts),
    }
}

fn mount(share: &ShareSpec, parts: &Parts) -> Result<Mount, PolicyError> {
    check_source(&share.source)?;
    let target = check_target(&share.target)?;
    check_place(target.as_path(), parts)?;
    let (source, access) = (share.source.clone(), share.access);
    Ok(Mount { source, target, access, view: MountView::Shared })
}

pub(crate) fn check_source(path: &Path) -> Result<(), PolicyError> {
    let refused = |reason| Err(PolicyError::ShareRefused { path: path.to_owned(), reason });
    if !path.is_absolute() {
        return refused("it is not an absolute path");
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return refused("it has `..`");
    }
    if path.as_os_str().as_encoded_bytes().contains(&0) {
        return refused("it has a NUL");
    }
    if path == Path::new("/") {
        return refused("it is the whole host");
    }
    let hit = OFF_LIMITS.iter().find(|(root, _)| path.starts_with(root));
    hit.map_or(Ok(()), |(_, reason)| refused(reason))
}

pub(crate) fn check_target(path: &Path) -> Result<GuestPath, PolicyError> {
    let refused = |reason| PolicyError::TargetRefused { path: path.to_owned(), reason };
    let target =
        GuestPath::new(path).map_err(|_| refused("it must be absolute and without `..`"))?;
    let path = target.as_path();
    let is_reserved = RESERVED.iter().any(|root| path.starts_with(root));
    if is_reserved || WRITABLE.iter().any(|root| Path::new(root).starts_with(path)) {
        return Err(refused("that place is the sandbox's own"));
    }
    Ok(target)
}

/// Keeps a share from hiding a part of the runtime, and from standing where a
/// directory would have to be made in the runtime's files, or behind a link.
pub(crate) fn check_place(path: &Path, parts: &Parts) -> Result<(), PolicyError> {
    let links = parts.symlinks.iter().map(|(link, _)| link.as_path());
    let hidden = parts.mounts.iter().map(|mount| mount.target.as_path()).chain(links.clone());
    let private = parts.mounts.iter().filter(|mount| mount.view == MountView::Private);
    let closed = private.map(|mount| mount.target.as_path()).chain(links);
    let hides = hidden.into_iter().any(|part| part != path && part.starts_with(path));
    let reason = match (hides, closed.into_iter().any(|part| path.starts_with(part))) {
        (true, _) => "it would hide a part of the environment",
        (_, true) => "it is inside a part of the environment",
        _ => return Ok(()),
    };
    Err(PolicyError::TargetRefused { path: path.to_owned(), reason })
}
