//! Builds the root of a sandbox from nothing, with the mount interface of Linux 5.2.
//!
//! Every path is resolved below the new root's descriptor, without symbolic
//! links: a shared directory may hold what an earlier sandbox left there.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
};

use policy::GuestPath;
use rustix::{
    fs::{self, AtFlags, CWD, Mode, OFlags, ResolveFlags},
    mount::{
        self, FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags,
        UnmountFlags,
    },
};
use sys::mount::{Attributes, Reach, set_attributes};

use crate::plan::{Flags, HostPath, Kind, Part, ScratchPlace, Slot, Step, below_root};

/// The mounts that are open, and the root once there is one.
pub(super) struct Builder {
    /// The host's `/proc`, then the sandbox's own.
    proc: OwnedFd,
    slots: BTreeMap<Slot, OwnedFd>,
    empty: Option<OwnedFd>,
    covering: Option<OwnedFd>,
    root: Option<OwnedFd>,
    /// Where the root is read-only already, another mount of its file system, which is not.
    unsealed: Option<OwnedFd>,
    made: BTreeSet<PathBuf>,
    /// The directory that was last put something into.
    parent: Option<(PathBuf, OwnedFd)>,
    copies: BTreeMap<Slot, Vec<u8>>,
    /// Where a small file can be written once the root is read-only.
    aside: Option<OwnedFd>,
    /// Whether what is writable may have to outlive this sandbox.
    keeps_scratch: bool,
    kept: Option<OwnedFd>,
    /// Whether what is writable is what an earlier sandbox left.
    has_remains: bool,
}

/// The largest host file that is copied: system configuration is far smaller.
pub(crate) const COPY_BYTES_MAX: u64 = 1 << 20;

const CLONE: OpenTreeFlags = OpenTreeFlags::OPEN_TREE_CLONE.union(OpenTreeFlags::OPEN_TREE_CLOEXEC);

/// Where `/proc` tells the id of the machine's start.
const BOOT_ID: &str = "sys/kernel/random/boot_id";

const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Builder {
    pub(super) fn new() -> io::Result<Self> {
        // Modes are as the plan has them.
        rustix::process::umask(Mode::empty());
        let proc = fs::open("/proc", DIRECTORY, Mode::empty())?;
        Ok(Self {
            proc,
            slots: BTreeMap::new(),
            empty: None,
            covering: None,
            root: None,
            unsealed: None,
            made: BTreeSet::new(),
            parent: None,
            copies: BTreeMap::new(),
            aside: None,
            keeps_scratch: false,
            kept: None,
            has_remains: false,
        })
    }

    /// One that gives what is writable as a mount of nobody's, to be put into a
    /// later sandbox.
    pub(super) fn that_keeps_scratch() -> io::Result<Self> {
        Ok(Self { keeps_scratch: true, ..Self::new()? })
    }

    /// One for the sandbox that we have entered, whose root is read-only.
    pub(super) fn of_entered() -> io::Result<Self> {
        let mut builder = Self::new()?;
        let root = fs::open("/", DIRECTORY, Mode::empty())?;
        let unsealed = mount::open_tree(&root, "", CLONE | OpenTreeFlags::AT_EMPTY_PATH)?;
        sys::mount::make_writable(unsealed.as_fd())?;
        (builder.root, builder.unsealed) = (Some(root), Some(unsealed));
        Ok(builder)
    }

    /// What is writable, if it was to be kept.
    pub(super) fn kept_scratch(&mut self) -> Option<OwnedFd> {
        self.kept.take()
    }

    /// Takes the root of the sandbox that we have entered, in a mount namespace of
    /// our own. What covers parts of the new `/proc` later stands below it.
    pub(super) fn own_mounts(&mut self) -> io::Result<()> {
        sys::namespace::unshare(sys::namespace::Namespace::Mount)?;
        Self::make_private()?;
        self.root = Some(fs::open("/", DIRECTORY, Mode::empty())?);
        self.proc = fs::open("/proc", DIRECTORY, Mode::empty())?;
        let (covering, aside) = (covering()?, tmpfs(4096, 2, "0555")?);
        for mount in [&covering, &aside] {
            mount::move_mount(mount, "", CWD, "/proc", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        }
        (self.covering, self.aside) = (Some(covering), Some(aside));
        Ok(())
    }

    pub(super) fn root(&self) -> io::Result<BorrowedFd<'_>> {
        let missing = || io::Error::from(rustix::io::Errno::NOENT);
        self.root.as_ref().map(AsFd::as_fd).ok_or_else(missing)
    }

    pub(super) fn make_private() -> io::Result<()> {
        let root = fs::open("/", DIRECTORY, Mode::empty())?;
        sys::mount::make_private(root.as_fd())
    }

    pub(super) fn take(&mut self, slot: Slot, mount: OwnedFd) {
        self.slots.insert(slot, mount);
    }

    /// Every mount that is open, by its slot.
    pub(super) fn give(self) -> impl Iterator<Item = OwnedFd> {
        self.slots.into_values()
    }

    /// Opens the host path and makes sure that it is what the host side saw.
    fn open_host(source: &HostPath) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let fd = fs::openat2(CWD, &source.path, flags, Mode::empty(), resolve)?;
        let found = fs::fstat(&fd)?;
        if (found.st_dev, found.st_ino) != (source.device, source.inode) {
            return Err(rustix::io::Errno::STALE.into());
        }
        Ok(fd)
    }

    pub(super) fn open_bind(&mut self, slot: Slot, source: &HostPath) -> io::Result<()> {
        let host = Self::open_host(source)?;
        let flags = CLONE | OpenTreeFlags::AT_EMPTY_PATH | OpenTreeFlags::AT_RECURSIVE;
        let mount = mount::open_tree(host, "", flags)?;
        self.take(slot, mount);
        Ok(())
    }

    /// An overlay's inodes are its own, and so are the locks and watches on them.
    pub(super) fn open_overlay(&mut self, source: &HostPath, parts: &[Part]) -> io::Result<()> {
        let host = Self::open_host(source)?;
        let context = mount::fsopen("overlay", FsOpenFlags::FSOPEN_CLOEXEC)?;
        let empty = self.empty_directory()?;
        let layers = format!("/proc/self/fd/{}:/proc/self/fd/{empty}", host.as_raw_fd());
        mount::fsconfig_set_string(context.as_fd(), "source", "overlay")?;
        mount::fsconfig_set_string(context.as_fd(), "lowerdir", layers)?;
        mount::fsconfig_create(context.as_fd())?;
        let overlay = fsmount(context.as_fd())?;
        if let [Part { slot, path, .. }] = parts
            && path.as_os_str().is_empty()
        {
            self.take(*slot, overlay);
            return Ok(());
        }
        stand_on_host(&overlay)?;
        for part in parts {
            let mount = mount::open_tree(&overlay, &part.path, CLONE)?;
            self.take(part.slot, mount);
        }
        Ok(())
    }

    /// Reads a small file; its copy has an inode of its own.
    pub(super) fn copy(&mut self, slot: Slot, source: &HostPath) -> io::Result<()> {
        let host = Self::open_host(source)?;
        let path = format!("/proc/self/fd/{}", host.as_raw_fd());
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        let size =
            io::Read::read_to_end(&mut io::Read::take(file, COPY_BYTES_MAX + 1), &mut bytes)?;
        if size as u64 > COPY_BYTES_MAX {
            return Err(rustix::io::Errno::FBIG.into());
        }
        self.copies.insert(slot, bytes);
        Ok(())
    }

    /// The second layer that an overlay without an upper one must have.
    fn empty_directory(&mut self) -> io::Result<i32> {
        if self.empty.is_none() {
            let empty = tmpfs(4096, 1, "0555")?;
            stand_on_host(&empty)?;
            self.empty = Some(empty);
        }
        let missing = || io::Error::from(rustix::io::Errno::BADF);
        self.empty.as_ref().map(AsRawFd::as_raw_fd).ok_or_else(missing)
    }

    /// Where a waived step failed, what stands in for it.
    pub(super) fn fall_back(&mut self, step: &Step) -> io::Result<()> {
        match step {
            Step::Overlay { parts, .. } => {
                parts.iter().try_for_each(|part| self.open_bind(part.slot, &part.source))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn mount_root(&mut self, bytes: u64, inodes: u64) -> io::Result<()> {
        let root = tmpfs(bytes, inodes, "0755")?;
        mount::move_mount(&root, "", CWD, "/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        set_attributes(
            root.as_fd(),
            attributes(Flags { writable: true, ..Flags::default() }),
            Reach::One,
        )?;
        self.root = Some(root);
        Ok(())
    }

    /// Opens a path of the new root, following nothing.
    pub(super) fn open(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        open_below(self.root()?, path, flags)
    }

    /// Makes a directory and those above it.
    pub(super) fn directory(&mut self, path: &GuestPath, mode: u32) -> io::Result<()> {
        self.directories(below_root(path), Mode::from_raw_mode(mode))
    }

    fn directories(&mut self, path: &Path, mode: Mode) -> io::Result<()> {
        let Some((parent, name)) = split(path) else { return Ok(()) };
        if self.made.contains(path) {
            return Ok(());
        }
        self.directories(parent, Mode::from_raw_mode(0o755))?;
        let place = self.open(parent, DIRECTORY)?;
        match fs::mkdirat(&place, name, mode) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(rustix::io::Errno::ROFS) => {
                fs::mkdirat(self.behind_seal(parent, place.as_fd())?, name, mode)?;
            }
            Err(error) => return Err(error.into()),
        }
        self.made.insert(path.to_owned());
        Ok(())
    }

    /// A directory of the sealed root by a way on which it can be written to; nothing
    /// that is read-only for another reason is.
    fn behind_seal(&self, path: &Path, place: BorrowedFd<'_>) -> io::Result<OwnedFd> {
        let sealed = || io::Error::from(rustix::io::Errno::ROFS);
        let root = self.unsealed.as_ref().ok_or_else(sealed)?;
        let found = open_below(root.as_fd(), path, DIRECTORY)?;
        let (ours, theirs) = (fs::fstat(&found)?, fs::fstat(place)?);
        let is_same = (ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino);
        if is_same { Ok(found) } else { Err(sealed()) }
    }

    /// The directory that a path is in, made if need be, and the path's name there.
    fn parent_of<'a>(&mut self, path: &'a GuestPath) -> io::Result<(BorrowedFd<'_>, &'a OsStr)> {
        let invalid = || io::Error::from(rustix::io::Errno::INVAL);
        let (parent, name) = split(below_root(path)).ok_or_else(invalid)?;
        if self.parent.as_ref().is_none_or(|(held, _)| held != parent) {
            self.directories(parent, Mode::from_raw_mode(0o755))?;
            self.parent = Some((parent.to_owned(), self.open(parent, DIRECTORY)?));
        }
        let (_, parent) = self.parent.as_ref().ok_or_else(invalid)?;
        Ok((parent.as_fd(), name))
    }

    pub(super) fn symlink(&mut self, path: &GuestPath, target: &Path) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        Ok(fs::symlinkat(target, parent, name)?)
    }

    pub(super) fn file(&mut self, path: &GuestPath, text: &[u8]) -> io::Result<()> {
        let (parent, name) = self.parent_of(path)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = fs::openat(parent, name, flags, Mode::from_raw_mode(0o644))?;
        io::Write::write_all(&mut std::fs::File::from(file), text)
    }

    pub(super) fn attach(
        &mut self,
        slot: Slot,
        target: &GuestPath,
        kind: Kind,
        flags: Flags,
    ) -> io::Result<()> {
        if let Some(bytes) = self.copies.remove(&slot) {
            return match self.file(target, &bytes) {
                // The copy of an earlier sandbox, whose to change it was.
                Err(error) if self.has_remains && error.kind() == io::ErrorKind::AlreadyExists => {
                    Ok(())
                }
                done => done,
            };
        }
        let missing = || io::Error::from(rustix::io::Errno::BADF);
        let mount = self.slots.remove(&slot).ok_or_else(missing)?;
        set_attributes(mount.as_fd(), attributes(flags), Reach::Tree)?;
        match kind {
            Kind::Directory => {
                self.directories(below_root(target), Mode::from_raw_mode(0o755))?;
                attach_at(&mount, &self.open(below_root(target), DIRECTORY)?)
            }
            Kind::File => {
                let place = self.file_to_cover(target)?;
                attach_at(&mount, &place)
            }
        }
    }

    /// Opens a file that a mount is to stand on, made if need be.
    fn file_to_cover(&mut self, target: &GuestPath) -> io::Result<OwnedFd> {
        // An earlier sandbox may have left a pipe there, which is not waited for.
        let found = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let (flags, mode) = (found | OFlags::CREATE, Mode::from_raw_mode(0o644));
        let (parent, name) = self.parent_of(target)?;
        match fs::openat(parent, name, flags, mode) {
            Err(rustix::io::Errno::ROFS) => {}
            opened => return Ok(opened?),
        }
        let above = below_root(target).parent().unwrap_or(Path::new(""));
        let place = self.open(above, DIRECTORY)?;
        drop(fs::openat(self.behind_seal(above, place.as_fd())?, name, flags, mode)?);
        Ok(fs::openat(place, name, found, Mode::empty())?)
    }

    /// Mounts the one writable file system and puts its directories into place.
    pub(super) fn scratch(
        &mut self,
        bytes: u64,
        inodes: u64,
        places: &[ScratchPlace],
        remains: Option<OwnedFd>,
    ) -> io::Result<()> {
        let is_new = remains.is_none();
        self.has_remains = !is_new;
        let scratch = match remains {
            Some(remains) => remains,
            None => tmpfs(bytes, inodes, "0755")?,
        };
        // Clones have the flags of what they are clones of.
        let flags = Flags { writable: true, ..Flags::default() };
        set_attributes(scratch.as_fd(), attributes(flags), Reach::One)?;
        stand_on_host(&scratch)?;
        for (number, place) in places.iter().enumerate() {
            let name = number.to_string();
            let mode = Mode::from_raw_mode(if place.sticky { 0o1777 } else { 0o755 });
            if is_new {
                fs::mkdirat(&scratch, &name, mode)?;
            }
            let mount = mount::open_tree(&scratch, &name, CLONE)?;
            if place.no_exec {
                let flags = Flags { no_exec: true, ..flags };
                set_attributes(mount.as_fd(), attributes(flags), Reach::One)?;
            }
            self.directories(below_root(&place.target), Mode::from_raw_mode(0o755))?;
            attach_at(&mount, &self.open(below_root(&place.target), DIRECTORY)?)?;
        }
        if self.keeps_scratch {
            let flags = CLONE | OpenTreeFlags::AT_EMPTY_PATH;
            self.kept = Some(mount::open_tree(&scratch, "", flags)?);
        }
        Ok(())
    }

    /// Terminals of this sandbox alone. They are devices, so a read-only mount
    /// takes nothing from them but changes of their owner and mode.
    pub(super) fn terminals(&mut self, max: u32) -> io::Result<()> {
        const PLACE: &str = "dev/pts";
        let context = mount::fsopen("devpts", FsOpenFlags::FSOPEN_CLOEXEC)?;
        for (name, value) in [("mode", "0620"), ("ptmxmode", "0666"), ("max", &max.to_string())] {
            mount::fsconfig_set_string(context.as_fd(), name, value)?;
        }
        mount::fsconfig_create(context.as_fd())?;
        let mount = fsmount(context.as_fd())?;
        let flags = Flags { no_exec: true, devices: true, writable: false };
        set_attributes(mount.as_fd(), attributes(flags), Reach::One)?;
        self.directories(Path::new(PLACE), Mode::from_raw_mode(0o755))?;
        attach_at(&mount, &self.open(Path::new(PLACE), DIRECTORY)?)
    }

    pub(super) fn proc(&mut self, processes_only: bool) -> io::Result<()> {
        let mount = new_proc(processes_only)?;
        self.directories(Path::new("proc"), Mode::from_raw_mode(0o555))?;
        attach_at(&mount, &self.open(Path::new("proc"), DIRECTORY)?)?;
        self.proc = mount;
        Ok(())
    }

    /// Covers a path of `/proc`, if the host kernel has it: a file by the null
    /// device, a directory by an empty one. Both are read-only already.
    pub(super) fn mask(&mut self, path: &GuestPath, kind: Kind) -> io::Result<()> {
        let name = below_root(path).strip_prefix("proc").unwrap_or(Path::new(""));
        let cover = match kind {
            Kind::Directory => self.nothing()?,
            Kind::File => self.null_device()?,
        };
        match mount::move_mount(
            &cover,
            "",
            &self.proc,
            name,
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH,
        ) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            done => Ok(done?),
        }
    }

    /// An empty directory: one for all masks.
    fn nothing(&mut self) -> io::Result<OwnedFd> {
        if self.covering.is_none() {
            let covering = covering()?;
            stand_on_host(&covering)?;
            self.covering = Some(covering);
        }
        let missing = || io::Error::from(rustix::io::Errno::BADF);
        let covering = self.covering.as_ref().ok_or_else(missing)?;
        Ok(mount::open_tree(covering, "", CLONE | OpenTreeFlags::AT_EMPTY_PATH)?)
    }

    fn null_device(&self) -> io::Result<OwnedFd> {
        Ok(mount::open_tree(self.root()?, "dev/null", CLONE)?)
    }

    pub(super) fn read_only_sysctls(&self) -> io::Result<()> {
        let mount = match mount::open_tree(&self.proc, "sys", CLONE) {
            Ok(mount) => mount,
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        set_attributes(
            mount.as_fd(),
            attributes(Flags { no_exec: true, ..Flags::default() }),
            Reach::One,
        )?;
        let place = fs::openat(&self.proc, "sys", DIRECTORY, Mode::empty())?;
        attach_at(&mount, &place)
    }

    /// Covers the id of the host's start. The file that does it has no name.
    pub(super) fn boot_id(&self, text: &str) -> io::Result<()> {
        const NAME: &str = "boot-id";
        let place = self.aside.as_ref().map_or_else(|| self.root(), |aside| Ok(aside.as_fd()))?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = fs::openat(place, NAME, flags, Mode::from_raw_mode(0o444))?;
        io::Write::write_all(&mut std::fs::File::from(file), text.as_bytes())?;
        let cover = mount::open_tree(place, NAME, CLONE)?;
        let flags = Flags { no_exec: true, ..Flags::default() };
        set_attributes(cover.as_fd(), attributes(flags), Reach::One)?;
        let over = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        let moved = mount::move_mount(&cover, "", &self.proc, BOOT_ID, over);
        fs::unlinkat(place, NAME, AtFlags::empty())?;
        match moved {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            done => Ok(done?),
        }
    }

    /// Writes a file of the sandbox's `/proc`, or of the host's before there is one.
    /// Where the sandbox's shows processes only, a whole one that nobody else sees.
    pub(super) fn write_proc(&self, path: &str, text: &str) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = match fs::openat(&self.proc, path, flags, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => {
                fs::openat(new_proc(false)?, path, flags, Mode::empty())?
            }
            opened => opened?,
        };
        let written = rustix::io::write(&file, text.as_bytes())?;
        if written == text.len() { Ok(()) } else { Err(rustix::io::Errno::IO.into()) }
    }

    /// One unmount for the host's tree and for all that stood on it: each waits
    /// for every processor of the machine.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        rustix::process::fchdir(self.root()?)?;
        rustix::process::pivot_root(".", ".")?;
        mount::unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        is_top(self.root()?)
    }

    pub(super) fn seal(&self) -> io::Result<()> {
        set_attributes(self.root()?, attributes(Flags::default()), Reach::One)
    }
}

/// Opens a path below a directory, following nothing.
fn open_below(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    Ok(fs::openat2(root, path, flags, Mode::empty(), resolve)?)
}

/// A `/proc` of this pid namespace, not attached anywhere.
fn new_proc(processes_only: bool) -> io::Result<OwnedFd> {
    let context = mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    mount::fsconfig_set_string(context.as_fd(), "hidepid", "invisible")?;
    if processes_only {
        mount::fsconfig_set_string(context.as_fd(), "subset", "pid")?;
    }
    mount::fsconfig_create(context.as_fd())?;
    let mount = fsmount(context.as_fd())?;
    let flags = Flags { writable: true, no_exec: true, devices: false };
    set_attributes(mount.as_fd(), attributes(flags), Reach::One)?;
    Ok(mount)
}

fn split(path: &Path) -> Option<(&Path, &OsStr)> {
    Some((path.parent()?, path.file_name()?))
}

fn attributes(flags: Flags) -> Attributes {
    Attributes {
        read_only: !flags.writable,
        no_suid: true,
        no_dev: !flags.devices,
        no_exec: flags.no_exec,
    }
}

/// An empty directory.
fn covering() -> io::Result<OwnedFd> {
    let covering = tmpfs(4096, 1, "0555")?;
    let flags = Flags { no_exec: true, ..Flags::default() };
    set_attributes(covering.as_fd(), attributes(flags), Reach::One)?;
    Ok(covering)
}

fn tmpfs(bytes: u64, inodes: u64, mode: &str) -> io::Result<OwnedFd> {
    let context = mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    mount::fsconfig_set_string(context.as_fd(), "size", bytes.to_string())?;
    mount::fsconfig_set_string(context.as_fd(), "nr_inodes", inodes.to_string())?;
    mount::fsconfig_set_string(context.as_fd(), "mode", mode)?;
    mount::fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd())
}

fn fsmount(context: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(mount::fsmount(context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?)
}

/// Makes sure that the host's tree is gone: the root is ours, nothing stands on
/// it, and nothing lies above it.
fn is_top(root: BorrowedFd<'_>) -> io::Result<()> {
    let identity = |place: &str| {
        let found = fs::stat(place)?;
        Ok::<_, io::Error>((found.st_dev, found.st_ino))
    };
    let ours = fs::fstat(root)?;
    let ours = (ours.st_dev, ours.st_ino);
    if identity("/")? == ours && identity("/..")? == ours && identity(".")? == ours {
        return Ok(());
    }
    Err(rustix::io::Errno::XDEV.into())
}

/// Directories of the host that no sandbox ever sees: what stands on one is in
/// nobody's way. The first that is there is taken.
const STANDS: [&str; 3] = ["/sys", "/mnt", "/tmp"];

/// Makes a file system part of our mount namespace, which much of what is done
/// with it needs. It stands on the host's tree, and goes with it.
fn stand_on_host(mount: &OwnedFd) -> io::Result<()> {
    let mut tried = Err(rustix::io::Errno::NOENT);
    for place in STANDS {
        tried = mount::move_mount(mount, "", CWD, place, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH);
        if tried != Err(rustix::io::Errno::NOENT) {
            break;
        }
    }
    Ok(tried?)
}

fn attach_at(mount: &OwnedFd, place: &OwnedFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(mount::move_mount(mount, "", place, "", flags)?)
}
