//! Closing a record, exactly once.

use std::collections::BTreeSet;

use api::{ErrorBody, ErrorCode, Outcome, RunId, RunStatus};
use sqlx::{Any, Row, Transaction};

use super::artifacts;
use crate::{
    Closing, Fence, Store, StoreError,
    database::{Database, Statement},
    text::{
        HEAD_BYTES_MAX, REPORT_BYTES_MAX, RESULT_BYTES_MAX, head, integer, optional_json,
        optional_word,
    },
};

const OPERATION: &str = "close the record of a run";

const UPDATE: &str = "UPDATE runs SET status = $2, outcome = $3, exit_code = $4, \
    enforcement = $5, usage = $6, stdout_head = $7, stderr_head = $8, stdout_bytes = $9, \
    stderr_bytes = $10, stdout_digest = $11, stderr_digest = $12, error = $13, result = $14, \
    commit_sha = COALESCE($15, commit_sha), code_digest = COALESCE($16, code_digest), \
    environment_digest = COALESCE($17, environment_digest), \
    policy_digest = COALESCE($18, policy_digest), kept_bytes = kept_bytes + $19, \
    ended_at = CASE WHEN {now} - $20 < started_at THEN started_at ELSE {now} - $20 END, \
    owner = NULL WHERE id = $1 AND status IN ('pending', 'running')";

/// What came of closing a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It is closed now.
    Now,
    /// It was closed before, with this status; nothing has changed.
    AlreadyClosed(RunStatus),
    /// It is in others' hands; nothing has changed.
    Fenced,
}

impl Store {
    /// Closes a record. One that was claimed is closed by whoever holds the claim: its
    /// `fence`, with which its place in the queue goes as well. When it returns, what it
    /// wrote is durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such run, or if a blob that it refers to is
    /// not there (any more); [`StoreError::TooLarge`] for parts that are too long.
    pub async fn close_run(
        &self,
        run_id: RunId,
        closing: &Closing,
        fence: Option<&Fence>,
    ) -> Result<Closed, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        if !self.may_close(&mut transaction, run_id, fence).await? {
            return match status_in(self.database(), &mut transaction, run_id).await? {
                status if status.is_final() => Ok(Closed::AlreadyClosed(status)),
                _ => Ok(Closed::Fenced),
            };
        }
        let closed = close_in(self.database(), &mut transaction, run_id, closing, 0).await?;
        if closed == Closed::Now {
            transaction.commit().await.map_err(failed())?;
        }
        Ok(closed)
    }

    /// Whether it is the caller's; takes it out of the queue if so.
    async fn may_close(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
        fence: Option<&Fence>,
    ) -> Result<bool, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let Some(fence) = fence else {
            let query = self.database().query("SELECT run_id FROM queue WHERE run_id = $1");
            let query = query.bind(run_id.to_string()).fetch_optional(&mut **transaction);
            return Ok(query.await.map_err(failed())?.is_none());
        };
        let deleted = self
            .database()
            .query("DELETE FROM queue WHERE run_id = $1 AND owner = $2 AND fence = $3")
            .bind(run_id.to_string())
            .bind(fence.owner.to_string())
            .bind(fence.number)
            .execute(&mut **transaction)
            .await
            .map_err(failed())?;
        Ok(deleted.rows_affected() > 0)
    }
}

/// Closes a record in a transaction of the caller's, which has seen to it that it may.
pub(crate) async fn close_in(
    database: &Database,
    transaction: &mut Transaction<'static, Any>,
    run_id: RunId,
    closing: &Closing,
    ago_ms: i64,
) -> Result<Closed, StoreError> {
    let updated = close_statement(database, run_id, closing, ago_ms)?
        .execute(&mut **transaction)
        .await
        .map_err(StoreError::of(OPERATION))?;
    if updated.rows_affected() == 0 {
        return status_in(database, transaction, run_id).await.map(Closed::AlreadyClosed);
    }
    // In one order everywhere, so that two of us do not wait for each other.
    let outputs = [&closing.stdout.sha256, &closing.stderr.sha256].into_iter().flatten();
    let artifacts = closing.artifacts.iter().map(|artifact| &artifact.sha256);
    for digest in outputs.chain(artifacts).collect::<BTreeSet<_>>() {
        artifacts::refer(database, transaction, digest).await?;
    }
    artifacts::insert(database, transaction, &run_id.to_string(), &closing.artifacts).await?;
    Ok(Closed::Now)
}

pub(crate) fn close_statement(
    database: &Database,
    run_id: RunId,
    closing: &Closing,
    ago_ms: i64,
) -> Result<Statement, StoreError> {
    let status = if closing.status.is_final() { closing.status } else { RunStatus::Failed };
    let exit_code = match closing.outcome {
        Some(Outcome::Exited { code }) => Some(i64::from(code)),
        _ => None,
    };
    let stdout = head(&closing.stdout.head, HEAD_BYTES_MAX);
    let stderr = head(&closing.stderr.head, HEAD_BYTES_MAX);
    let result = optional_json("result", closing.result.as_ref(), RESULT_BYTES_MAX)?;
    let artifacts: u64 = closing.artifacts.iter().map(|artifact| artifact.size_bytes).sum();
    let inline = stdout.len() + stderr.len() + result.as_ref().map_or(0, String::len);
    let statement = database
        .query(UPDATE)
        .bind(run_id.to_string())
        .bind(status.word())
        .bind(optional_json("outcome", closing.outcome.as_ref(), REPORT_BYTES_MAX)?)
        .bind(exit_code)
        .bind(optional_json("enforcement", closing.enforcement.as_ref(), REPORT_BYTES_MAX)?)
        .bind(optional_json("usage", closing.usage.as_ref(), REPORT_BYTES_MAX)?)
        .bind(stdout)
        .bind(stderr)
        .bind(integer(closing.stdout.total_bytes))
        .bind(integer(closing.stderr.total_bytes))
        .bind(closing.stdout.sha256.clone())
        .bind(closing.stderr.sha256.clone())
        .bind(optional_json("error", closing.error.as_ref(), REPORT_BYTES_MAX)?)
        .bind(result);
    Ok(statement
        .bind(optional_word("commit", closing.commit_sha.as_ref())?)
        .bind(optional_word("digest", closing.code_digest.as_ref())?)
        .bind(optional_word("digest", closing.environment_digest.as_ref())?)
        .bind(optional_word("digest", closing.policy_digest.as_ref())?)
        .bind(integer(artifacts.saturating_add(inline as u64)))
        .bind(ago_ms))
}

/// The closing of a run that ends without its worker: `lost`, or `cancelled` before it started.
pub(crate) fn ended_by_us(status: RunStatus) -> Closing {
    let mut closing = Closing::new(status);
    if status == RunStatus::Lost {
        closing.error = Some(ErrorBody {
            code: ErrorCode::Internal,
            message: "what ran it died before it could say how it ended".to_owned(),
            hint: Some("look at what it may have done before you run it again".to_owned()),
            retryable: true,
        });
    }
    closing
}

async fn status_in(
    database: &Database,
    transaction: &mut Transaction<'static, Any>,
    run_id: RunId,
) -> Result<RunStatus, StoreError> {
    let failed = || StoreError::of(OPERATION);
    let query = database.query("SELECT status FROM runs WHERE id = $1").bind(run_id.to_string());
    let row = query.fetch_optional(&mut **transaction).await.map_err(failed())?;
    let row = row.ok_or(StoreError::Missing { what: "run" })?;
    let word: String = row.try_get(0).map_err(failed())?;
    word.parse().map_err(|_| StoreError::Corrupt { what: "status" })
}
