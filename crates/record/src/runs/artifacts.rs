//! What a run left, and that it still is where it is said to be.

use api::ArtifactInfo;
use sqlx::{Any, Row, Transaction};

use crate::{
    StoreError,
    database::Database,
    row::number,
    text::{integer, is_digest, word},
};

const OPERATION: &str = "record what a run left";

/// Records a run's artifacts.
pub(super) async fn insert(
    database: &Database,
    transaction: &mut Transaction<'static, Any>,
    run_id: &str,
    artifacts: &[ArtifactInfo],
) -> Result<(), StoreError> {
    for artifact in artifacts {
        database
            .query(
                "INSERT INTO artifacts (run_id, name, digest, bytes, media_type) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(run_id.to_owned())
            .bind(word("artifact's name", &artifact.name)?)
            .bind(artifact.sha256.clone())
            .bind(integer(artifact.size_bytes))
            .bind(word("media type", &artifact.media_type)?)
            .execute(&mut **transaction)
            .await
            .map_err(super::open::insert_failed(OPERATION, "artifact"))?;
    }
    Ok(())
}

/// Makes sure that a blob is there and stays: the sweep takes none that was touched of late,
/// and sees a reference that is committed before it was long ago.
pub(crate) async fn refer(
    database: &Database,
    transaction: &mut Transaction<'static, Any>,
    digest: &str,
) -> Result<(), StoreError> {
    if !is_digest(digest) {
        return Err(StoreError::Missing { what: "blob" });
    }
    let touched = database
        .query(
            "UPDATE blobs SET touched_at = {now} \
             WHERE digest = $1 AND stored = 1 AND doomed_at IS NULL",
        )
        .bind(digest.to_owned())
        .execute(&mut **transaction)
        .await
        .map_err(StoreError::of(OPERATION))?;
    match touched.rows_affected() {
        0 => Err(StoreError::Missing { what: "blob" }),
        _ => Ok(()),
    }
}

/// Reads a run's artifacts, by name.
pub(super) async fn read(
    database: &Database,
    run_id: &str,
) -> Result<Vec<ArtifactInfo>, StoreError> {
    let failed = || StoreError::of("read what a run left");
    let rows = database
        .query(
            "SELECT name, digest, bytes, media_type FROM artifacts WHERE run_id = $1 ORDER BY name",
        )
        .bind(run_id.to_owned())
        .fetch_all(database.reader())
        .await
        .map_err(failed())?;
    rows.iter()
        .map(|row| {
            Ok(ArtifactInfo {
                name: row.try_get("name").map_err(failed())?,
                sha256: row.try_get("digest").map_err(failed())?,
                size_bytes: number(row, "bytes")?,
                media_type: row.try_get("media_type").map_err(failed())?,
            })
        })
        .collect()
}
