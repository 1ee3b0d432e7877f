//! Reading a row back into a record.

use std::str::FromStr;

use api::{OutputHead, RunRecord, Timestamp};
use sqlx::{Row, any::AnyRow};

use crate::{StoreError, text::from_json};

/// Reads one record of a tenant, all of it.
pub(crate) const SELECT_ONE: &str = "SELECT id, number, kind, status, requested_by, \
    project_id, project, \
    model, scope, branch, commit_sha, snapshot, session_id, rerun_of, outcome, exit_code, \
    code_digest, environment, environment_digest, policy_digest, enforcement, usage, queued_at, \
    started_at, ended_at, stdout_head, stderr_head, stdout_bytes, stderr_bytes, stdout_digest, \
    stderr_digest, error, request, result, attempt, attempts_max \
    FROM runs WHERE id = $1 AND tenant = $2";

/// Reads records without what may be large; conditions follow.
pub(crate) const SELECT_SUMMARIES: &str = "SELECT id, number, kind, status, requested_by, \
    project_id, \
    project, model, scope, branch, commit_sha, snapshot, session_id, rerun_of, outcome, \
    exit_code, code_digest, environment, environment_digest, policy_digest, \
    CAST(NULL AS TEXT) AS enforcement, usage, queued_at, started_at, ended_at, \
    CAST('' AS TEXT) AS stdout_head, CAST('' AS TEXT) AS stderr_head, stdout_bytes, \
    stderr_bytes, stdout_digest, stderr_digest, error, CAST(NULL AS TEXT) AS request, \
    CAST(NULL AS TEXT) AS result, attempt, attempts_max FROM runs WHERE tenant = $1";

/// Reads a record; its artifacts are not in the row.
pub(crate) fn record(row: &AnyRow) -> Result<RunRecord, StoreError> {
    Ok(RunRecord {
        run_id: parsed(row, "id")?,
        number: optional_number(row, "number")?,
        kind: parsed(row, "kind")?,
        status: parsed(row, "status")?,
        requested_by: text(row, "requested_by")?,
        project_id: optional_parsed(row, "project_id")?,
        project: optional_text(row, "project")?,
        model: optional_text(row, "model")?,
        scope: optional_text(row, "scope")?,
        branch: optional_text(row, "branch")?,
        commit_sha: optional_text(row, "commit_sha")?,
        snapshot: optional_text(row, "snapshot")?,
        session_id: optional_parsed(row, "session_id")?,
        rerun_of: optional_parsed(row, "rerun_of")?,
        outcome: from_json("outcome", optional_text(row, "outcome")?)?,
        exit_code: optional_number(row, "exit_code")?,
        code_digest: optional_text(row, "code_digest")?,
        environment: optional_text(row, "environment")?,
        environment_digest: optional_text(row, "environment_digest")?,
        policy_digest: optional_text(row, "policy_digest")?,
        enforcement: from_json("enforcement", optional_text(row, "enforcement")?)?,
        usage: from_json("usage", optional_text(row, "usage")?)?,
        queued_at: moment(row, "queued_at")?,
        started_at: optional_moment(row, "started_at")?,
        ended_at: optional_moment(row, "ended_at")?,
        stdout: output(row, "stdout_head", "stdout_bytes", "stdout_digest")?,
        stderr: output(row, "stderr_head", "stderr_bytes", "stderr_digest")?,
        error: from_json("error", optional_text(row, "error")?)?,
        request: from_json("request", optional_text(row, "request")?)?,
        result: from_json("result", optional_text(row, "result")?)?,
        artifacts: Vec::new(),
        attempt: number(row, "attempt")?,
        attempts_max: number(row, "attempts_max")?,
    })
}

fn output(
    row: &AnyRow,
    head: &'static str,
    bytes: &'static str,
    digest: &'static str,
) -> Result<OutputHead, StoreError> {
    Ok(OutputHead {
        head: text(row, head)?,
        total_bytes: number(row, bytes)?,
        sha256: optional_text(row, digest)?,
    })
}

/// A column's text.
pub(crate) fn text(row: &AnyRow, column: &'static str) -> Result<String, StoreError> {
    row.try_get(column).map_err(corrupt(column))
}

/// A column's text, if it has one.
pub(crate) fn optional_text(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<String>, StoreError> {
    row.try_get(column).map_err(corrupt(column))
}

/// What a column's text says.
pub(crate) fn parsed<T: FromStr>(row: &AnyRow, column: &'static str) -> Result<T, StoreError> {
    text(row, column)?.parse().map_err(corrupt(column))
}

fn optional_parsed<T: FromStr>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    optional_text(row, column)?.map(|text| text.parse().map_err(corrupt(column))).transpose()
}

/// A column's number, within what the type holds.
pub(crate) fn number<T: TryFrom<i64>>(row: &AnyRow, column: &'static str) -> Result<T, StoreError> {
    let value: i64 = row.try_get(column).map_err(corrupt(column))?;
    T::try_from(value).map_err(corrupt(column))
}

/// A column's number, if it has one.
pub(crate) fn optional_number<T: TryFrom<i64>>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let value: Option<i64> = row.try_get(column).map_err(corrupt(column))?;
    value.map(|value| T::try_from(value).map_err(corrupt(column))).transpose()
}

/// A column's moment.
pub(crate) fn moment(row: &AnyRow, column: &'static str) -> Result<Timestamp, StoreError> {
    number(row, column).map(Timestamp::from_unix_ms)
}

fn optional_moment(row: &AnyRow, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
    Ok(optional_number(row, column)?.map(Timestamp::from_unix_ms))
}

fn corrupt<E>(what: &'static str) -> impl FnOnce(E) -> StoreError {
    move |_| StoreError::Corrupt { what }
}
