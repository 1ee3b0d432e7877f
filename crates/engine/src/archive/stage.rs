//! Where an archive's files are put until all of it is checked.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use super::{ArchiveError, EntryFault, error::shown, link, name::Names};
use crate::spool;

/// Read or written at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// What there is room for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Bytes of all files together.
    pub(crate) bytes: u64,
    /// Bytes of one file.
    pub(crate) file_bytes: u64,
    /// Files and directories.
    pub(crate) entries: usize,
    /// How deep the directory lies that the archive is unpacked in.
    pub(crate) depth: usize,
    /// Whether there may be symbolic links. Those that lead out are left out.
    pub(crate) links: bool,
}

/// An archive that was checked.
#[derive(Debug)]
pub(crate) struct Staged {
    file: File,
    /// Relative to where it is unpacked.
    pub(crate) entries: Vec<(PathBuf, Body)>,
    /// Links that lead out, or that not everybody would follow to the same place.
    pub(crate) left_out: Vec<PathBuf>,
}

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Directory,
    File { start: u64, size: u64, executable: bool },
    Link { target: PathBuf },
}

/// Puts entries there.
#[derive(Debug)]
pub(super) struct Stager {
    staged: Staged,
    names: Names,
    room: Room,
    size: u64,
    seen: usize,
}

impl Stager {
    pub(super) fn new(room: Room) -> io::Result<Self> {
        let (entries, left_out) = (Vec::new(), Vec::new());
        let staged = Staged { file: spool::nameless()?, entries, left_out };
        Ok(Self { staged, names: Names::default(), room, size: 0, seen: 0 })
    }

    pub(super) fn finish(self) -> Staged {
        self.staged
    }

    /// Counts an entry before anything is done for it.
    pub(super) fn count(&mut self) -> Result<(), ArchiveError> {
        self.seen += 1;
        match self.seen > self.room.entries {
            true => Err(self.too_many()),
            false => Ok(()),
        }
    }

    /// The error of an archive with too many entries.
    pub(super) const fn too_many(&self) -> ArchiveError {
        ArchiveError::TooMany { maximum: self.room.entries }
    }

    /// The most headers: an entry may need a few.
    pub(super) const fn headers_max(&self) -> usize {
        self.room.entries.saturating_mul(4)
    }

    pub(super) fn directory(&mut self, name: &[u8]) -> Result<(), ArchiveError> {
        let place = self.place(name, true)?;
        if !place.as_os_str().is_empty() {
            self.staged.entries.push((place, Body::Directory));
        }
        Ok(())
    }

    /// Puts a file there that has just that size.
    pub(super) fn file(
        &mut self,
        name: &[u8],
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let place = self.place(name, false)?;
        if size > self.room.file_bytes {
            return Err(ArchiveError::entry(name, EntryFault::TooLarge));
        }
        if size > self.room.bytes - self.size {
            return Err(ArchiveError::TooLarge { name: shown(name), maximum: self.room.bytes });
        }
        self.copy(size, content)?;
        let start = self.size;
        self.size += size;
        self.staged.entries.push((place, Body::File { start, size, executable }));
        Ok(())
    }

    /// Puts a symbolic link there, where there may be some.
    pub(super) fn link(&mut self, name: &[u8], target: &[u8]) -> Result<(), ArchiveError> {
        if !self.room.links {
            return Err(ArchiveError::entry(name, EntryFault::Link));
        }
        let place = self.place(name, false)?;
        match link::within(&place, target) {
            Some(target) => self.staged.entries.push((place, Body::Link { target })),
            None => self.staged.left_out.push(place),
        }
        Ok(())
    }

    fn place(&mut self, name: &[u8], is_directory: bool) -> Result<PathBuf, ArchiveError> {
        let place = self.names.add(name, is_directory, self.room.depth);
        place.map_err(|fault| ArchiveError::entry(name, fault))
    }

    fn copy(&mut self, size: u64, content: &mut dyn Read) -> Result<(), ArchiveError> {
        let mut content = content.take(size);
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut left = size;
        while left > 0 {
            let length = content.read(&mut buffer).map_err(|error| undecodable(&error))?;
            if length == 0 {
                return Err(ArchiveError::damaged("it ends early"));
            }
            self.staged.file.write_all(&buffer[..length])?;
            left -= length as u64;
        }
        Ok(())
    }
}

/// What went wrong where an archive was read: it is taken for the archive's fault.
pub(super) fn undecodable(error: &io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ArchiveError::damaged("it ends early"),
        _ => ArchiveError::Damaged { detail: error.to_string() },
    }
}

impl Staged {
    /// The bytes of a file.
    pub(crate) fn bytes(&self, start: u64, size: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(size).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes)
    }

    /// The bytes of a file, in one of its own.
    pub(crate) fn extract(&self, start: u64, size: u64) -> io::Result<File> {
        let mut file = spool::nameless()?;
        let (mut at, end) = (start, start + size);
        while at < end {
            let length = (end - at).min(CHUNK_BYTES as u64);
            file.write_all(&self.bytes(at, length)?)?;
            at += length;
        }
        spool::reopen(&file)
    }
}
