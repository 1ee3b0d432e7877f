//! Host paths that a sandbox will see: looked up once, on the host side.

use std::{
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use api::Access;
use policy::{Mount, MountView};
use rustix::{
    fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2},
    mount::{OpenTreeFlags, open_tree},
};

use crate::{
    build::{DEVICES, Source},
    idmap::IdMap,
    plan::{HostPath, Kind},
};

/// Directories of which several small parts are usually seen: one overlay gives
/// them all, if nothing is mounted below.
const WHOLES: [&str; 1] = ["/etc"];

/// Those of [`WHOLES`] with nothing mounted below, by the lines of a mountinfo.
pub(crate) fn wholes(mountinfo: &str) -> Vec<PathBuf> {
    let points = || mountinfo.lines().filter_map(|line| line.split(' ').nth(4));
    let is_plain = |whole: &&&str| !points().any(|point| Path::new(point).starts_with(whole));
    WHOLES.iter().filter(is_plain).map(PathBuf::from).collect()
}

/// Lets an overlay of a whole directory serve for two or more sources below it.
fn join(mounts: &[Mount], sources: &mut [Source], wholes: &[PathBuf]) {
    for whole in wholes {
        let mut below: Vec<_> = mounts
            .iter()
            .zip(sources.iter_mut())
            .filter(|(mount, _)| mount.view == MountView::Private)
            .filter(|(_, source)| source.host.path.starts_with(whole))
            .map(|(_, source)| source)
            .collect();
        let Some((_, found)) = open(whole).ok().filter(|_| below.len() > 1) else { continue };
        for source in &mut below {
            source.whole = Some(found.host.clone());
        }
    }
}

/// Sources of a policy's mounts, and the mounts that were opened for them.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub sources: Vec<Source>,
    pub devices: Vec<Source>,
    pub opened: Vec<OwnedFd>,
}

/// Looks up every host path of a policy. Shares are opened with their owner's
/// ids mapped to the sandbox's, where `id` says which those are.
///
/// # Errors
/// With the path that could not be looked up.
pub(crate) fn look_up(
    mounts: &[Mount],
    id: Option<(u32, u32)>,
    wholes: &[PathBuf],
) -> Result<Sources, (String, io::Error)> {
    let mut found = Sources::default();
    for mount in mounts {
        let failed = |error| (mount.source.display().to_string(), error);
        let (descriptor, mut source) = open(&mount.source).map_err(failed)?;
        if let (MountView::Shared, Some(id)) = (mount.view, id) {
            let tree = clone(descriptor.as_fd()).map_err(failed)?;
            match map(descriptor.as_fd(), tree.as_fd(), id) {
                Ok(()) => {
                    source.mapped = Some(tree.as_raw_fd());
                    found.opened.push(tree);
                }
                // What everybody may read can be read without; nothing more is given.
                Err(error) if is_unmappable(&error) && mount.access == Access::ReadOnly => {}
                Err(error) => return Err(failed(explained(error))),
            }
        }
        found.sources.push(source);
    }
    join(mounts, &mut found.sources, wholes);
    for path in DEVICES {
        let failed = |error| (path.to_owned(), error);
        let (_, source) = open(Path::new(path)).map_err(failed)?;
        check_device(path).map_err(failed)?;
        found.devices.push(source);
    }
    Ok(found)
}

fn open(path: &Path) -> io::Result<(OwnedFd, Source)> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let descriptor = openat2(CWD, path, flags, Mode::empty(), resolve)?;
    let found = fstat(&descriptor)?;
    let kind = match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => Kind::Directory,
        _ => Kind::File,
    };
    let host = HostPath { path: path.to_owned(), device: found.st_dev, inode: found.st_ino };
    Ok((descriptor, Source { host, kind, whole: None, mapped: None, opened: None }))
}

/// Looks up a share that is to be shown in a sandbox that is there already, and opens
/// a mount of it; none where only the owner of other namespaces may do that.
pub(crate) fn open_share(
    mount: &Mount,
    id: Option<(u32, u32)>,
) -> io::Result<(Source, Option<OwnedFd>)> {
    let (descriptor, mut source) = open(&mount.source)?;
    let tree = match clone(descriptor.as_fd()) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && id.is_none() => {
            return Ok((source, None));
        }
        tree => tree?,
    };
    let number = Some(tree.as_raw_fd());
    let mapped = id.map(|id| map(descriptor.as_fd(), tree.as_fd(), id));
    match mapped {
        Some(Ok(())) => source.mapped = number,
        None => source.opened = number,
        Some(Err(error)) if is_unmappable(&error) && mount.access == Access::ReadOnly => {
            source.opened = number;
        }
        Some(Err(error)) => return Err(explained(error)),
    }
    Ok((source, Some(tree)))
}

/// The numbers by which the host kernel knows the devices.
fn check_device(path: &str) -> io::Result<()> {
    let expected = match path {
        "/dev/null" => (1, 3),
        "/dev/zero" => (1, 5),
        "/dev/full" => (1, 7),
        "/dev/random" => (1, 8),
        _ => (1, 9),
    };
    let number = std::fs::metadata(path)?.rdev();
    if (rustix::fs::major(number), rustix::fs::minor(number)) == expected {
        return Ok(());
    }
    Err(io::Error::other("it is not the device of that name"))
}

/// A mount of a host path and of all below it. What happens on the host later does not
/// reach it, nor the other way round.
fn clone(host: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let mount = open_tree(host, "", flags)?;
    sys::mount::make_private(mount.as_fd())?;
    Ok(mount)
}

/// Shows the owner's files of a mount as those of an id.
fn map(host: BorrowedFd<'_>, mount: BorrowedFd<'_>, id: (u32, u32)) -> io::Result<()> {
    let owner = fstat(host)?;
    let map = IdMap::new((owner.st_uid, owner.st_gid), id)?;
    sys::mount::map_ids(mount, map.namespace())
}

fn is_unmappable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error())
}

/// The host kernel does not say why; there is one reason that people meet.
fn explained(error: io::Error) -> io::Error {
    if !is_unmappable(&error) {
        return error;
    }
    io::Error::other(
        "its file system cannot map owners, which sharing as root for writing needs (overlays \
         cannot, tmpfs can from Linux 6.3): share a directory of a disk, share it read-only, or \
         copy with --upload and --download",
    )
}
