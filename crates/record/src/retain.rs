//! What is kept, and for how long.

use std::time::Duration;

use api::RunId;
use sqlx::{Row, any::AnyRow};

use crate::{
    Store, StoreError,
    row::{number, parsed, text},
    text::integer,
};

/// The most that one transaction removes: others wait while it does.
const BATCH: i64 = 200;

/// How long events of a run are kept after its end: for those who follow it to catch up.
const EVENTS_KEPT: Duration = Duration::from_secs(3600);

const OPERATION: &str = "remove old records";

/// Each tenant that has records.
const TENANTS: &str = "WITH RECURSIVE tenants (tenant) AS ( \
    SELECT MIN(tenant) FROM runs UNION ALL \
    SELECT (SELECT MIN(tenant) FROM runs WHERE tenant > tenants.tenant) \
    FROM tenants WHERE tenants.tenant IS NOT NULL) \
    SELECT tenant FROM tenants WHERE tenant IS NOT NULL";

/// Each run that has events and ended long ago, or is gone.
const RUNS_WITH_EVENTS: &str = "WITH RECURSIVE with_events (run_id) AS ( \
    SELECT MIN(run_id) FROM run_events UNION ALL \
    SELECT (SELECT MIN(run_id) FROM run_events WHERE run_id > with_events.run_id) \
    FROM with_events WHERE with_events.run_id IS NOT NULL) \
    SELECT run_id AS id FROM with_events WHERE run_id IS NOT NULL AND NOT EXISTS ( \
    SELECT 1 FROM runs WHERE runs.id = with_events.run_id \
    AND (ended_at IS NULL OR ended_at >= {now} - $1)) LIMIT $2";

const ENDED_LONG_AGO: &str = "SELECT id, kept_bytes FROM runs \
    WHERE tenant = $1 AND ended_at IS NOT NULL AND ended_at < {now} - $2 \
    ORDER BY ended_at LIMIT $3";

const OLDEST: &str = "SELECT id, kept_bytes FROM runs \
    WHERE tenant = $1 AND ended_at IS NOT NULL AND queued_at <= $2 \
    ORDER BY queued_at, id LIMIT $3";

/// What of each tenant's records is kept. What is under way always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Those that ended at most so long ago.
    pub age: Option<Duration>,
    /// So many of the last.
    pub count: Option<u64>,
    /// As many of the last as take so many bytes, their artifacts included.
    pub bytes: Option<u64>,
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Records of runs.
    pub runs: u64,
    /// Bytes that they took, their artifacts included. Those artifacts that nothing else
    /// refers to go with the next sweep of the blobs.
    pub bytes: u64,
}

/// A record that is to go, and what it takes.
struct Old {
    run_id: RunId,
    bytes: u64,
}

impl Store {
    /// Removes what is not to be kept, in small steps.
    ///
    /// # Errors
    ///
    /// What the database fails with; what was removed by then stays so.
    pub async fn retain(&self, retention: &Retention) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        for tenant in self.tenants().await? {
            if let Some(age) = retention.age {
                self.remove_aged(&tenant, age, &mut removed).await?;
            }
            if let Some(count) = retention.count {
                self.remove_beyond(&tenant, count, &mut removed).await?;
            }
            if let Some(bytes) = retention.bytes {
                self.remove_excess(&tenant, bytes, &mut removed).await?;
            }
        }
        self.remove_events().await?;
        Ok(removed)
    }

    async fn tenants(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.database().query(TENANTS).fetch_all(self.database().reader()).await;
        let rows = rows.map_err(StoreError::of(OPERATION))?;
        rows.iter().map(|row| text(row, "tenant")).collect()
    }

    async fn remove_aged(
        &self,
        tenant: &str,
        age: Duration,
        removed: &mut Removed,
    ) -> Result<(), StoreError> {
        loop {
            let old = self.old(ENDED_LONG_AGO, tenant, millis(age)).await?;
            if old.is_empty() {
                return Ok(());
            }
            self.remove(&old, removed).await?;
        }
    }

    async fn remove_beyond(
        &self,
        tenant: &str,
        count: u64,
        removed: &mut Removed,
    ) -> Result<(), StoreError> {
        let sql = "SELECT queued_at FROM runs WHERE tenant = $1 \
                   ORDER BY queued_at DESC, id DESC LIMIT 1 OFFSET $2";
        let query = self.database().query(sql).bind(tenant.to_owned()).bind(integer(count));
        let row = query.fetch_optional(self.database().reader()).await;
        let Some(row) = row.map_err(StoreError::of(OPERATION))? else { return Ok(()) };
        let queued_at: i64 = number(&row, "queued_at")?;
        let mut excess = self.count(tenant).await?.saturating_sub(count);
        while excess > 0 {
            let mut old = self.old(OLDEST, tenant, queued_at).await?;
            old.truncate(usize::try_from(excess).unwrap_or(usize::MAX));
            if old.is_empty() {
                return Ok(());
            }
            excess -= old.len() as u64;
            self.remove(&old, removed).await?;
        }
        Ok(())
    }

    async fn remove_excess(
        &self,
        tenant: &str,
        bytes: u64,
        removed: &mut Removed,
    ) -> Result<(), StoreError> {
        let sql = "SELECT CAST(COALESCE(SUM(kept_bytes), 0) AS BIGINT) AS total FROM runs \
                   WHERE tenant = $1";
        let mut excess = self.total(sql, tenant).await?.saturating_sub(bytes);
        while excess > 0 {
            let mut old = self.old(OLDEST, tenant, i64::MAX).await?;
            let enough = old.iter().scan(0_u64, |sum, one| {
                let before = *sum;
                *sum = sum.saturating_add(one.bytes);
                (before < excess).then_some(())
            });
            let enough = enough.count();
            old.truncate(enough);
            if old.is_empty() {
                return Ok(());
            }
            excess = old.iter().fold(excess, |left, one| left.saturating_sub(one.bytes));
            self.remove(&old, removed).await?;
        }
        Ok(())
    }

    async fn count(&self, tenant: &str) -> Result<u64, StoreError> {
        self.total("SELECT COUNT(*) AS total FROM runs WHERE tenant = $1", tenant).await
    }

    async fn total(&self, sql: &'static str, tenant: &str) -> Result<u64, StoreError> {
        let query = self.database().query(sql).bind(tenant.to_owned());
        let row = query.fetch_one(self.database().reader()).await;
        number(&row.map_err(StoreError::of(OPERATION))?, "total")
    }

    async fn old(
        &self,
        sql: &'static str,
        tenant: &str,
        bound: i64,
    ) -> Result<Vec<Old>, StoreError> {
        let query = self.database().query(sql).bind(tenant.to_owned()).bind(bound).bind(BATCH);
        let rows = query.fetch_all(self.database().reader()).await;
        let read = |row: &AnyRow| {
            Ok(Old { run_id: parsed(row, "id")?, bytes: number(row, "kept_bytes")? })
        };
        rows.map_err(StoreError::of(OPERATION))?.iter().map(read).collect()
    }

    async fn remove(&self, old: &[Old], removed: &mut Removed) -> Result<(), StoreError> {
        let failed = || StoreError::of(OPERATION);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        for one in old {
            for sql in [
                "DELETE FROM artifacts WHERE run_id = $1",
                "DELETE FROM run_events WHERE run_id = $1",
                "DELETE FROM runs WHERE id = $1",
            ] {
                let query = self.database().query(sql).bind(one.run_id.to_string());
                query.execute(&mut *transaction).await.map_err(failed())?;
            }
        }
        transaction.commit().await.map_err(failed())?;
        removed.runs += old.len() as u64;
        removed.bytes += old.iter().map(|one| one.bytes).sum::<u64>();
        Ok(())
    }

    async fn remove_events(&self) -> Result<(), StoreError> {
        let failed = || StoreError::of("remove events of runs that ended");
        loop {
            let query = self.database().query(RUNS_WITH_EVENTS).bind(millis(EVENTS_KEPT));
            let rows = query.bind(BATCH).fetch_all(self.database().reader()).await;
            let rows = rows.map_err(failed())?;
            if rows.is_empty() {
                return Ok(());
            }
            let mut transaction = self.database().begin().await.map_err(failed())?;
            for row in &rows {
                let id: String = row.try_get("id").map_err(failed())?;
                let query = self.database().query("DELETE FROM run_events WHERE run_id = $1");
                query.bind(id).execute(&mut *transaction).await.map_err(failed())?;
            }
            transaction.commit().await.map_err(failed())?;
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
