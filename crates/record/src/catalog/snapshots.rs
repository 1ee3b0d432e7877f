//! A project's data at one moment: a list of files, named by its digest.

use api::{DataSnapshot, ProjectId, SnapshotFile};
use sha2::{Digest as _, Sha256};
use sqlx::any::AnyRow;

use super::{Listed, listed, rows_wanted};
use crate::{
    Store, StoreError,
    database::Statement,
    row::{moment, number, parsed, text},
    runs::{insert_failed, refer},
    text::{PLACE_BYTES_MAX, bounded, hexadecimal, integer},
};

/// The most files that a snapshot has: each is mounted, and is a row.
pub const SNAPSHOT_FILES_MAX: usize = 10_000;

const OPERATION_ADD: &str = "keep a snapshot";
const OPERATION_READ: &str = "read what snapshots there are";
const OPERATION_DELETE: &str = "delete a snapshot";

/// A snapshot that is to be kept.
#[derive(Clone, Debug)]
pub struct NewSnapshot {
    /// The project.
    pub project_id: ProjectId,
    /// Its files; their bytes have to be among the blobs already.
    pub files: Vec<SnapshotFile>,
}

impl Store {
    /// Keeps a snapshot of a tenant's project. One with the same files is the same
    /// snapshot, and stays as it was.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if the tenant has no such project or a file's blob is not
    /// there, [`StoreError::Exists`] if two files have one path, [`StoreError::TooLarge`]
    /// for too many files and paths that are too long.
    pub async fn add_snapshot(
        &self,
        tenant: &str,
        snapshot: &NewSnapshot,
    ) -> Result<DataSnapshot, StoreError> {
        if snapshot.files.len() > SNAPSHOT_FILES_MAX {
            let what = "list of a snapshot's files";
            return Err(StoreError::TooLarge { what, limit_bytes: SNAPSHOT_FILES_MAX });
        }
        if self.project_by_id(tenant, snapshot.project_id).await?.is_none() {
            return Err(StoreError::Missing { what: "project" });
        }
        let mut files: Vec<&SnapshotFile> = snapshot.files.iter().collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let id = digest(&files);
        if let Some(there) = self.snapshot(tenant, snapshot.project_id, &id).await? {
            return Ok(there);
        }
        match self.insert_snapshot(tenant, snapshot.project_id, &id, &files).await {
            // Somebody else has just done the same.
            Err(StoreError::Exists { what: "snapshot" }) => {}
            inserted => inserted?,
        }
        let there = self.snapshot(tenant, snapshot.project_id, &id).await?;
        there.ok_or(StoreError::Missing { what: "snapshot" })
    }

    async fn insert_snapshot(
        &self,
        tenant: &str,
        project_id: ProjectId,
        id: &str,
        files: &[&SnapshotFile],
    ) -> Result<(), StoreError> {
        let failed = || StoreError::of(OPERATION_ADD);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        let sql = "INSERT INTO snapshots (tenant, project_id, id, created_at, file_count, bytes) \
                   VALUES ($1, $2, $3, {now}, $4, $5)";
        self.of_snapshot(sql, tenant, project_id, id)
            .bind(integer(files.len() as u64))
            .bind(integer(files.iter().map(|file| file.size_bytes).sum()))
            .execute(&mut *transaction)
            .await
            .map_err(insert_failed(OPERATION_ADD, "snapshot"))?;
        // In one order everywhere, so that two of us do not wait for each other.
        let mut digests: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
        digests.sort_unstable();
        digests.dedup();
        for digest in digests {
            refer(self.database(), &mut transaction, digest).await?;
        }
        for file in files {
            let sql = "INSERT INTO snapshot_files (tenant, project_id, snapshot_id, path, digest, \
                       bytes) VALUES ($1, $2, $3, $4, $5, $6)";
            self.of_snapshot(sql, tenant, project_id, id)
                .bind(bounded("file's path", &file.path, PLACE_BYTES_MAX)?)
                .bind(file.sha256.clone())
                .bind(integer(file.size_bytes))
                .execute(&mut *transaction)
                .await
                .map_err(insert_failed(OPERATION_ADD, "file"))?;
        }
        transaction.commit().await.map_err(failed())
    }

    /// A snapshot by its id.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn snapshot(
        &self,
        tenant: &str,
        project_id: ProjectId,
        id: &str,
    ) -> Result<Option<DataSnapshot>, StoreError> {
        let sql = "SELECT id, project_id, created_at, file_count, bytes FROM snapshots \
                   WHERE tenant = $1 AND project_id = $2 AND id = $3";
        let query = self.of_snapshot(sql, tenant, project_id, id);
        let row = query.fetch_optional(self.database().reader()).await;
        row.map_err(StoreError::of(OPERATION_READ))?.as_ref().map(read).transpose()
    }

    /// A project's snapshots, the last taken first.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidCursor`] if the cursor is none, and what the database fails with.
    pub async fn snapshots(
        &self,
        tenant: &str,
        project_id: ProjectId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<DataSnapshot>, StoreError> {
        let (before, id) = match cursor {
            None => (i64::MAX, String::new()),
            Some(cursor) => parse_cursor(cursor).ok_or(StoreError::InvalidCursor)?,
        };
        let sql = "SELECT id, project_id, created_at, file_count, bytes FROM snapshots \
                   WHERE tenant = $1 AND project_id = $2 AND (created_at, id) < ($4, $3) \
                   ORDER BY created_at DESC, id DESC LIMIT $5";
        let rows = self
            .of_snapshot(sql, tenant, project_id, &id)
            .bind(before)
            .bind(rows_wanted(limit))
            .fetch_all(self.database().reader())
            .await
            .map_err(StoreError::of(OPERATION_READ))?;
        listed(&rows, limit, read, |snapshot| {
            format!("{}.{}", snapshot.created_at.unix_ms(), snapshot.snapshot_id)
        })
    }

    /// The files of a snapshot, by path.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn snapshot_files(
        &self,
        tenant: &str,
        project_id: ProjectId,
        id: &str,
    ) -> Result<Vec<SnapshotFile>, StoreError> {
        let sql = "SELECT path, digest, bytes FROM snapshot_files WHERE tenant = $1 \
                   AND project_id = $2 AND snapshot_id = $3 ORDER BY path";
        let query = self.of_snapshot(sql, tenant, project_id, id);
        let rows = query.fetch_all(self.database().reader()).await;
        let rows = rows.map_err(StoreError::of(OPERATION_READ))?;
        let read = |row: &AnyRow| {
            Ok(SnapshotFile {
                path: text(row, "path")?,
                sha256: text(row, "digest")?,
                size_bytes: number(row, "bytes")?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// Deletes a snapshot. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while a record refers to it.
    pub async fn delete_snapshot(
        &self,
        tenant: &str,
        project_id: ProjectId,
        id: &str,
    ) -> Result<bool, StoreError> {
        let failed = || StoreError::of(OPERATION_DELETE);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        // Waits for those that are about to refer to it.
        let held = "SELECT id FROM snapshots WHERE tenant = $1 AND project_id = $2 AND id = $3 \
                    {for update}";
        let query = self.of_snapshot(held, tenant, project_id, id);
        if query.fetch_optional(&mut *transaction).await.map_err(failed())?.is_none() {
            return Ok(false);
        }
        let used = "SELECT id FROM runs WHERE tenant = $1 AND project_id = $2 AND snapshot = $3 \
                    LIMIT 1";
        let query = self.of_snapshot(used, tenant, project_id, id);
        if query.fetch_optional(&mut *transaction).await.map_err(failed())?.is_some() {
            return Err(StoreError::InUse { what: "snapshot", used_by: "records of runs" });
        }
        for sql in [
            "DELETE FROM snapshot_files WHERE tenant = $1 AND project_id = $2 AND snapshot_id = $3",
            "DELETE FROM snapshots WHERE tenant = $1 AND project_id = $2 AND id = $3",
        ] {
            let query = self.of_snapshot(sql, tenant, project_id, id);
            query.execute(&mut *transaction).await.map_err(failed())?;
        }
        transaction.commit().await.map_err(failed())?;
        Ok(true)
    }

    /// A statement whose first arguments name a snapshot.
    fn of_snapshot(
        &self,
        sql: &'static str,
        tenant: &str,
        project_id: ProjectId,
        id: &str,
    ) -> Statement {
        let query = self.database().query(sql).bind(tenant.to_owned());
        query.bind(project_id.to_string()).bind(crate::text::clean(id))
    }
}

/// The digest of a list of files, each with the lengths of what varies before it.
fn digest(files: &[&SnapshotFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update((file.path.len() as u64).to_le_bytes());
        hash.update(&file.path);
        hash.update(&file.sha256);
        hash.update(file.size_bytes.to_le_bytes());
    }
    hexadecimal(&hash.finalize())
}

fn parse_cursor(text: &str) -> Option<(i64, String)> {
    let (created_at, id) = text.split_once('.')?;
    Some((created_at.parse().ok()?, id.to_owned()))
}

fn read(row: &AnyRow) -> Result<DataSnapshot, StoreError> {
    Ok(DataSnapshot {
        snapshot_id: text(row, "id")?,
        project_id: parsed(row, "project_id")?,
        created_at: moment(row, "created_at")?,
        file_count: number(row, "file_count")?,
        size_bytes: number(row, "bytes")?,
    })
}
