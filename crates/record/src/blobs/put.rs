//! Keeping bytes.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::Stream;
use object_store::{ObjectStoreExt as _, PutPayload, path::Path};
use sqlx::Row;

use super::{
    BlobError, Blobs,
    spool::{SpoolFile, Spooled, SpooledBytes, spool},
};
use crate::{StoreError, text::integer};

/// How long to wait for others who are removing the same bytes: as long as the sweep takes
/// for one of its steps at most, and some.
const REMOVAL_WAIT: Duration = Duration::from_secs(90);
const REMOVAL_POLL: Duration = Duration::from_millis(200);

const OPERATION: &str = "keep a blob";

/// What bytes are called, and how many they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobDigest {
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// How many.
    pub size_bytes: u64,
}

/// What the database says of a digest that somebody wants to keep.
enum Place {
    /// Its bytes are there.
    Taken,
    /// They have to be brought.
    Free,
    /// They are being removed.
    Doomed,
}

impl Blobs {
    /// Keeps what a stream brings, if it is not more than may be. It is durable when this
    /// returns, and stays for at least an hour, within which something should refer to it.
    ///
    /// # Errors
    ///
    /// [`BlobError::TooLarge`] if it is more, [`BlobError::Source`] if the stream fails,
    /// and what the place or the database fails with. Nothing of it is then kept.
    pub async fn put(
        &self,
        stream: impl Stream<Item = io::Result<Bytes>>,
        max_bytes: u64,
    ) -> Result<BlobDigest, BlobError> {
        let mut spooled = spool(&self.0.spool, stream, max_bytes).await?;
        let path = self.path(&spooled.digest.sha256)?;
        let mut waited = Duration::ZERO;
        loop {
            match self.reserve(&spooled.digest).await? {
                Place::Taken => return Ok(spooled.digest),
                Place::Free => {
                    self.upload(&path, &mut spooled).await?;
                    if self.mark_stored(&spooled.digest.sha256).await? {
                        return Ok(spooled.digest);
                    }
                }
                Place::Doomed if waited > REMOVAL_WAIT => {
                    return Err(BlobError::Busy { sha256: spooled.digest.sha256 });
                }
                Place::Doomed => {
                    tokio::time::sleep(REMOVAL_POLL).await;
                    waited += REMOVAL_POLL;
                }
            }
        }
    }

    /// The same of bytes that are in memory already.
    ///
    /// # Errors
    ///
    /// Those of [`Blobs::put`].
    pub async fn put_bytes(&self, bytes: impl Into<Bytes>) -> Result<BlobDigest, BlobError> {
        let bytes = bytes.into();
        self.put(futures_util::stream::iter([Ok(bytes)]), u64::MAX).await
    }

    async fn reserve(&self, digest: &BlobDigest) -> Result<Place, BlobError> {
        let failed = || StoreError::of(OPERATION);
        let database = self.0.store.database();
        let sql = "INSERT INTO blobs (digest, bytes, stored, touched_at) VALUES ($1, $2, 0, {now}) \
                   ON CONFLICT (digest) DO UPDATE SET touched_at = excluded.touched_at \
                   WHERE blobs.doomed_at IS NULL RETURNING stored";
        let query = database.query(sql).bind(digest.sha256.clone());
        let query = query.bind(integer(digest.size_bytes));
        let row = query.fetch_optional(database.writer()).await.map_err(failed())?;
        let Some(row) = row else { return Ok(Place::Doomed) };
        let stored: i64 = row.try_get(0).map_err(failed())?;
        Ok(if stored == 1 { Place::Taken } else { Place::Free })
    }

    /// Says that the bytes are in their place; not if they have been doomed meanwhile.
    async fn mark_stored(&self, sha256: &str) -> Result<bool, BlobError> {
        let database = self.0.store.database();
        let sql = "UPDATE blobs SET stored = 1, touched_at = {now} \
                   WHERE digest = $1 AND doomed_at IS NULL";
        let query = database.query(sql).bind(sha256.to_owned());
        let updated = query.execute(database.writer()).await;
        Ok(updated.map_err(StoreError::of(OPERATION))?.rows_affected() > 0)
    }

    async fn upload(&self, path: &Path, spooled: &mut Spooled) -> Result<(), BlobError> {
        match &mut spooled.bytes {
            SpooledBytes::Memory(bytes) => {
                let payload = PutPayload::from_bytes(bytes.clone());
                let put = self.0.objects.put(path, payload).await;
                put.map(drop).map_err(BlobError::of(OPERATION))
            }
            SpooledBytes::File(file) => self.upload_parts(path, file).await,
        }
    }

    async fn upload_parts(&self, path: &Path, file: &mut SpoolFile) -> Result<(), BlobError> {
        file.rewind().await?;
        let mut upload =
            self.0.objects.put_multipart(path).await.map_err(BlobError::of(OPERATION))?;
        loop {
            let sent = match file.part().await {
                Ok(None) => break,
                Ok(Some(part)) => {
                    upload.put_part(part.into()).await.map_err(BlobError::of(OPERATION))
                }
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                // What the place cannot be told to forget, it forgets by its own rules.
                let _ = upload.abort().await;
                return Err(error);
            }
        }
        upload.complete().await.map(drop).map_err(BlobError::of(OPERATION))
    }
}
