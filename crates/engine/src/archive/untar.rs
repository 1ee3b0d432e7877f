//! Reads tape archives.
//!
//! Only headers are left to the library. Its own way of reading believes sizes that
//! contradict each other and holds names of any length.

use std::{borrow::Cow, io::Read};

use tar::{EntryType, Header, PaxExtensions};

use super::{
    ArchiveError, EntryFault,
    name::NAME_BYTES_MAX,
    stage::{Stager, undecodable},
};

const BLOCK_BYTES: u64 = 512;
/// The most bytes that an entry's own attributes may have.
const ATTRIBUTES_BYTES_MAX: u64 = 64 * 1024;
/// The most bytes after the end: tapes are filled up to whole records.
const REST_BYTES_MAX: u64 = 1024 * 1024;

/// What earlier headers say of the next entry.
#[derive(Default)]
struct Attributes {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

/// Reads a whole archive.
///
/// # Errors
/// The first thing in it that is refused.
pub(super) fn read(mut archive: impl Read, stager: &mut Stager) -> Result<(), ArchiveError> {
    let mut attributes = Attributes::default();
    for _ in 0..stager.headers_max() {
        let Some(header) = header(&mut archive)? else {
            return end(archive);
        };
        let invalid = |_| ArchiveError::damaged("a header has a number that is none");
        let size = header.entry_size().map_err(invalid)?;
        let mut content = (&mut archive).take(size);
        match header.entry_type() {
            EntryType::XHeader => attributes.take_in(&held(&mut content)?)?,
            EntryType::XGlobalHeader => check_global(&held(&mut content)?)?,
            EntryType::GNULongName => attributes.rename(long_name(&mut content)?)?,
            _ => {
                stager.count()?;
                let attributes = std::mem::take(&mut attributes);
                entry(&header, attributes, &mut content, stager)?;
            }
        }
        skip(&mut archive, size.wrapping_neg() % BLOCK_BYTES)?;
    }
    Err(stager.too_many())
}

fn entry(
    header: &Header,
    attributes: Attributes,
    content: &mut std::io::Take<impl Read>,
    stager: &mut Stager,
) -> Result<(), ArchiveError> {
    let (kind, size) = (header.entry_type(), content.limit());
    let name = attributes.name.unwrap_or_else(|| header.path_bytes().into_owned());
    let refused = |fault| Err(ArchiveError::entry(&name, fault));
    // Whoever believes the other number sees other entries.
    if attributes.size.is_some_and(|told| told != size) {
        return refused(EntryFault::Disagrees);
    }
    if attributes.is_sparse {
        return refused(EntryFault::Sparse);
    }
    // Old archives have no other sign of a directory.
    let is_file = kind.is_file() || kind.is_contiguous();
    if kind.is_dir() || (is_file && name.ends_with(b"/")) {
        return if size == 0 { stager.directory(&name) } else { refused(EntryFault::Content) };
    }
    match kind {
        _ if is_file => {}
        EntryType::Symlink if size == 0 => {
            let target = attributes.link.or_else(|| header.link_name_bytes().map(Cow::into_owned));
            return stager.link(&name, &target.unwrap_or_default());
        }
        EntryType::Link | EntryType::Symlink | EntryType::GNULongLink => {
            return refused(EntryFault::Link);
        }
        EntryType::GNUSparse => return refused(EntryFault::Sparse),
        _ => return refused(EntryFault::Special),
    }
    let executable = header.mode().is_ok_and(|mode| mode & 0o111 != 0);
    stager.file(&name, executable, size, content)
}

impl Attributes {
    fn rename(&mut self, name: Vec<u8>) -> Result<(), ArchiveError> {
        match self.name.replace(name) {
            None => Ok(()),
            Some(name) => Err(ArchiveError::entry(&name, EntryFault::Disagrees)),
        }
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        for (key, value) in attributes(bytes)? {
            match key.as_slice() {
                b"path" => self.rename(value)?,
                b"linkpath" => self.link = Some(value),
                b"size" => {
                    let number = str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
                    let number = number.ok_or_else(|| ArchiveError::damaged("a size is none"))?;
                    self.size = Some(number);
                }
                key => self.is_sparse |= key.starts_with(b"GNU.sparse"),
            }
        }
        Ok(())
    }
}

/// Attributes for all entries may say nothing that matters here.
fn check_global(bytes: &[u8]) -> Result<(), ArchiveError> {
    let matters = |key: &[u8]| matches!(key, b"path" | b"size" | b"linkpath");
    match attributes(bytes)?.iter().any(|(key, _)| matters(key) || key.starts_with(b"GNU.sparse")) {
        true => Err(ArchiveError::damaged("its entries have names or sizes in common")),
        false => Ok(()),
    }
}

/// A key and its value.
type Attribute = (Vec<u8>, Vec<u8>);

fn attributes(bytes: &[u8]) -> Result<Vec<Attribute>, ArchiveError> {
    let malformed = |_| ArchiveError::damaged("an entry's attributes are malformed");
    PaxExtensions::new(bytes)
        .map(|attribute| attribute.map(|a| (a.key_bytes().to_vec(), a.value_bytes().to_vec())))
        .collect::<Result<_, _>>()
        .map_err(malformed)
}

/// The next header; `None` at the end.
fn header(archive: &mut impl Read) -> Result<Option<Header>, ArchiveError> {
    let mut header = Header::new_old();
    archive.read_exact(header.as_mut_bytes()).map_err(|error| undecodable(&error))?;
    let bytes = header.as_bytes();
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let outside = bytes[..148].iter().chain(&bytes[156..]);
    // The sum's own place counts as spaces.
    let sum = outside.fold(8 * u32::from(b' '), |sum, byte| sum + u32::from(*byte));
    match header.cksum() {
        Ok(told) if told == sum => Ok(Some(header)),
        _ => Err(ArchiveError::damaged("a header's checksum is wrong")),
    }
}

/// The content of an entry that describes others.
fn held(content: &mut std::io::Take<impl Read>) -> Result<Vec<u8>, ArchiveError> {
    if content.limit() > ATTRIBUTES_BYTES_MAX {
        return Err(ArchiveError::damaged("an entry's attributes are too long"));
    }
    let (wanted, mut bytes) = (content.limit(), Vec::new());
    content.read_to_end(&mut bytes).map_err(|error| undecodable(&error))?;
    match bytes.len() as u64 == wanted {
        true => Ok(bytes),
        false => Err(ArchiveError::damaged("it ends early")),
    }
}

fn long_name(content: &mut std::io::Take<impl Read>) -> Result<Vec<u8>, ArchiveError> {
    let mut name = held(content)?;
    if name.last() == Some(&0) {
        name.pop();
    }
    match name.len() > NAME_BYTES_MAX {
        true => Err(ArchiveError::entry(&name, EntryFault::TooLong)),
        false => Ok(name),
    }
}

fn skip(archive: &mut impl Read, bytes: u64) -> Result<(), ArchiveError> {
    let mut block = [0; 512];
    let block = block.get_mut(..usize::try_from(bytes).unwrap_or(0)).unwrap_or_default();
    archive.read_exact(block).map_err(|error| undecodable(&error))
}

/// Reads what follows the end, so that damage of what is compressed is noticed.
fn end(archive: impl Read) -> Result<(), ArchiveError> {
    let mut rest = archive.take(REST_BYTES_MAX);
    let read = std::io::copy(&mut rest, &mut std::io::sink());
    match read.map_err(|error| undecodable(&error))? {
        REST_BYTES_MAX => Err(ArchiveError::damaged("something follows its end")),
        _ => Ok(()),
    }
}
