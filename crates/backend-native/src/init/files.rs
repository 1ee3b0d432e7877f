//! Files of the request, into the sandbox and out of it.
//!
//! Both are done here, inside: what a hostile tree can lead to is the sandbox
//! itself. Paths are resolved below a descriptor and follow no links.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::fs::{self, AtFlags, Dir, FileType, Mode, OFlags};

use super::{BodyOrder, Failure, FileOrder, Init, errno, root::Builder};
use crate::{
    plan::{Step, below_root},
    wire::{self, FILES_MAX, FromInit},
};

/// The deepest nesting below what is wanted: the way to each file is walked from the top.
const DEPTH_MAX: usize = 64;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Puts every file of the request in, before anything of the payload has run.
pub(super) fn put_in(init: &Init, builder: &Builder) -> Result<(), Failure> {
    if init.orders.files.is_empty() {
        return Ok(());
    }
    let open = |path: &policy::GuestPath| builder.open(below_root(path), DIRECTORY);
    let code = init.orders.plan.steps.iter().find_map(|step| match step {
        Step::Files { code } => Some(code),
        _ => None,
    });
    for file in &init.orders.files {
        let root = match (file.is_code, code) {
            (true, Some(code)) => open(code),
            _ => open(&init.orders.plan.workspace),
        };
        let put = root.and_then(|root| put_one(init, &root, file));
        put.map_err(|error| Failure::File { path: file.path.clone(), error })?;
    }
    Ok(())
}

fn put_one(init: &Init, root: &OwnedFd, file: &FileOrder) -> io::Result<()> {
    let path = Path::new(OsStr::from_bytes(&file.path));
    let invalid = || io::Error::from(rustix::io::Errno::INVAL);
    let name = path.file_name().ok_or_else(invalid)?;
    let parent = make_directories(root, path.parent().unwrap_or(Path::new("")))?;
    if matches!(file.body, BodyOrder::Directory) {
        make_directory(&parent, name)?;
        return Ok(());
    }
    if file.replace {
        let new = OsStr::new(BEING_WRITTEN);
        let _ = fs::unlinkat(&parent, new, AtFlags::empty());
        let written = write_new(init, &parent, new, file)
            .and_then(|()| Ok(fs::renameat(&parent, new, &parent, name)?));
        if written.is_err() {
            let _ = fs::unlinkat(&parent, new, AtFlags::empty());
        }
        return written;
    }
    write_new(init, &parent, name, file)
}

/// The name of a file that is to replace another, until it is whole.
const BEING_WRITTEN: &str = ".cellblock-new";

fn write_new(init: &Init, parent: &OwnedFd, name: &OsStr, file: &FileOrder) -> io::Result<()> {
    let mode = Mode::from_raw_mode(if file.executable { 0o755 } else { 0o644 });
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut target = File::from(fs::openat(parent, name, flags, mode)?);
    match &file.body {
        BodyOrder::Bytes(bytes) => target.write_all(bytes),
        BodyOrder::Descriptor(number) => {
            let mut source = File::from(init.descriptor(*number)?.try_clone()?);
            copy(&mut source, &mut target)
        }
        BodyOrder::Directory => Ok(()),
    }
}

/// Copies by hand: `splice` and its like are not for a process like this one.
fn copy(source: &mut File, target: &mut File) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(()),
            count => target.write_all(&buffer[..count])?,
        }
    }
}

fn make_directory(parent: &OwnedFd, name: &OsStr) -> io::Result<OwnedFd> {
    match fs::mkdirat(parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(fs::openat(parent, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?)
}

fn make_directories(root: &OwnedFd, path: &Path) -> io::Result<OwnedFd> {
    let mut place = root.try_clone()?;
    for part in path.components() {
        match part {
            Component::Normal(name) => place = make_directory(&place, name)?,
            Component::CurDir => {}
            _ => return Err(rustix::io::Errno::INVAL.into()),
        }
    }
    Ok(place)
}

/// Sends descriptors of every file that a path of the workspace holds.
pub(super) fn bring_out(init: &Init, path: &[u8]) -> io::Result<()> {
    let errno = match send_all(init, Path::new(OsStr::from_bytes(path))) {
        Ok(()) => 0,
        Err(error) => errno(&error),
    };
    init.say(&FromInit::FilesEnd { errno })
}

/// Opens the workspace.
pub(super) fn workspace(init: &Init) -> io::Result<OwnedFd> {
    Ok(fs::open(init.orders.plan.workspace.as_path(), DIRECTORY, Mode::empty())?)
}

fn send_all(init: &Init, wanted: &Path) -> io::Result<()> {
    let workspace = workspace(init)?;
    let mut left = vec![wanted.to_owned()];
    let mut sent = 0;
    while let Some(path) = left.pop() {
        if sent + left.len() >= FILES_MAX {
            return Err(rustix::io::Errno::TOOBIG.into());
        }
        let Some(file) = open_beneath(&workspace, &path)? else {
            if path == wanted {
                return Err(rustix::io::Errno::OPNOTSUPP.into());
            }
            continue;
        };
        let is_directory = FileType::from_raw_mode(fs::fstat(&file)?.st_mode).is_dir();
        // Of one that lies too deep there is only the directory itself, for whoever asked to
        // see that there is more.
        if is_directory && depth(&path) < depth(wanted) + DEPTH_MAX {
            list(&file, &path, &mut left)?;
        } else {
            let path = path.as_os_str().as_bytes().to_vec();
            wire::send(init.control.as_fd(), &FromInit::File { path }, &[file.as_fd()])?;
            sent += 1;
        }
    }
    Ok(())
}

fn depth(path: &Path) -> usize {
    path.components().filter(|part| matches!(part, Component::Normal(_))).count()
}

/// Opens a file or directory; `None` for anything else. The way there is walked
/// part by part, as the filter that init is under as well refuses `openat2`.
/// Inside a forked sandbox others may change what was looked at before it is
/// opened, so what was opened is looked at again.
fn open_beneath(workspace: &OwnedFd, path: &Path) -> io::Result<Option<OwnedFd>> {
    let read = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let look = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut place = fs::openat(workspace, ".", read, Mode::empty())?;
    for part in path.components() {
        let name = match part {
            Component::Normal(name) => name,
            Component::CurDir => continue,
            _ => return Err(rustix::io::Errno::XDEV.into()),
        };
        if !is_plain(&fs::openat(&place, name, look, Mode::empty())?)? {
            return Ok(None);
        }
        place = fs::openat(&place, name, read, Mode::empty())?;
        if !is_plain(&place)? {
            return Ok(None);
        }
    }
    Ok(Some(place))
}

fn is_plain(file: &OwnedFd) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(fs::fstat(file)?.st_mode);
    Ok(matches!(kind, FileType::RegularFile | FileType::Directory))
}

fn list(directory: &OwnedFd, path: &Path, left: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let takes = matches!(
            entry.file_type(),
            FileType::RegularFile | FileType::Directory | FileType::Unknown
        );
        if takes && name != b"." && name != b".." {
            left.push(path.join(OsStr::from_bytes(name)));
        }
        if left.len() > FILES_MAX {
            return Err(rustix::io::Errno::TOOBIG.into());
        }
    }
    Ok(())
}
