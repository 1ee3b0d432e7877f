//! A sandbox's workspace as seen from the host, while its programs are at work in it.
//!
//! What is in it is hostile: no link is followed, nothing but regular files and
//! directories is opened, nothing is waited for, and everything is bounded.

use std::{
    ffi::{CStr, OsStr, OsString},
    fs::File,
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, FileType, Mode, OFlags, RawDir, ResolveFlags, Stat, fstat, openat2, readlinkat,
        statat,
    },
    io::Errno,
};

/// The most files and directories that are looked at: a project with its sources.
pub(crate) const ENTRIES_MAX: usize = 10_000;
/// The deepest nesting: each level holds a descriptor while it is looked at.
const DEPTH_MAX: usize = 64;
/// How often a path is opened on which something is being renamed. A file of which
/// a program holds a lease says the same, for as long as the program likes.
const OPENINGS_MAX: u32 = 16;
/// Read of a directory at a time.
const DIRECTORY_BYTES: usize = 8 * 1024;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    Symlink,
    /// A pipe, a socket or a device.
    Other,
}

/// A file or directory as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) modified_ns: i128,
    /// Permissions alone.
    pub(crate) mode: u32,
    changed_ns: i128,
    inode: u64,
}

/// What there is, by its path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Directories before what lies in them; otherwise in no order.
    pub(crate) entries: Vec<(PathBuf, Look)>,
    /// Whether there is more.
    pub(crate) is_cut: bool,
}

impl Look {
    fn of(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink,
            _ => Kind::Other,
        };
        let time =
            |seconds: i64, nanoseconds: i128| i128::from(seconds) * 1_000_000_000 + nanoseconds;
        Self {
            kind,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ns: time(stat.st_mtime, stat.st_mtime_nsec.into()),
            mode: stat.st_mode & 0o7777,
            changed_ns: time(stat.st_ctime, stat.st_ctime_nsec.into()),
            inode: stat.st_ino,
        }
    }

    /// A text that is another as soon as the content is.
    pub(crate) fn version(&self) -> String {
        let Self { size, modified_ns, changed_ns, inode, .. } = self;
        format!("{inode:x}-{size:x}-{modified_ns:x}-{changed_ns:x}")
    }
}

/// Opens what is below a directory and does not lead out of it.
///
/// # Errors
/// It is not there, or a link is on the way.
fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_XDEV
        | ResolveFlags::NO_MAGICLINKS;
    // Whoever merely looks may say no more than that.
    let opening = if flags.contains(OFlags::PATH) {
        OFlags::empty()
    } else {
        OFlags::NONBLOCK | OFlags::NOCTTY
    };
    let flags = flags | opening | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let once = || openat2(root, path, flags, Mode::empty(), resolve);
    let mut opened = once();
    for _ in 1..OPENINGS_MAX {
        match opened {
            Err(Errno::AGAIN) => opened = once(),
            _ => break,
        }
    }
    Ok(opened?)
}

/// Opens a regular file for reading.
///
/// # Errors
/// It is not there, or is no regular file.
pub(crate) fn open_file(root: BorrowedFd<'_>, path: &Path) -> io::Result<(File, Look)> {
    // Looked at before it is opened: opening a device can set it going.
    let seen = Look::of(&fstat(open(root, path, OFlags::PATH)?)?);
    if seen.kind == Kind::Directory {
        return Err(Errno::ISDIR.into());
    }
    if seen.kind != Kind::File {
        return Err(Errno::OPNOTSUPP.into());
    }
    let opened = open(root, path, OFlags::RDONLY)?;
    let look = Look::of(&fstat(&opened)?);
    match look.kind {
        Kind::File => Ok((File::from(opened), look)),
        _ => Err(Errno::OPNOTSUPP.into()),
    }
}

/// What a path holds.
///
/// # Errors
/// It is not there, or a link is on the way.
pub(crate) fn look(root: BorrowedFd<'_>, path: &Path) -> io::Result<Look> {
    Ok(Look::of(&fstat(open(root, path, OFlags::PATH)?)?))
}

/// The most bytes of a link's text: the host kernel takes no more.
const LINK_BYTES_MAX: usize = 4096;

/// What a link says, which need not lead anywhere.
///
/// # Errors
/// It is not there, or is no link.
pub(crate) fn link_text(root: BorrowedFd<'_>, path: &Path) -> io::Result<Vec<u8>> {
    let link = open(root, path, OFlags::PATH)?;
    let text = readlinkat(&link, c"", Vec::with_capacity(LINK_BYTES_MAX))?;
    Ok(text.into_bytes())
}

/// Where a link leads; `None` for what is no link.
///
/// # Errors
/// It is not there, or another link is on the way.
pub(crate) fn read_link(root: BorrowedFd<'_>, path: &Path) -> io::Result<Option<PathBuf>> {
    let opened = open(root, path, OFlags::PATH)?;
    if Look::of(&fstat(&opened)?).kind != Kind::Symlink {
        return Ok(None);
    }
    let target = readlinkat(&opened, "", Vec::new())?;
    Ok(Some(OsString::from_vec(target.into_bytes()).into()))
}

/// Everything below a directory, each with its path from `root`.
///
/// # Errors
/// The directory cannot be opened. What cannot be opened below it is left out.
pub(crate) fn walk(root: BorrowedFd<'_>, path: &Path) -> io::Result<Tree> {
    let mut entries = Vec::new();
    let mut see = |path, look| {
        let has_room = entries.len() < ENTRIES_MAX;
        if has_room {
            entries.push((path, look));
        }
        has_room
    };
    let is_cut = !visit(root, path, true, &mut see)?;
    Ok(Tree { entries, is_cut })
}

/// Shows everything in a directory, or below it, each with its path from `root` and
/// directories before what lies in them, until no more is wanted. Says whether it was
/// all that there is.
///
/// # Errors
/// The directory cannot be opened. What cannot be opened below it is left out.
pub(crate) fn visit(
    root: BorrowedFd<'_>,
    path: &Path,
    is_recursive: bool,
    see: &mut dyn FnMut(PathBuf, Look) -> bool,
) -> io::Result<bool> {
    let top = open(root, path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let path = path.components().filter(|part| *part != std::path::Component::CurDir).collect();
    let mut buffer = Box::new([const { MaybeUninit::uninit() }; DIRECTORY_BYTES]);
    let mut visit = Visit { see, is_whole: true, is_over: false };
    let mut levels = vec![Level::read(top, path, &mut visit, &mut *buffer)?];
    while let Some(level) = levels.last_mut().filter(|_| is_recursive && !visit.is_over) {
        let Some(name) = level.directories.pop() else {
            levels.pop();
            continue;
        };
        if levels.len() >= DEPTH_MAX {
            visit.is_whole = false;
            continue;
        }
        let Some(level) = levels.last() else { break };
        let below = level.path.join(&name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        // It may be gone by now, or not ours to read.
        let Ok(opened) = open(level.directory.as_fd(), Path::new(&name), flags) else { continue };
        if let Ok(level) = Level::read(opened, below, &mut visit, &mut *buffer) {
            levels.push(level);
        }
    }
    Ok(visit.is_whole)
}

/// Who looks at what is found.
struct Visit<'a> {
    see: &'a mut dyn FnMut(PathBuf, Look) -> bool,
    is_whole: bool,
    /// No more is wanted.
    is_over: bool,
}

/// A directory that is being walked.
struct Level {
    directory: OwnedFd,
    path: PathBuf,
    directories: Vec<OsString>,
}

impl Level {
    fn read(
        directory: OwnedFd,
        path: PathBuf,
        visit: &mut Visit<'_>,
        buffer: &mut [MaybeUninit<u8>],
    ) -> io::Result<Self> {
        let mut directories = Vec::new();
        let mut names = RawDir::new(&directory, buffer);
        while let Some(entry) = names.next() {
            let entry = entry?;
            let Some(name) = proper(entry.file_name()) else { continue };
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let Ok(stat) = statat(&directory, entry.file_name(), flags) else { continue };
            let look = Look::of(&stat);
            if !(visit.see)(path.join(name), look) {
                visit.is_whole = false;
                visit.is_over = true;
                break;
            }
            if look.kind == Kind::Directory {
                directories.push(name.to_owned());
            }
        }
        Ok(Self { directory, path, directories })
    }
}

fn proper(name: &CStr) -> Option<&OsStr> {
    match name.to_bytes() {
        b"." | b".." => None,
        name => Some(OsStr::from_bytes(name)),
    }
}

/// Opens one file, or every regular file of a directory, each with its path.
///
/// # Errors
/// The path does not exist, or there are too many files.
pub(crate) fn open_all(root: BorrowedFd<'_>, path: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let kind = look(root, path)?.kind;
    if kind != Kind::Directory {
        return Ok(vec![(path.to_owned(), open_file(root, path)?.0)]);
    }
    let tree = walk(root, path)?;
    if tree.is_cut {
        return Err(Errno::TOOBIG.into());
    }
    let mut files = Vec::new();
    for (found, look) in tree.entries {
        if look.kind == Kind::File {
            // The names are asked for as the caller gave them.
            let shown =
                if path == Path::new(".") { Path::new(".").join(&found) } else { found.clone() };
            files.push((shown, open_file(root, &found)?.0));
        }
    }
    files.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    Ok(files)
}
