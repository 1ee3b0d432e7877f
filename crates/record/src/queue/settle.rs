//! What the living do for the dead: runs of owners whose lease passed are settled.

use api::{RunId, RunStatus};
use sqlx::{Any, Transaction, any::AnyRow};

use crate::{
    Closed, Store, StoreError,
    row::{number, parsed},
    runs::{close_in, ended_by_us},
};

const OPERATION: &str = "settle runs whose worker died";

/// The most that one transaction settles: others wait while it does.
const BATCH: i64 = 200;

/// Claims that have lapsed.
const LAPSED: &str = "SELECT run_id, started, cancel_requested FROM queue \
    WHERE owner IS NOT NULL AND lease_until < {now} ORDER BY run_id LIMIT $1 {for update}";

/// Open records that were not queued and whose owner is gone.
const ORPHANED: &str = "SELECT id AS run_id FROM runs \
    WHERE status = 'running' AND owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM owners \
    WHERE owners.id = runs.owner AND owners.lease_until >= {now}) \
    ORDER BY id LIMIT $1 {for update}";

/// What was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Runs that wait again: they had not started, or may be started once more.
    pub requeued: u64,
    /// Runs that had started and are lost.
    pub lost: u64,
    /// Runs that were taken back before they started.
    pub cancelled: u64,
}

enum Fate {
    Requeued,
    Lost,
    Cancelled,
    /// It had ended.
    Gone,
}

impl Store {
    /// Settles runs whose worker or whose process died: those that had not started wait
    /// again, the others are lost unless they may be started once more.
    /// [`Upkeep`](crate::Upkeep) calls it all the time.
    ///
    /// # Errors
    ///
    /// What the database fails with; what was settled by then stays so.
    pub async fn settle_expired(&self) -> Result<Settled, StoreError> {
        let mut settled = Settled::default();
        while self.settle_lapsed(&mut settled).await? == BATCH {}
        while self.settle_orphaned(&mut settled).await? == BATCH {}
        // No row means no lease.
        let sql = "DELETE FROM owners WHERE lease_until < {now}";
        let deleted = self.database().query(sql).execute(self.database().writer()).await;
        deleted.map_err(StoreError::of(OPERATION))?;
        Ok(settled)
    }

    async fn settle_lapsed(&self, settled: &mut Settled) -> Result<i64, StoreError> {
        let failed = || StoreError::of(OPERATION);
        if self
            .database()
            .query(LAPSED_ANY)
            .fetch_optional(self.database().reader())
            .await
            .map_err(failed())?
            .is_none()
        {
            return Ok(0);
        }
        let mut transaction = self.database().begin().await.map_err(failed())?;
        let rows = self.database().query(LAPSED).bind(BATCH).fetch_all(&mut *transaction).await;
        let rows = rows.map_err(failed())?;
        let mut found = 0;
        for row in &rows {
            found += 1;
            match self.settle_claim(&mut transaction, row).await? {
                Fate::Requeued => settled.requeued += 1,
                Fate::Lost => settled.lost += 1,
                Fate::Cancelled => settled.cancelled += 1,
                Fate::Gone => {}
            }
        }
        transaction.commit().await.map_err(failed())?;
        Ok(found)
    }

    async fn settle_claim(
        &self,
        transaction: &mut Transaction<'static, Any>,
        row: &AnyRow,
    ) -> Result<Fate, StoreError> {
        let run_id: RunId = parsed(row, "run_id")?;
        let started = number::<i64>(row, "started")? != 0;
        let cancelled = number::<i64>(row, "cancel_requested")? != 0;
        let again = started && !cancelled && self.reopen(transaction, run_id).await?;
        if again || !started && !cancelled {
            self.requeue(transaction, run_id, again).await?;
            return Ok(Fate::Requeued);
        }
        self.leave_queue(transaction, run_id).await?;
        let status = if started { RunStatus::Lost } else { RunStatus::Cancelled };
        match close_in(self.database(), transaction, run_id, &ended_by_us(status), 0).await? {
            Closed::Now if started => Ok(Fate::Lost),
            Closed::Now => Ok(Fate::Cancelled),
            _ => Ok(Fate::Gone),
        }
    }

    /// Brings a run that had started back to before that, if it may be started once more.
    pub(super) async fn reopen(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE runs SET status = 'pending', started_at = NULL \
                   WHERE id = $1 AND status = 'running' AND attempt < attempts_max";
        let query = self.database().query(sql).bind(run_id.to_string());
        let updated = query.execute(&mut **transaction).await;
        updated.map(|done| done.rows_affected() > 0).map_err(StoreError::of(OPERATION))
    }

    /// Lets a run wait again: in its old place, or last where it had its turn.
    pub(super) async fn requeue(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
        last: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE queue SET owner = NULL, lease_until = NULL, started = 0, \
                   waits_since = CASE WHEN $2 = 1 THEN {now} ELSE waits_since END \
                   WHERE run_id = $1";
        let query = self.database().query(sql).bind(run_id.to_string()).bind(i64::from(last));
        let updated = query.execute(&mut **transaction).await;
        updated.map(drop).map_err(StoreError::of(OPERATION))
    }

    async fn settle_orphaned(&self, settled: &mut Settled) -> Result<i64, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        let rows = self.database().query(ORPHANED).bind(BATCH).fetch_all(&mut *transaction).await;
        let mut found = 0;
        for row in &rows.map_err(failed())? {
            found += 1;
            let closing = ended_by_us(RunStatus::Lost);
            let run_id = parsed(row, "run_id")?;
            let closed = close_in(self.database(), &mut transaction, run_id, &closing, 0).await?;
            settled.lost += u64::from(closed == Closed::Now);
        }
        transaction.commit().await.map_err(failed())?;
        Ok(found)
    }
}

/// Asked first without holding anything: usually there are none.
const LAPSED_ANY: &str =
    "SELECT run_id FROM queue WHERE owner IS NOT NULL AND lease_until < {now} LIMIT 1";
