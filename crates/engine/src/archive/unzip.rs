//! Reads zip archives.
//!
//! What the directory at the end says is believed only where each entry's own header
//! says the same: readers that differ in what they believe see different archives.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    ops::Range,
    os::unix::fs::FileExt,
};

use flate2::{Crc, bufread::DeflateDecoder};

use super::{
    ArchiveError, ENTRIES_MAX, EntryFault,
    stage::{Stager, undecodable},
};

/// The length of the end's record without its comment.
const END_BYTES: usize = 22;
/// The longest comment that the end may have.
const COMMENT_BYTES_MAX: u64 = 0xffff;
/// The length of an entry in the directory without its texts.
const ENTRY_BYTES: usize = 46;
/// The length of an entry's own header without its texts.
const HEADER_BYTES: usize = 30;
/// The longest directory: it is held in memory.
const DIRECTORY_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The entry is encrypted, in one of three ways.
const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Checksum and sizes follow the content.
const SIZES_FOLLOW: u16 = 1 << 3;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The system of an entry whose attributes are those of Unix.
const UNIX: u16 = 3;

/// An entry as the directory tells of it.
struct Entry {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    mode: Option<u32>,
    header: u64,
}

/// Reads a whole archive.
///
/// # Errors
/// The first thing in it that is refused.
pub(super) fn read(archive: File, stager: &mut Stager) -> Result<(), ArchiveError> {
    let directory = find_directory(&archive)?;
    let entries = entries(&archive, &directory)?;
    let mut taken = Vec::new();
    for entry in &entries {
        stager.count()?;
        check(entry)?;
        taken.push(content(&archive, entry, directory.start)?);
    }
    check_apart(&entries, &taken)?;
    for (entry, taken) in entries.iter().zip(taken) {
        stage(&archive, entry, taken, stager)?;
    }
    Ok(())
}

/// Where the directory lies; it ends where the end's record begins.
fn find_directory(archive: &File) -> Result<Range<u64>, ArchiveError> {
    let length = archive.metadata()?.len();
    let tail_start = length.saturating_sub(COMMENT_BYTES_MAX + END_BYTES as u64);
    let tail = bytes(archive, tail_start, length - tail_start)?;
    // The record whose comment reaches to the end of the file, and no other.
    let is_end = |at: &usize| {
        let record = tail.get(*at..).unwrap_or_default();
        record.starts_with(b"PK\x05\x06")
            && half(record, 20)
                .is_some_and(|comment| record.len() == END_BYTES + usize::from(comment))
    };
    let at = (0..tail.len().saturating_sub(END_BYTES - 1)).rev().find(is_end);
    let at = at.ok_or_else(|| ArchiveError::damaged("it has no end"))?;
    let record = tail.get(at..).unwrap_or_default();
    let (disks, here, count) = (word(record, 4), half(record, 8), half(record, 10));
    let (size, start) = (word(record, 12), word(record, 16));
    if count == Some(0xffff) || size == Some(u32::MAX) || start == Some(u32::MAX) {
        return Err(ArchiveError::damaged("it is one of the kind for more than 4 GiB"));
    }
    if disks != Some(0) || here != count {
        return Err(ArchiveError::damaged("it has several parts"));
    }
    if count.is_none_or(|count| usize::from(count) > ENTRIES_MAX) {
        return Err(ArchiveError::TooMany { maximum: ENTRIES_MAX });
    }
    let end = tail_start + at as u64;
    let start = u64::from(start.unwrap_or(u32::MAX));
    if start + u64::from(size.unwrap_or(u32::MAX)) != end {
        return Err(ArchiveError::damaged("its directory is not where it says"));
    }
    // The number of entries is looked at again: it is where the directory ends.
    Ok(start..end)
}

fn entries(archive: &File, directory: &Range<u64>) -> Result<Vec<Entry>, ArchiveError> {
    let length = directory.end - directory.start;
    if length > DIRECTORY_BYTES_MAX {
        return Err(ArchiveError::damaged("its directory is too long"));
    }
    let bytes = bytes(archive, directory.start, length)?;
    let (mut left, mut entries) = (bytes.as_slice(), Vec::new());
    while !left.is_empty() {
        if entries.len() >= ENTRIES_MAX {
            return Err(ArchiveError::TooMany { maximum: ENTRIES_MAX });
        }
        let malformed = || ArchiveError::damaged("its directory is malformed");
        let (entry, length) = Entry::parse(left).ok_or_else(malformed)?;
        entries.push(entry);
        left = left.get(length..).ok_or_else(malformed)?;
    }
    Ok(entries)
}

impl Entry {
    /// The entry at the start of these bytes, and how many they are.
    fn parse(record: &[u8]) -> Option<(Self, usize)> {
        if !record.starts_with(b"PK\x01\x02") {
            return None;
        }
        let texts = [28, 30, 32].map(|at| half(record, at).map(usize::from));
        let [name, extra, comment] = texts;
        let length = ENTRY_BYTES + name? + extra? + comment?;
        let is_unix = half(record, 4)? >> 8 == UNIX;
        let entry = Self {
            name: record.get(ENTRY_BYTES..ENTRY_BYTES + name?)?.to_vec(),
            flags: half(record, 8)?,
            method: half(record, 10)?,
            crc: word(record, 16)?,
            compressed: word(record, 20)?.into(),
            size: word(record, 24)?.into(),
            mode: is_unix.then_some(word(record, 38)? >> 16),
            header: word(record, 42)?.into(),
        };
        (length <= record.len()).then_some((entry, length))
    }

    fn is_directory(&self) -> bool {
        self.name.ends_with(b"/")
    }

    fn refused(&self, fault: EntryFault) -> ArchiveError {
        ArchiveError::entry(&self.name, fault)
    }
}

/// Refuses what an entry cannot be.
fn check(entry: &Entry) -> Result<(), ArchiveError> {
    let refused = |fault| Err(entry.refused(fault));
    if entry.flags & ENCRYPTED != 0 {
        return refused(EntryFault::Encrypted);
    }
    if !matches!(entry.method, STORED | DEFLATED) {
        return refused(EntryFault::Compression);
    }
    let told = [entry.compressed, entry.size, entry.header];
    if told.contains(&u32::MAX.into()) {
        return refused(EntryFault::TooLarge);
    }
    // The kind of a file; archives made by programs often have none.
    match (entry.mode.unwrap_or(0) >> 12, entry.is_directory()) {
        (0, _) | (0o04, true) | (0o10, false) => {}
        (0o04, false) | (0o10, true) => return refused(EntryFault::FileAndDirectory),
        (0o12, _) => return refused(EntryFault::Link),
        _ => return refused(EntryFault::Special),
    }
    if entry.is_directory() && (entry.size > 0 || entry.crc != 0) {
        return refused(EntryFault::Content);
    }
    if entry.method == STORED && entry.compressed != entry.size {
        return refused(EntryFault::Disagrees);
    }
    Ok(())
}

/// Where an entry's content lies, if its own header says what the directory says.
fn content(archive: &File, entry: &Entry, end: u64) -> Result<Range<u64>, ArchiveError> {
    let length = (HEADER_BYTES + entry.name.len()) as u64;
    let disagrees = || entry.refused(EntryFault::Disagrees);
    if entry.header + length > end {
        return Err(disagrees());
    }
    let header = bytes(archive, entry.header, length)?;
    let is_same = header.starts_with(b"PK\x03\x04")
        && half(&header, 6) == Some(entry.flags)
        && half(&header, 8) == Some(entry.method)
        && half(&header, 26).map(usize::from) == Some(entry.name.len())
        && header.get(HEADER_BYTES..) == Some(&entry.name)
        && is_size_same(&header, entry);
    let extra = half(&header, 28).filter(|_| is_same).ok_or_else(disagrees)?;
    let start = entry.header + length + u64::from(extra);
    let content = start..start + entry.compressed;
    if content.end > end { Err(disagrees()) } else { Ok(content) }
}

fn is_size_same(header: &[u8], entry: &Entry) -> bool {
    let told = [14, 18, 22].map(|at| word(header, at).map(u64::from));
    let expected = [entry.crc.into(), entry.compressed, entry.size].map(Some);
    told == expected || (entry.flags & SIZES_FOLLOW != 0 && told == [Some(0); 3])
}

/// Refuses entries that have bytes in common: a small archive would hold a large one.
fn check_apart(entries: &[Entry], contents: &[Range<u64>]) -> Result<(), ArchiveError> {
    let mut all: Vec<_> =
        entries.iter().zip(contents).map(|(entry, content)| entry.header..content.end).collect();
    all.sort_unstable_by_key(|range| range.start);
    match all.windows(2).all(|pair| pair[0].end <= pair[1].start) {
        true => Ok(()),
        false => Err(ArchiveError::damaged("its entries overlap")),
    }
}

fn stage(
    archive: &File,
    entry: &Entry,
    content: Range<u64>,
    stager: &mut Stager,
) -> Result<(), ArchiveError> {
    if entry.is_directory() {
        return stager.directory(&entry.name);
    }
    let executable = entry.mode.is_some_and(|mode| mode & 0o111 != 0);
    let section = BufReader::new(Section { archive, left: content });
    let is_whole = if entry.method == STORED {
        let mut content = Checked::new(section);
        stager.file(&entry.name, executable, entry.size, &mut content)?;
        content.crc() == entry.crc
    } else {
        let mut content = Checked::new(DeflateDecoder::new(section));
        stager.file(&entry.name, executable, entry.size, &mut content)?;
        // What is more than was told must not be there.
        let more = content.read(&mut [0]).map_err(|error| undecodable(&error))?;
        more == 0 && content.crc() == entry.crc && content.inner.total_in() == entry.compressed
    };
    if is_whole { Ok(()) } else { Err(entry.refused(EntryFault::Content)) }
}

/// A part of a file.
struct Section<'a> {
    archive: &'a File,
    left: Range<u64>,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.left.end - self.left.start).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let read = self.archive.read_at(&mut buffer[..length], self.left.start)?;
        self.left.start += read as u64;
        Ok(read)
    }
}

/// Sums up what is read.
struct Checked<R> {
    inner: R,
    sum: Crc,
}

impl<R> Checked<R> {
    fn new(inner: R) -> Self {
        Self { inner, sum: Crc::new() }
    }

    fn crc(&self) -> u32 {
        self.sum.sum()
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.sum.update(&buffer[..length]);
        Ok(length)
    }
}

/// Bytes of the archive; who asks has looked at how many.
fn bytes(archive: &File, start: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    archive.read_exact_at(&mut bytes, start).map_err(|error| undecodable(&error))?;
    Ok(bytes)
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
