//! Projects by name.

use api::{Project, ProjectId, RepositoryKind};
use sqlx::any::AnyRow;

use super::{Listed, listed, rows_wanted};
use crate::{
    Store, StoreError,
    row::{moment, parsed, text},
    runs::insert_failed,
    text::{PLACE_BYTES_MAX, PROSE_BYTES_MAX, bounded, word},
};

const OPERATION_READ: &str = "read what projects there are";
const OPERATION_DELETE: &str = "delete a project";

/// A project that is to be made.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// Its name; no two projects of a tenant share one.
    pub name: String,
    /// What it is, in its owner's words.
    pub description: String,
    /// Where its repository is: a URL or an absolute path.
    pub repository: String,
    /// Which of both.
    pub repository_kind: RepositoryKind,
    /// The branch that is run where none is named.
    pub default_branch: String,
    /// The environment that it runs in.
    pub environment: String,
}

impl Store {
    /// Makes a project.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if the tenant has one of that name, [`StoreError::TooLarge`]
    /// for parts that are too long.
    pub async fn add_project(
        &self,
        tenant: &str,
        project: &NewProject,
    ) -> Result<Project, StoreError> {
        let sql = "INSERT INTO projects (id, tenant, name, description, source, source_kind, \
                   default_branch, environment, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}) RETURNING id, name, \
                   description, source, source_kind, default_branch, environment, created_at";
        let row = self
            .database()
            .query(sql)
            .bind(ProjectId::generate().to_string())
            .bind(word("tenant", tenant)?)
            .bind(word("name", &project.name)?)
            .bind(bounded("description", &project.description, PROSE_BYTES_MAX)?)
            .bind(bounded("repository", &project.repository, PLACE_BYTES_MAX)?)
            .bind(kind_word(project.repository_kind))
            .bind(word("branch", &project.default_branch)?)
            .bind(word("environment", &project.environment)?)
            .fetch_one(self.database().writer())
            .await
            .map_err(insert_failed("make a project", "project"))?;
        read(&row)
    }

    /// A tenant's project by its name.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn project(&self, tenant: &str, name: &str) -> Result<Option<Project>, StoreError> {
        let sql = "SELECT id, name, description, source, source_kind, default_branch, \
                   environment, created_at FROM projects WHERE tenant = $1 AND name = $2";
        self.one_project(sql, tenant, crate::text::clean(name)).await
    }

    /// A tenant's project by its id.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn project_by_id(
        &self,
        tenant: &str,
        project_id: ProjectId,
    ) -> Result<Option<Project>, StoreError> {
        let sql = "SELECT id, name, description, source, source_kind, default_branch, \
                   environment, created_at FROM projects WHERE tenant = $1 AND id = $2";
        self.one_project(sql, tenant, project_id.to_string()).await
    }

    async fn one_project(
        &self,
        sql: &'static str,
        tenant: &str,
        key: String,
    ) -> Result<Option<Project>, StoreError> {
        let query = self.database().query(sql).bind(tenant.to_owned()).bind(key);
        let row = query.fetch_optional(self.database().reader()).await;
        row.map_err(StoreError::of(OPERATION_READ))?.as_ref().map(read).transpose()
    }

    /// A tenant's projects by name. The cursor is the last name of the page before.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn projects(
        &self,
        tenant: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Project>, StoreError> {
        let sql = "SELECT id, name, description, source, source_kind, default_branch, \
                   environment, created_at FROM projects WHERE tenant = $1 AND name > $2 \
                   ORDER BY name LIMIT $3";
        let rows = self
            .database()
            .query(sql)
            .bind(tenant.to_owned())
            .bind(crate::text::clean(cursor.unwrap_or_default()))
            .bind(rows_wanted(limit))
            .fetch_all(self.database().reader())
            .await
            .map_err(StoreError::of(OPERATION_READ))?;
        listed(&rows, limit, read, |project| project.name.clone())
    }

    /// Deletes a tenant's project with its sources and snapshots. The records of its runs
    /// stay. Says whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while runs of it wait or run.
    pub async fn delete_project(
        &self,
        tenant: &str,
        project_id: ProjectId,
    ) -> Result<bool, StoreError> {
        let failed = || StoreError::of(OPERATION_DELETE);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        let under_way = "SELECT id FROM runs WHERE tenant = $1 AND project_id = $2 \
                         AND status IN ('pending', 'running') LIMIT 1";
        let (tenant, id) = (tenant.to_owned(), project_id.to_string());
        let query = self.database().query(under_way).bind(tenant.clone()).bind(id.clone());
        if query.fetch_optional(&mut *transaction).await.map_err(failed())?.is_some() {
            return Err(StoreError::InUse { what: "project", used_by: "runs that are under way" });
        }
        let mut deleted = 0;
        for sql in [
            "DELETE FROM snapshot_files WHERE tenant = $1 AND project_id = $2",
            "DELETE FROM snapshots WHERE tenant = $1 AND project_id = $2",
            "DELETE FROM sources WHERE tenant = $1 AND project_id = $2",
            "DELETE FROM projects WHERE tenant = $1 AND id = $2",
        ] {
            let query = self.database().query(sql).bind(tenant.clone()).bind(id.clone());
            deleted = query.execute(&mut *transaction).await.map_err(failed())?.rows_affected();
        }
        transaction.commit().await.map_err(failed())?;
        Ok(deleted > 0)
    }
}

const fn kind_word(kind: RepositoryKind) -> &'static str {
    match kind {
        RepositoryKind::Remote => "remote",
        RepositoryKind::Local => "local",
    }
}

fn read(row: &AnyRow) -> Result<Project, StoreError> {
    Ok(Project {
        project_id: parsed(row, "id")?,
        name: text(row, "name")?,
        description: text(row, "description")?,
        repository: text(row, "source")?,
        repository_kind: match text(row, "source_kind")?.as_str() {
            "remote" => RepositoryKind::Remote,
            "local" => RepositoryKind::Local,
            _ => return Err(StoreError::Corrupt { what: "source_kind" }),
        },
        default_branch: text(row, "default_branch")?,
        environment: text(row, "environment")?,
        created_at: moment(row, "created_at")?,
    })
}
