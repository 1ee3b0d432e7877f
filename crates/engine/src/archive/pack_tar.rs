//! Writes tape archives.

use std::{
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};

use super::pack::{Format, Out};
use crate::workspace::Look;

const BLOCK: [u8; 512] = [0; 512];
/// The longest name or link that a header has room for.
const TEXT_BYTES_MAX: usize = 100;
/// The latest time that every reader takes, in seconds.
const TIME_MAX: i128 = 0o77_777_777_777;

/// A tape archive that is being written.
pub(super) struct Tar<W> {
    to: W,
}

/// What an archive is written to.
pub(super) trait Target: Write + Send {
    fn finish(&mut self) -> io::Result<()>;
}

impl Target for Out {
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Target for GzEncoder<Out> {
    fn finish(&mut self) -> io::Result<()> {
        self.try_finish()
    }
}

impl Tar<Out> {
    pub(super) fn plain(to: Out) -> Self {
        Self { to }
    }
}

impl Tar<GzEncoder<Out>> {
    pub(super) fn compressed(to: Out) -> Self {
        Self { to: GzEncoder::new(to, Compression::default()) }
    }
}

impl<W: Target> Tar<W> {
    fn header(&mut self, kind: EntryType, name: &[u8], look: &Look, size: u64) -> io::Result<()> {
        self.entry(kind, name, look, (size, b""))
    }

    fn entry(
        &mut self,
        kind: EntryType,
        name: &[u8],
        look: &Look,
        (size, link): (u64, &[u8]),
    ) -> io::Result<()> {
        for (kind, text) in [(EntryType::GNULongName, name), (EntryType::GNULongLink, link)] {
            if text.len() > TEXT_BYTES_MAX {
                self.long_text(kind, text)?;
            }
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(size);
        // What sets the user's id on others' machines is none of ours to give.
        header.set_mode(look.mode & 0o777);
        header.set_uid(0);
        header.set_gid(0);
        let time = (look.modified_ns / 1_000_000_000).clamp(0, TIME_MAX);
        header.set_mtime(u64::try_from(time).unwrap_or(0));
        let old = header.as_old_mut();
        fill(&mut old.name, name);
        fill(&mut old.linkname, link);
        header.set_cksum();
        self.to.write_all(header.as_bytes())
    }

    /// An entry that holds a text of the next one.
    fn long_text(&mut self, kind: EntryType, text: &[u8]) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        let size = text.len() as u64 + 1;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        fill(&mut header.as_old_mut().name, b"././@LongLink");
        header.set_cksum();
        self.to.write_all(header.as_bytes())?;
        self.to.write_all(text)?;
        self.to.write_all(b"\0")?;
        self.pad(size)
    }

    fn pad(&mut self, size: u64) -> io::Result<()> {
        let length = usize::try_from(size.wrapping_neg() % 512).unwrap_or(0);
        self.to.write_all(BLOCK.get(..length).unwrap_or_default())
    }
}

impl<W: Target> Format for Tar<W> {
    fn directory(&mut self, name: &Path, look: &Look) -> io::Result<()> {
        let name = [name.as_os_str().as_bytes(), b"/"].concat();
        self.header(EntryType::Directory, &name, look, 0)
    }

    fn link(&mut self, name: &Path, look: &Look, text: &[u8]) -> io::Result<()> {
        self.entry(EntryType::Symlink, name.as_os_str().as_bytes(), look, (0, text))
    }

    fn begin(&mut self, name: &Path, look: &Look) -> io::Result<()> {
        self.header(EntryType::Regular, name.as_os_str().as_bytes(), look, look.size)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    fn end(&mut self, look: &Look) -> io::Result<()> {
        self.pad(look.size)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.to.write_all(&BLOCK)?;
        self.to.write_all(&BLOCK)?;
        self.to.finish()
    }

    fn is_sized(&self) -> bool {
        true
    }
}

/// As much of a text as there is room for; the rest stands before.
fn fill(room: &mut [u8], text: &[u8]) {
    for (to, from) in room.iter_mut().zip(text) {
        *to = *from;
    }
}
