//! What a project's data comes from.

use api::{DataSource, DataSourceKind, ProjectId, SourceId};
use sqlx::any::AnyRow;

use super::{Listed, listed, rows_wanted};
use crate::{
    Store, StoreError,
    row::{moment, parsed, text},
    runs::{insert_failed, refer},
    text::{PLACE_BYTES_MAX, bounded, word},
};

const OPERATION_ADD: &str = "add a data source";
const OPERATION_READ: &str = "read what data sources there are";

/// A data source that is to be added.
#[derive(Clone, Debug)]
pub struct NewSource {
    /// The project.
    pub project_id: ProjectId,
    /// Its name; no two sources of a project share one.
    pub name: String,
    /// What it is read from.
    pub kind: DataSourceKind,
    /// Where that is: of an upload the blob's digest, an absolute path, or a URL.
    pub location: String,
}

impl Store {
    /// Adds a data source to a tenant's project, or puts it in the place of the one of
    /// that name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if the tenant has no such project or an upload's blob is not
    /// there, [`StoreError::TooLarge`] for parts that are too long.
    pub async fn put_source(
        &self,
        tenant: &str,
        source: &NewSource,
    ) -> Result<DataSource, StoreError> {
        let failed = || StoreError::of(OPERATION_ADD);
        if self.project_by_id(tenant, source.project_id).await?.is_none() {
            return Err(StoreError::Missing { what: "project" });
        }
        let mut transaction = self.database().begin().await.map_err(failed())?;
        if source.kind == DataSourceKind::Upload {
            refer(self.database(), &mut transaction, &source.location).await?;
        }
        let sql = "INSERT INTO sources (id, tenant, project_id, name, kind, location, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, {now}) ON CONFLICT (project_id, name) \
                   DO UPDATE SET kind = excluded.kind, location = excluded.location, \
                   created_at = excluded.created_at \
                   RETURNING id, project_id, name, kind, location, created_at";
        let row = self
            .database()
            .query(sql)
            .bind(SourceId::generate().to_string())
            .bind(word("tenant", tenant)?)
            .bind(source.project_id.to_string())
            .bind(word("name", &source.name)?)
            .bind(kind_word(source.kind))
            .bind(bounded("location", &source.location, PLACE_BYTES_MAX)?)
            .fetch_one(&mut *transaction)
            .await
            .map_err(insert_failed(OPERATION_ADD, "data source"))?;
        transaction.commit().await.map_err(failed())?;
        read(&row)
    }

    /// A project's data source by its name.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn source(
        &self,
        tenant: &str,
        project_id: ProjectId,
        name: &str,
    ) -> Result<Option<DataSource>, StoreError> {
        let sql = "SELECT id, project_id, name, kind, location, created_at FROM sources \
                   WHERE tenant = $1 AND project_id = $2 AND name = $3";
        let query = self.database().query(sql).bind(tenant.to_owned());
        let query = query.bind(project_id.to_string()).bind(crate::text::clean(name));
        let row = query.fetch_optional(self.database().reader()).await;
        row.map_err(StoreError::of(OPERATION_READ))?.as_ref().map(read).transpose()
    }

    /// A project's data sources by name. The cursor is the last name of the page before.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn sources(
        &self,
        tenant: &str,
        project_id: ProjectId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<DataSource>, StoreError> {
        let sql = "SELECT id, project_id, name, kind, location, created_at FROM sources \
                   WHERE tenant = $1 AND project_id = $2 AND name > $3 ORDER BY name LIMIT $4";
        let rows = self
            .database()
            .query(sql)
            .bind(tenant.to_owned())
            .bind(project_id.to_string())
            .bind(crate::text::clean(cursor.unwrap_or_default()))
            .bind(rows_wanted(limit))
            .fetch_all(self.database().reader())
            .await
            .map_err(StoreError::of(OPERATION_READ))?;
        listed(&rows, limit, read, |source| source.name.clone())
    }

    /// Deletes a data source; snapshots taken of it stay. Says whether there was one.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn delete_source(
        &self,
        tenant: &str,
        source_id: SourceId,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM sources WHERE tenant = $1 AND id = $2";
        let query = self.database().query(sql).bind(tenant.to_owned()).bind(source_id.to_string());
        let deleted = query.execute(self.database().writer()).await;
        Ok(deleted.map_err(StoreError::of("delete a data source"))?.rows_affected() > 0)
    }
}

const fn kind_word(kind: DataSourceKind) -> &'static str {
    match kind {
        DataSourceKind::Upload => "upload",
        DataSourceKind::Directory => "directory",
        DataSourceKind::Bucket => "bucket",
    }
}

fn read(row: &AnyRow) -> Result<DataSource, StoreError> {
    Ok(DataSource {
        source_id: parsed(row, "id")?,
        project_id: parsed(row, "project_id")?,
        name: text(row, "name")?,
        kind: match text(row, "kind")?.as_str() {
            "upload" => DataSourceKind::Upload,
            "directory" => DataSourceKind::Directory,
            "bucket" => DataSourceKind::Bucket,
            _ => return Err(StoreError::Corrupt { what: "kind" }),
        },
        location: text(row, "location")?,
        created_at: moment(row, "created_at")?,
    })
}
