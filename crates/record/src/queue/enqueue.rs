//! Into the queue: the record and its place in one transaction.

use api::RunStatus;
use sqlx::{Any, Row, Transaction};

use crate::{
    NewRecord, QueueBound, Store, StoreError,
    runs::{Opening, insert_failed},
};

const OPERATION: &str = "enqueue a run";

/// A run that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queued {
    /// Its number among its project's runs, from 1; none without a project.
    pub number: Option<u64>,
}

impl Store {
    /// Opens the record of a run and puts it into the queue. Both are durable when this
    /// returns. It is started at most `attempts_max` times: again only if a worker dies
    /// that had started it.
    ///
    /// # Errors
    ///
    /// [`StoreError::QueueFull`] if as many wait as may; enqueueings at the same moment may
    /// exceed that by a few. [`StoreError::Missing`] if the project has no such snapshot,
    /// [`StoreError::Exists`] if the id is taken, [`StoreError::TooLarge`] for parts that
    /// are too long.
    pub async fn enqueue(
        &self,
        record: &NewRecord,
        attempts_max: u32,
    ) -> Result<Queued, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        self.check_room(&mut transaction, &record.tenant).await?;
        self.check_snapshot(&mut transaction, record).await?;
        let number = self.next_number(&mut transaction, record).await?;
        let opening = Opening {
            record,
            status: RunStatus::Pending,
            number,
            attempts_max: attempts_max.max(1),
            owner: None,
            ago_ms: 0,
        };
        let insert = opening.statement(self.database())?.execute(&mut *transaction).await;
        insert.map_err(insert_failed(OPERATION, "run"))?;
        self.database()
            .query("INSERT INTO queue (run_id, tenant, waits_since) VALUES ($1, $2, {now})")
            .bind(record.run_id.to_string())
            .bind(record.tenant.clone())
            .execute(&mut *transaction)
            .await
            .map_err(failed())?;
        transaction.commit().await.map_err(failed())?;
        Ok(Queued { number: number.and_then(|number| u64::try_from(number).ok()) })
    }

    async fn check_room(
        &self,
        transaction: &mut Transaction<'static, Any>,
        tenant: &str,
    ) -> Result<(), StoreError> {
        let sql = "SELECT (SELECT COUNT(*) FROM queue WHERE owner IS NULL AND tenant = $1), \
                   (SELECT COUNT(*) FROM queue WHERE owner IS NULL)";
        let counts = self.database().query(sql).bind(tenant.to_owned());
        let failed = || StoreError::of(OPERATION);
        let counts = counts.fetch_one(&mut **transaction).await.map_err(failed())?;
        let bounds = [
            (QueueBound::Tenant, self.settings().waiting_max_of(tenant)),
            (QueueBound::All, self.settings().waiting_max),
        ];
        for (place, (bound, limit)) in bounds.into_iter().enumerate() {
            let waiting: i64 = counts.try_get(place).map_err(failed())?;
            if waiting >= i64::from(limit) {
                return Err(StoreError::QueueFull { bound, limit });
            }
        }
        Ok(())
    }

    /// Holds the snapshot where it is until the record refers to it.
    async fn check_snapshot(
        &self,
        transaction: &mut Transaction<'static, Any>,
        record: &NewRecord,
    ) -> Result<(), StoreError> {
        let (Some(project_id), Some(snapshot)) = (record.project_id, &record.snapshot) else {
            return Ok(());
        };
        let sql = "SELECT id FROM snapshots WHERE tenant = $1 AND project_id = $2 AND id = $3 \
                   {for share}";
        self.database()
            .query(sql)
            .bind(record.tenant.clone())
            .bind(project_id.to_string())
            .bind(snapshot.clone())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(StoreError::of(OPERATION))?
            .map(drop)
            .ok_or(StoreError::Missing { what: "snapshot" })
    }

    async fn next_number(
        &self,
        transaction: &mut Transaction<'static, Any>,
        record: &NewRecord,
    ) -> Result<Option<i64>, StoreError> {
        let Some(project_id) = record.project_id else { return Ok(None) };
        let sql = "INSERT INTO run_numbers (project_id, last) VALUES ($1, 1) \
                   ON CONFLICT (project_id) DO UPDATE SET last = run_numbers.last + 1 \
                   RETURNING last";
        let failed = || StoreError::of(OPERATION);
        let query = self.database().query(sql).bind(project_id.to_string());
        let row = query.fetch_one(&mut **transaction).await.map_err(failed())?;
        row.try_get(0).map(Some).map_err(failed())
    }
}
