//! Writes a file from inside to its place on the host.
//!
//! Below the directory that the caller named, no symbolic link is followed and
//! no file is seen half written: it gets its name when it is whole.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use api::RunId;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, openat, renameat, statat, unlinkat},
    io::Errno,
};
use sha2::{Digest, Sha256};
use tokio::task::yield_now;

use super::{
    CHUNK_BYTES,
    download::{Allowance, DownloadError, TOO_DEEP},
};
use crate::account::hexadecimal;

/// Chunks after which other tasks get their turn.
const CHUNKS_IN_A_ROW_MAX: u32 = 16;

/// What was brought out.
#[derive(Debug)]
pub(super) struct Saved {
    /// The file on the host, to be read once more.
    pub(super) file: File,
    pub(super) size_bytes: u64,
    pub(super) sha256: String,
}

/// The host directory below which files are written.
#[derive(Debug)]
pub(super) struct Target {
    directory: OwnedFd,
    path: PathBuf,
}

impl Target {
    /// Opens it, after making it where it does not exist.
    pub(super) fn open(path: &Path) -> Result<Self, DownloadError> {
        fs::create_dir_all(path).map_err(failed(path))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = openat(CWD, path, flags, Mode::empty()).map_err(failed(path))?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// Writes a file to a path below, which has been checked.
    pub(super) async fn save(
        &self,
        path: &Path,
        file: File,
        allowance: &mut Allowance,
    ) -> Result<Saved, DownloadError> {
        let whole = self.path.join(path);
        let found = file.metadata().map_err(DownloadError::Read)?;
        match (found.is_file(), found.is_dir()) {
            (true, _) => allowance.look(found.len())?,
            (_, true) => return Err(DownloadError::Path(TOO_DEEP)),
            _ => return Err(DownloadError::NotAFile),
        }
        let Some(name) = path.file_name() else {
            return Err(DownloadError::Path("it names no file"));
        };
        let directory = self.descend(path).map_err(failed(&whole))?;
        let mut partial = Partial::create(&directory).map_err(failed(&whole))?;
        let (size_bytes, sha256) = copy(file, &mut partial.file, &whole, allowance).await?;
        let file = partial.file.try_clone().map_err(failed(&whole))?;
        partial.finish(name).map_err(failed(&whole))?;
        Ok(Saved { file, size_bytes, sha256 })
    }

    /// Opens the directory that a path lies in, after making those that do not exist.
    fn descend(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let mut directory = rustix::io::fcntl_dupfd_cloexec(&self.directory, 0)?;
        for name in path.parent().into_iter().flat_map(Path::iter) {
            match mkdirat(&directory, name, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
            // With `O_DIRECTORY` a symbolic link is refused, not opened.
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            directory = openat(&directory, name, flags, Mode::empty())?;
        }
        Ok(directory)
    }
}

fn failed<E: Into<io::Error>>(path: &Path) -> impl Fn(E) -> DownloadError {
    move |cause| DownloadError::Write { path: path.to_owned(), source: cause.into() }
}

/// A file that is not whole yet, under a name that nobody chose. Dropping it removes it.
struct Partial<'a> {
    directory: &'a OwnedFd,
    name: String,
    file: File,
    finished: bool,
}

impl<'a> Partial<'a> {
    fn create(directory: &'a OwnedFd) -> Result<Self, Errno> {
        let name = format!(".cellblock-{}.part", RunId::generate());
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(directory, &name, flags, Mode::from_raw_mode(0o666))?;
        Ok(Self { directory, name, file: File::from(file), finished: false })
    }

    /// Gives it its name, in place of the file or link that has it. Whoever may make devices
    /// is not to lose one: what is written to `/dev/null` is not meant to take its place.
    fn finish(mut self, name: &OsStr) -> Result<(), Errno> {
        let there = statat(self.directory, name, AtFlags::SYMLINK_NOFOLLOW);
        match there.map(|found| FileType::from_raw_mode(found.st_mode)) {
            Ok(FileType::RegularFile | FileType::Symlink | FileType::Directory)
            | Err(Errno::NOENT) => {}
            Ok(_) => return Err(Errno::EXIST),
            Err(error) => return Err(error),
        }
        renameat(self.directory, &self.name, self.directory, name)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let _ = unlinkat(self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// Gives the size and the SHA-256 of what was copied.
async fn copy(
    mut from: File,
    to: &mut File,
    path: &Path,
    allowance: &mut Allowance,
) -> Result<(u64, String), DownloadError> {
    let mut buffer = vec![0; CHUNK_BYTES];
    let (mut hash, mut size_bytes, mut chunks) = (Sha256::new(), 0_u64, 0_u32);
    loop {
        let length = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DownloadError::Read(error)),
        };
        // Holes in a file cost the program nothing, but would fill this disk.
        let left = allowance.bytes.checked_sub(length as u64);
        let maximum = allowance.bytes_max;
        allowance.bytes = left.ok_or(DownloadError::TooLarge { maximum })?;
        hash.update(&buffer[..length]);
        to.write_all(&buffer[..length]).map_err(failed(path))?;
        size_bytes += length as u64;
        chunks = chunks.wrapping_add(1);
        if chunks.is_multiple_of(CHUNKS_IN_A_ROW_MAX) {
            yield_now().await;
        }
    }
    Ok((size_bytes, hexadecimal(&hash.finalize())))
}
