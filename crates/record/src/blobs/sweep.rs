//! Removing what nothing refers to.
//!
//! A blob is doomed first, which only works while nothing has touched it for an hour, and
//! from which moment nothing can refer to it. Its bytes go next, its row last. Whoever puts
//! the same meanwhile waits for the row to be gone.

use std::time::{Duration, Instant, SystemTime};

use object_store::ObjectStoreExt as _;

use super::{BlobError, Blobs};
use crate::{
    StoreError,
    row::{number, text},
};

/// How long what nothing refers to is kept: whoever put it may be about to refer to it.
const KEPT: Duration = Duration::from_secs(3600);

/// How long after dooming a blob its bytes may be removed: after that others may have
/// taken over, for whoever doomed it may have died.
const REMOVAL_MAX: Duration = Duration::from_secs(60);

/// When others take over.
const TAKE_OVER: Duration = Duration::from_secs(600);

/// How long bytes that were put aside are kept; whoever put them aside is long dead.
const SPOOL_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The most that one statement looks at.
const BATCH: i64 = 500;

const OPERATION: &str = "remove blobs that nothing refers to";

/// Blobs that nothing refers to, by digest.
const UNREFERENCED: &str = "SELECT digest FROM blobs WHERE digest > $1 AND doomed_at IS NULL \
    AND touched_at < {now} - $2 \
    AND NOT EXISTS (SELECT 1 FROM artifacts WHERE artifacts.digest = blobs.digest) \
    AND NOT EXISTS (SELECT 1 FROM snapshot_files WHERE snapshot_files.digest = blobs.digest) \
    AND NOT EXISTS (SELECT 1 FROM sources WHERE sources.location = blobs.digest) \
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.stdout_digest = blobs.digest) \
    AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.stderr_digest = blobs.digest) \
    ORDER BY digest LIMIT $3";

/// Dooms one, unless somebody has touched it since: a reference is made after touching.
const DOOM: &str = "UPDATE blobs SET doomed_at = {now} WHERE digest = $1 \
    AND doomed_at IS NULL AND touched_at < {now} - $2 RETURNING bytes";

/// One that somebody doomed and did not remove.
const DOOM_AGAIN: &str = "UPDATE blobs SET doomed_at = {now} WHERE digest = $1 \
    AND doomed_at < {now} - $2 RETURNING bytes";

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Blobs {
    /// Removes blobs that nothing has referred to or put for an hour.
    ///
    /// # Errors
    ///
    /// What the place or the database fails with; what was removed by then stays so.
    pub async fn sweep(&self) -> Result<Swept, BlobError> {
        let mut swept = Swept::default();
        self.sweep_spool().await;
        let left = "SELECT digest FROM blobs WHERE doomed_at < {now} - $2 AND digest > $1 \
                    ORDER BY digest LIMIT $3";
        self.remove_all(left, DOOM_AGAIN, TAKE_OVER, &mut swept).await?;
        self.remove_all(UNREFERENCED, DOOM, KEPT, &mut swept).await?;
        Ok(swept)
    }

    async fn remove_all(
        &self,
        select: &'static str,
        doom: &'static str,
        age: Duration,
        swept: &mut Swept,
    ) -> Result<(), BlobError> {
        let failed = || StoreError::of(OPERATION);
        let database = self.0.store.database();
        let mut last = String::new();
        loop {
            let query = database.query(select).bind(last.clone()).bind(millis(age)).bind(BATCH);
            let rows = query.fetch_all(database.reader()).await.map_err(failed())?;
            for row in &rows {
                last = text(row, "digest")?;
                self.remove(&last, doom, age, swept).await?;
            }
            if rows.is_empty() {
                return Ok(());
            }
        }
    }

    async fn remove(
        &self,
        sha256: &str,
        doom: &'static str,
        age: Duration,
        swept: &mut Swept,
    ) -> Result<(), BlobError> {
        let failed = || StoreError::of(OPERATION);
        let database = self.0.store.database();
        let began = Instant::now();
        let query = database.query(doom).bind(sha256.to_owned()).bind(millis(age));
        let doomed = query.fetch_optional(database.writer()).await.map_err(failed())?;
        let Some(doomed) = doomed else { return Ok(()) };
        if began.elapsed() > REMOVAL_MAX {
            return Ok(());
        }
        match self.0.objects.delete(&self.path(sha256)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(BlobError::of(OPERATION)(error)),
        }
        let query = database.query("DELETE FROM blobs WHERE digest = $1 AND doomed_at IS NOT NULL");
        let query = query.bind(sha256.to_owned());
        query.execute(database.writer()).await.map_err(failed())?;
        swept.blobs += 1;
        swept.bytes += number::<u64>(&doomed, "bytes")?;
        Ok(())
    }

    /// Removes what dead processes had put aside.
    async fn sweep_spool(&self) {
        let Ok(mut entries) = tokio::fs::read_dir(&self.0.spool).await else { return };
        while let Ok(Some(entry)) = entries.next_entry().await {
            let Ok(metadata) = entry.metadata().await else { continue };
            let age =
                metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            if metadata.is_file() && age.is_some_and(|age| age > SPOOL_KEPT) {
                // Another sweep may have been faster.
                let _ = tokio::fs::remove_file(entry.path()).await;
            }
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
