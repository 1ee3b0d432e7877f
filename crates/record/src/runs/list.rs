//! Listing records, newest first.

use std::{cmp::Reverse, collections::HashSet};

use api::{RunId, RunKind, RunRecord, RunStatus, SessionId, Timestamp};
use sqlx::{Arguments, AssertSqlSafe, any::AnyArguments};

use crate::{Store, StoreError, row};

/// The most that one page lists.
pub const LIST_LIMIT_MAX: u32 = 500;

/// Which records, and how many of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only runs of this project, by the name that it had.
    pub project: Option<String>,
    /// Only those with one of these statuses; with any if there is none here.
    pub statuses: Vec<RunStatus>,
    /// Only those of this kind.
    pub kind: Option<RunKind>,
    /// Only those asked for at or after this moment.
    pub since: Option<Timestamp>,
    /// Only those asked for before this moment.
    pub until: Option<Timestamp>,
    /// Only those in this session.
    pub session_id: Option<SessionId>,
    /// How many at most; at least one and at most [`LIST_LIMIT_MAX`] are.
    pub limit: u32,
    /// Where the last page ended.
    pub cursor: Option<String>,
}

/// Some records, newest first. They lack what may be large: request, result, the heads of
/// outputs, what was enforced, and artifacts.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// The records.
    pub records: Vec<RunRecord>,
    /// What gets the next page; there is none after the last.
    pub next_cursor: Option<String>,
}

impl Store {
    /// Lists a tenant's records, those asked for last first.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidCursor`] if the cursor is none, and what the database fails with.
    pub async fn list(&self, tenant: &str, filter: &Filter) -> Result<Page, StoreError> {
        let limit = filter.limit.clamp(1, LIST_LIMIT_MAX);
        let statuses = filter.statuses.iter().collect::<HashSet<_>>();
        let mut records = Vec::new();
        if statuses.is_empty() {
            records = self.some(tenant, filter, None, limit).await?;
        }
        // One after the other: an index has each in order, and has no order of several.
        for status in statuses {
            records.extend(self.some(tenant, filter, Some(*status), limit).await?);
        }
        records.sort_by_key(|record| Reverse((record.queued_at, record.run_id)));
        let more = records.len() > limit as usize;
        records.truncate(limit as usize);
        let next_cursor = records.last().filter(|_| more).map(cursor_after);
        Ok(Page { records, next_cursor })
    }

    /// One more than the limit, if there are so many.
    async fn some(
        &self,
        tenant: &str,
        filter: &Filter,
        status: Option<RunStatus>,
        limit: u32,
    ) -> Result<Vec<RunRecord>, StoreError> {
        let (sql, arguments) = statement(tenant, filter, status, limit)?;
        let rows = sqlx::query_with(AssertSqlSafe(sql), arguments)
            .fetch_all(self.database().reader())
            .await
            .map_err(StoreError::of("list the records of runs"))?;
        rows.iter().map(row::record).collect()
    }
}

/// Conditions, and the arguments that they number.
struct Conditions {
    sql: String,
    arguments: AnyArguments,
}

impl Conditions {
    /// Adds a condition that ends with its argument.
    fn add(&mut self, condition: &'static str, text: Option<String>) -> Result<(), StoreError> {
        text.map_or(Ok(()), |text| self.push(condition, text))
    }

    fn push<'a, T>(&mut self, condition: &'static str, value: T) -> Result<(), StoreError>
    where
        T: sqlx::Encode<'a, sqlx::Any> + sqlx::Type<sqlx::Any>,
    {
        let encoded = self.arguments.add(value);
        encoded.map_err(|_| StoreError::Corrupt { what: "filter" })?;
        self.sql.push_str(condition);
        self.sql.push_str(&self.arguments.len().to_string());
        Ok(())
    }
}

fn statement(
    tenant: &str,
    filter: &Filter,
    status: Option<RunStatus>,
    limit: u32,
) -> Result<(String, AnyArguments), StoreError> {
    let mut all = Conditions { sql: String::new(), arguments: AnyArguments::default() };
    all.push("", tenant.to_owned())?;
    all.sql = row::SELECT_SUMMARIES.to_owned();
    all.add(" AND project = $", filter.project.clone())?;
    all.add(" AND status = $", status.map(|status| status.word().to_owned()))?;
    all.add(" AND kind = $", filter.kind.map(|kind| kind.word().to_owned()))?;
    all.add(" AND session_id = $", filter.session_id.map(|id| id.to_string()))?;
    if let Some(since) = filter.since {
        all.push(" AND queued_at >= $", since.unix_ms())?;
    }
    if let Some(until) = filter.until {
        all.push(" AND queued_at < $", until.unix_ms())?;
    }
    if let Some(cursor) = &filter.cursor {
        let (queued_at, id) = parse_cursor(cursor).ok_or(StoreError::InvalidCursor)?;
        all.push(" AND (queued_at, id) < ($", queued_at)?;
        all.push(", $", id.to_string())?;
        all.sql.push(')');
    }
    all.push(" ORDER BY queued_at DESC, id DESC LIMIT $", i64::from(limit) + 1)?;
    Ok((all.sql, all.arguments))
}

fn cursor_after(record: &RunRecord) -> String {
    format!("{}.{}", record.queued_at.unix_ms(), record.run_id)
}

fn parse_cursor(text: &str) -> Option<(i64, RunId)> {
    let (queued_at, id) = text.split_once('.')?;
    Some((queued_at.parse().ok()?, id.parse().ok()?))
}
