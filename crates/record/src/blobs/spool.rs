//! Bytes whose digest is not known yet: in memory while they are few, in a file of their
//! own after that.

use std::{io, path::PathBuf};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use super::{BlobDigest, BlobError};
use crate::text::hexadecimal;

/// The most that is held in memory for each put; also the size of the parts in which
/// more goes to a bucket, which may not have more than 10,000 of them.
pub(super) const MEMORY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What was read, and what it is called.
pub(super) struct Spooled {
    pub(super) digest: BlobDigest,
    pub(super) bytes: SpooledBytes,
}

/// Where it is.
pub(super) enum SpooledBytes {
    Memory(Bytes),
    File(SpoolFile),
}

/// A file that goes when it is dropped.
pub(super) struct SpoolFile {
    file: File,
    path: PathBuf,
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // What cannot be removed here is removed by the sweep.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Reads a stream to its end, but not more of it than may be.
pub(super) async fn spool(
    directory: &std::path::Path,
    stream: impl Stream<Item = io::Result<Bytes>>,
    max_bytes: u64,
) -> Result<Spooled, BlobError> {
    let mut stream = std::pin::pin!(stream);
    let mut hash = Sha256::new();
    let mut memory = BytesMut::new();
    let mut file: Option<SpoolFile> = None;
    let mut total: u64 = 0;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(BlobError::Source)?;
        total = total.saturating_add(chunk.len() as u64);
        if total > max_bytes {
            return Err(BlobError::TooLarge { limit_bytes: max_bytes });
        }
        hash.update(&chunk);
        memory.extend_from_slice(&chunk);
        if memory.len() > MEMORY_BYTES_MAX {
            let file = match &mut file {
                Some(file) => file,
                None => file.insert(SpoolFile::create(directory).await?),
            };
            file.file.write_all(&memory.split()).await.map_err(BlobError::of_spool)?;
        }
    }
    let digest = BlobDigest { sha256: hexadecimal(&hash.finalize()), size_bytes: total };
    let bytes = match file {
        None => SpooledBytes::Memory(memory.freeze()),
        Some(mut file) => {
            file.file.write_all(&memory).await.map_err(BlobError::of_spool)?;
            file.file.flush().await.map_err(BlobError::of_spool)?;
            SpooledBytes::File(file)
        }
    };
    Ok(Spooled { digest, bytes })
}

impl SpoolFile {
    async fn create(directory: &std::path::Path) -> Result<Self, BlobError> {
        let path = directory.join(uuid::Uuid::now_v7().to_string());
        let mut options = File::options();
        options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(&path).await.map_err(BlobError::of_spool)?;
        Ok(Self { file, path })
    }

    pub(super) async fn rewind(&mut self) -> Result<(), BlobError> {
        self.file.rewind().await.map(drop).map_err(BlobError::of_spool)
    }

    /// The next bytes, at most as many as one part has; none at the end.
    pub(super) async fn part(&mut self) -> Result<Option<Bytes>, BlobError> {
        let mut part = BytesMut::with_capacity(MEMORY_BYTES_MAX);
        while part.len() < MEMORY_BYTES_MAX {
            let left = (MEMORY_BYTES_MAX - part.len()) as u64;
            let read = (&mut self.file).take(left).read_buf(&mut part).await;
            if read.map_err(BlobError::of_spool)? == 0 {
                break;
            }
        }
        Ok((!part.is_empty()).then(|| part.freeze()))
    }
}
