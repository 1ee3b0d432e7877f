//! Opening a record.

use api::RunStatus;

use crate::{
    NewRecord, Owner, Store, StoreError,
    database::{Database, Statement},
    text::{REQUEST_BYTES_MAX, integer, optional_json, optional_word, word},
};

/// What a row and its places in the indexes take, roughly; blobs come on top.
const ROW_BYTES: i64 = 1024;

const OPERATION: &str = "open the record of a run";

const INSERT: &str = "INSERT INTO runs (id, number, tenant, kind, requested_by, project_id, \
    project, model, scope, branch, commit_sha, snapshot, session_id, rerun_of, code_digest, \
    environment, environment_digest, policy_digest, request, status, attempt, attempts_max, \
    owner, kept_bytes, queued_at, started_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
    $19, $20, $21, $22, $23, $24, {now} - $25, {now} - $26)";

/// A record that is about to be opened.
pub(crate) struct Opening<'a> {
    pub(crate) record: &'a NewRecord,
    pub(crate) status: RunStatus,
    pub(crate) number: Option<i64>,
    pub(crate) attempts_max: u32,
    pub(crate) owner: Option<&'a Owner>,
    /// How long ago it was asked for, in milliseconds.
    pub(crate) ago_ms: i64,
}

impl<'a> Opening<'a> {
    /// One of a run that starts now, in its owner's hands.
    pub(crate) fn running(record: &'a NewRecord, owner: &'a Owner) -> Self {
        Self {
            record,
            status: RunStatus::Running,
            number: None,
            attempts_max: 1,
            owner: Some(owner),
            ago_ms: 0,
        }
    }

    /// The statement that opens it.
    pub(crate) fn statement(&self, database: &Database) -> Result<Statement, StoreError> {
        let record = self.record;
        let started = self.status == RunStatus::Running;
        let request = optional_json("request", record.request.as_ref(), REQUEST_BYTES_MAX)?;
        let kept = request.as_ref().map_or(0, |text| integer(text.len() as u64)) + ROW_BYTES;
        let statement = self.bind_names(database.query(INSERT))?;
        Ok(statement
            .bind(optional_word("digest", record.code_digest.as_ref())?)
            .bind(optional_word("environment", record.environment.as_ref())?)
            .bind(optional_word("digest", record.environment_digest.as_ref())?)
            .bind(optional_word("digest", record.policy_digest.as_ref())?)
            .bind(request)
            .bind(self.status.word())
            .bind(i64::from(started))
            .bind(i64::from(self.attempts_max))
            .bind(self.owner.map(Owner::to_string))
            .bind(kept)
            .bind(self.ago_ms)
            .bind(started.then_some(self.ago_ms)))
    }

    fn bind_names(&self, statement: Statement) -> Result<Statement, StoreError> {
        let record = self.record;
        Ok(statement
            .bind(record.run_id.to_string())
            .bind(self.number)
            .bind(word("tenant", &record.tenant)?)
            .bind(record.kind.word())
            .bind(word("name of who asked", &record.requested_by)?)
            .bind(record.project_id.map(|id| id.to_string()))
            .bind(optional_word("project", record.project.as_ref())?)
            .bind(optional_word("model", record.model.as_ref())?)
            .bind(optional_word("scope", record.scope.as_ref())?)
            .bind(optional_word("branch", record.branch.as_ref())?)
            .bind(optional_word("commit", record.commit_sha.as_ref())?)
            .bind(optional_word("snapshot", record.snapshot.as_ref())?)
            .bind(record.session_id.map(|id| id.to_string()))
            .bind(record.rerun_of.map(|id| id.to_string())))
    }
}

/// Tells a record that is there already from other failures.
pub(crate) fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

/// Tells what a failed insert means.
pub(crate) fn insert_failed(
    operation: &'static str,
    what: &'static str,
) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |error| match is_duplicate(&error) {
        true => StoreError::Exists { what },
        false => StoreError::of(operation)(error),
    }
}

impl Store {
    /// Opens the record of a run that starts now and was not queued. It is durable when
    /// this returns, and this process's: should the process die before it closes the
    /// record, the next sweep does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] if the id is taken, [`StoreError::TooLarge`] for parts that
    /// are too long, and what the database fails with.
    pub async fn open_run(&self, record: &NewRecord) -> Result<(), StoreError> {
        self.keeper().engage().await?;
        let statement = Opening::running(record, self.owner()).statement(self.database())?;
        statement
            .execute(self.database().writer())
            .await
            .map(drop)
            .map_err(insert_failed(OPERATION, "run"))
    }
}
