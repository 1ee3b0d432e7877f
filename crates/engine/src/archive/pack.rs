//! Makes an archive of a part of a workspace, a piece at a time.
//!
//! Programs may be at work in it: what cannot be opened any more is left out, and
//! what has another size than it was said to have is cut or filled up.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    vec::IntoIter,
};

use super::{ArchiveError, ArchiveFormat, ENTRIES_MAX, error::shown, pack_tar::Tar, pack_zip::Zip};
use crate::workspace::{self, Kind, Look};

/// Given at a time, or a little more.
const CHUNK_BYTES: usize = 128 * 1024;
/// Read at a time.
const READ_BYTES: usize = 64 * 1024;

/// A format that is written.
pub(super) trait Format: Send {
    fn directory(&mut self, name: &Path, look: &Look) -> io::Result<()>;
    fn link(&mut self, name: &Path, look: &Look, text: &[u8]) -> io::Result<()>;
    /// Begins a file; its content follows.
    fn begin(&mut self, name: &Path, look: &Look) -> io::Result<()>;
    fn content(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Ends a file, of whose content that much did not come.
    fn end(&mut self, look: &Look) -> io::Result<()>;
    fn finish(&mut self) -> io::Result<()>;
    /// Whether a file has to have the size that it was said to have.
    fn is_sized(&self) -> bool;
}

/// An archive that is being made.
pub(crate) struct Packer {
    root: OwnedFd,
    base: PathBuf,
    entries: IntoIter<(PathBuf, Look)>,
    current: Option<Current>,
    format: Box<dyn Format>,
    out: Out,
    is_finished: bool,
}

struct Current {
    /// `None` once there is no more in it.
    file: Option<File>,
    look: Look,
    left: u64,
}

/// Where what is made waits to be taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Out(Arc<Mutex<Vec<u8>>>);

impl Packer {
    /// Begins an archive of a directory's content, or of one file.
    ///
    /// # Errors
    /// It is not there, or is too much.
    pub(crate) fn new(
        root: OwnedFd,
        path: &Path,
        format: ArchiveFormat,
        bytes_max: u64,
    ) -> Result<Self, ArchiveError> {
        let look = workspace::look(root.as_fd(), path)?;
        let (base, entries) = match look.kind {
            Kind::Directory => (path.to_owned(), tree(&root, path)?),
            Kind::File => {
                let parent = path.parent().unwrap_or(Path::new(""));
                (parent.to_owned(), vec![(path.to_owned(), look)])
            }
            _ => return Err(io::Error::from(io::ErrorKind::Unsupported).into()),
        };
        check_size(&entries, bytes_max)?;
        let out = Out::default();
        let format: Box<dyn Format> = match format {
            ArchiveFormat::Tar => Box::new(Tar::plain(out.clone())),
            ArchiveFormat::TarGz => Box::new(Tar::compressed(out.clone())),
            ArchiveFormat::Zip => Box::new(Zip::new(out.clone())),
        };
        let entries = entries.into_iter();
        Ok(Self { root, base, entries, current: None, format, out, is_finished: false })
    }

    /// Makes enough of it for the next piece. Once more makes nothing where the piece
    /// was not taken.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        while !self.is_finished && self.out.length() < CHUNK_BYTES {
            self.step()?;
        }
        Ok(())
    }

    /// Takes what was made: nothing after the end.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.out.take()
    }

    fn step(&mut self) -> io::Result<()> {
        if let Some(current) = &mut self.current {
            if current.step(&mut *self.format)? {
                self.current = None;
            }
            return Ok(());
        }
        let Some((path, look)) = self.entries.next() else {
            self.is_finished = true;
            return self.format.finish();
        };
        let name = path.strip_prefix(&self.base).unwrap_or(&path);
        let root = self.root.as_fd();
        match look.kind {
            Kind::Directory => self.format.directory(name, &look),
            Kind::Symlink => match workspace::link_text(root, &path) {
                Ok(text) if is_harmless(name, &text) => self.format.link(name, &look, &text),
                _ => Ok(()),
            },
            Kind::File => {
                let Ok((file, now)) = workspace::open_file(root, &path) else { return Ok(()) };
                // What it has grown by since then was not counted.
                let mut look = look;
                look.size = look.size.min(now.size);
                self.format.begin(name, &look)?;
                let left = look.size;
                self.current = Some(Current { file: Some(file), look, left });
                Ok(())
            }
            Kind::Other => Ok(()),
        }
    }
}

impl Current {
    /// Packs some of the content; says whether that was all.
    fn step(&mut self, format: &mut dyn Format) -> io::Result<bool> {
        let length = usize::try_from(self.left).unwrap_or(READ_BYTES).min(READ_BYTES);
        let mut bytes = vec![0; length];
        let read = match &mut self.file {
            Some(file) => file.read(&mut bytes).unwrap_or(0),
            None => 0,
        };
        if read > 0 {
            bytes.truncate(read);
        } else {
            self.file = None;
        }
        if self.left == 0 || (read == 0 && !format.is_sized()) {
            format.end(&self.look)?;
            return Ok(true);
        }
        format.content(&bytes)?;
        self.left -= bytes.len() as u64;
        Ok(false)
    }
}

fn tree(root: &OwnedFd, path: &Path) -> Result<Vec<(PathBuf, Look)>, ArchiveError> {
    let tree = workspace::walk(root.as_fd(), path)?;
    if tree.is_cut {
        return Err(ArchiveError::TooMany { maximum: ENTRIES_MAX });
    }
    let mut entries = tree.entries;
    entries.sort_unstable_by(|left, right| left.0.cmp(&right.0));
    // A name can be seen twice where it is made anew meanwhile.
    entries.dedup_by(|one, other| one.0 == other.0);
    Ok(entries)
}

/// Holes cost the program nothing, but would cost whoever unpacks it.
fn check_size(entries: &[(PathBuf, Look)], maximum: u64) -> Result<(), ArchiveError> {
    let mut left = maximum;
    for (path, look) in entries.iter().filter(|(_, look)| look.kind == Kind::File) {
        left = left.checked_sub(look.size).ok_or_else(|| {
            let name = shown(path.as_os_str().as_encoded_bytes());
            ArchiveError::TooLarge { name, maximum }
        })?;
    }
    Ok(())
}

/// Whether a link leads to somewhere in the archive, wherever that is unpacked.
fn is_harmless(name: &Path, text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    let mut depth = name.components().count().saturating_sub(1);
    for part in text.split('/') {
        match part {
            "." => {}
            // Empty at its start, it is absolute.
            "" => return false,
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

impl Out {
    fn length(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_out_are_not_packed() {
        let table = [
            ("link", "other", true),
            ("link", "./a/b", true),
            ("a/link", "../b", true),
            ("a/b/link", "../../c", true),
            ("link", "..", false),
            ("a/link", "../../b", false),
            ("link", "/etc/passwd", false),
            ("link", "a//etc", false),
            ("link", "", false),
            ("link", "a/../../b", false),
        ];
        for (name, text, expected) in table {
            assert_eq!(is_harmless(Path::new(name), text.as_bytes()), expected, "{name} {text}");
        }
        assert!(!is_harmless(Path::new("link"), b"\xff"));
    }
}
