//! Archives: made of a workspace, and taken apart for one.
//!
//! An archive that a caller sends is hostile: it is decoded on the host by total
//! functions, bounded and checked as a whole before any of it goes anywhere, and
//! written by processes inside the sandbox.

mod error;
mod extract;
mod link;
mod name;
mod pack;
mod pack_tar;
mod pack_zip;
mod stage;
mod untar;
mod unzip;

pub use error::{ArchiveError, EntryFault};
pub use extract::{ArchiveBounds, Extracted, extract_archive};
pub(crate) use pack::Packer;
pub(crate) use stage::{Body, Room, Staged};

/// The most files and directories of one archive: as many as a run takes.
pub(crate) const ENTRIES_MAX: usize = 10_000;

/// How an archive is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A tape archive.
    Tar,
    /// The same, compressed by gzip.
    TarGz,
    /// A zip archive.
    Zip,
}

/// Decodes and checks a whole archive, whose files end up in one without a name.
///
/// # Errors
/// The first thing in it that is refused.
pub(crate) fn stage(
    archive: std::fs::File,
    format: ArchiveFormat,
    room: Room,
) -> Result<Staged, ArchiveError> {
    let mut stager = stage::Stager::new(room)?;
    let archive = std::io::BufReader::with_capacity(64 * 1024, archive);
    match format {
        ArchiveFormat::Tar => untar::read(archive, &mut stager)?,
        ArchiveFormat::TarGz => {
            untar::read(flate2::bufread::MultiGzDecoder::new(archive), &mut stager)?;
        }
        ArchiveFormat::Zip => unzip::read(archive.into_inner(), &mut stager)?,
    }
    Ok(stager.finish())
}

#[cfg(test)]
mod tests;
