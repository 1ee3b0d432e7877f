//! Reading bytes, and checking that they are those that were kept.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use object_store::ObjectStoreExt as _;
use sha2::{Digest as _, Sha256};

use super::{BlobError, Blobs};
use crate::text::hexadecimal;

const OPERATION: &str = "read a blob";

/// Bytes as they come. The last item is [`BlobError::Damaged`] if they were not those that
/// were kept: what is written elsewhere of them must then not be used.
pub struct BlobReader {
    size_bytes: u64,
    sha256: String,
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    hash: Option<Sha256>,
}

impl std::fmt::Debug for BlobReader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("BlobReader").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

impl BlobReader {
    /// How many there are.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }
}

impl Stream for BlobReader {
    type Item = Result<Bytes, BlobError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = match ready!(self.bytes.poll_next_unpin(context)) {
            Some(Ok(chunk)) => chunk,
            Some(Err(error)) => {
                self.hash = None;
                return Poll::Ready(Some(Err(BlobError::of(OPERATION)(error))));
            }
            None => {
                let found = self.hash.take().map(|hash| hexadecimal(&hash.finalize()));
                let damaged = found.is_some_and(|found| found != self.sha256);
                let error = BlobError::Damaged { sha256: self.sha256.clone() };
                return Poll::Ready(damaged.then_some(Err(error)));
            }
        };
        if let Some(hash) = &mut self.hash {
            hash.update(&chunk);
        }
        Poll::Ready(Some(Ok(chunk)))
    }
}

impl Blobs {
    /// Begins to read what was kept under a digest.
    ///
    /// # Errors
    ///
    /// [`BlobError::Missing`] if nothing was, and what the place fails with.
    pub async fn get(&self, sha256: &str) -> Result<BlobReader, BlobError> {
        let path = self.path(sha256)?;
        let found = self.0.objects.get(&path).await.map_err(|error| match error {
            object_store::Error::NotFound { .. } => {
                BlobError::Missing { sha256: sha256.to_owned() }
            }
            error => BlobError::of(OPERATION)(error),
        })?;
        Ok(BlobReader {
            size_bytes: found.meta.size,
            sha256: sha256.to_owned(),
            bytes: found.into_stream(),
            hash: Some(Sha256::new()),
        })
    }

    /// Reads all that was kept under a digest, if it is not more than may be.
    ///
    /// # Errors
    ///
    /// [`BlobError::TooLarge`] if it is more, [`BlobError::Missing`] if there is nothing,
    /// [`BlobError::Damaged`] if it is not what was kept, and what the place fails with.
    pub async fn read(&self, sha256: &str, max_bytes: u64) -> Result<Vec<u8>, BlobError> {
        let too_large = BlobError::TooLarge { limit_bytes: max_bytes };
        let mut reader = self.get(sha256).await?;
        if reader.size_bytes() > max_bytes {
            return Err(too_large);
        }
        let mut all = Vec::new();
        while let Some(chunk) = reader.next().await {
            let chunk = chunk?;
            // The place may bring more than it announced.
            if (all.len() as u64).saturating_add(chunk.len() as u64) > max_bytes {
                return Err(too_large);
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }
}
