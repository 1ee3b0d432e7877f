//! What the holder of a claim does with it.

use api::{RunId, RunStatus};
use sqlx::{Any, Row, Transaction};

use crate::{
    Closed, Fence, Store, StoreError,
    row::number,
    runs::{close_in, ended_by_us},
};

/// Whether a claimed run may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It has started, as the record says from now on.
    Now {
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// It was taken back before it started, and is closed as `cancelled`.
    Cancelled,
    /// The claim has lapsed; it is others' to carry out.
    Fenced,
}

/// What became of claims that were to be renewed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Renewed {
    /// Those that have lapsed: their runs have to be killed, and what they did thrown away.
    pub gone: Vec<RunId>,
    /// Those that are renewed, but somebody wants them to end.
    pub cancelled: Vec<RunId>,
}

/// The claim's own row.
const HOLD: &str = "UPDATE queue SET lease_until = {now} + $4 \
    WHERE run_id = $1 AND owner = $2 AND fence = $3 RETURNING cancel_requested, started";

/// What a claim's own row says.
struct Held {
    cancel: bool,
    started: bool,
}

impl Store {
    /// Says that a claimed run starts now. Only then may it be started: one that a dead
    /// worker had not started is given to another.
    ///
    /// # Errors
    ///
    /// What the database fails with; the run must then not be started.
    pub async fn start_run(&self, fence: &Fence) -> Result<Started, StoreError> {
        let failed = || StoreError::of("start a run");
        let mut transaction = self.database().begin().await.map_err(failed())?;
        let started = match self.hold(&mut transaction, fence).await.map_err(failed())? {
            // One that has started already is not started again, whoever asks.
            None | Some(Held { started: true, .. }) => return Ok(Started::Fenced),
            Some(Held { cancel: true, .. }) => {
                self.cancel_unstarted(&mut transaction, fence.run_id).await?
            }
            Some(_) => self.mark_started(&mut transaction, fence.run_id).await?,
        };
        transaction.commit().await.map_err(failed())?;
        Ok(started)
    }

    /// Renews claims. What is not renewed in time lapses.
    ///
    /// # Errors
    ///
    /// What the database fails with. The claims last until their leases run out; what
    /// cannot be renewed by then has to be killed.
    pub async fn renew(&self, held: &[Fence]) -> Result<Renewed, StoreError> {
        let mut renewed = Renewed::default();
        if held.is_empty() {
            return Ok(renewed);
        }
        let failed = || StoreError::of("renew claims");
        let mut transaction = self.database().begin().await.map_err(failed())?;
        // In one order everywhere, so that two of us do not wait for each other.
        let mut held: Vec<&Fence> = held.iter().collect();
        held.sort_by_key(|fence| fence.run_id);
        for fence in held {
            match self.hold(&mut transaction, fence).await.map_err(failed())? {
                None => renewed.gone.push(fence.run_id),
                Some(Held { cancel: true, .. }) => renewed.cancelled.push(fence.run_id),
                Some(_) => {}
            }
        }
        transaction.commit().await.map_err(failed())?;
        Ok(renewed)
    }

    /// Gives back a claim that was not started: the run keeps its place. Says whether it
    /// was still there to be given back.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn release(&self, fence: &Fence) -> Result<bool, StoreError> {
        let sql = "UPDATE queue SET owner = NULL, lease_until = NULL \
                   WHERE run_id = $1 AND owner = $2 AND fence = $3 AND started = 0";
        let released = self
            .database()
            .query(sql)
            .bind(fence.run_id.to_string())
            .bind(fence.owner.to_string())
            .bind(fence.number)
            .execute(self.database().writer())
            .await
            .map_err(StoreError::of("give back a claim"))?;
        Ok(released.rows_affected() > 0)
    }

    /// Lets a run that had started, and was ended before its own end, wait again: last, and
    /// only where it may be started once more and nobody took it back. Says whether it does;
    /// otherwise it is still the holder's to close.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn hand_back(&self, fence: &Fence) -> Result<bool, StoreError> {
        let failed = || StoreError::of("give back a run");
        let mut transaction = self.database().begin().await.map_err(failed())?;
        match self.hold(&mut transaction, fence).await.map_err(failed())? {
            Some(Held { cancel: false, started: true }) => {}
            _ => return Ok(false),
        }
        if !self.reopen(&mut transaction, fence.run_id).await? {
            return Ok(false);
        }
        self.requeue(&mut transaction, fence.run_id, true).await?;
        transaction.commit().await.map_err(failed())?;
        Ok(true)
    }

    /// Renews one claim and says what its row does; none if it has lapsed.
    async fn hold(
        &self,
        transaction: &mut Transaction<'static, Any>,
        fence: &Fence,
    ) -> sqlx::Result<Option<Held>> {
        let row = self
            .database()
            .query(HOLD)
            .bind(fence.run_id.to_string())
            .bind(fence.owner.to_string())
            .bind(fence.number)
            .bind(self.lease_ms())
            .fetch_optional(&mut **transaction)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (cancel, started): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Some(Held { cancel: cancel != 0, started: started != 0 }))
    }

    async fn mark_started(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
    ) -> Result<Started, StoreError> {
        let failed = || StoreError::of("start a run");
        let sql = "UPDATE runs SET status = 'running', started_at = {now}, \
                   attempt = attempt + 1 WHERE id = $1 AND status = 'pending' RETURNING attempt";
        let query = self.database().query(sql).bind(run_id.to_string());
        let row = query.fetch_optional(&mut **transaction).await.map_err(failed())?;
        let row = row.ok_or(StoreError::Corrupt { what: "place in the queue" })?;
        let query = self.database().query("UPDATE queue SET started = 1 WHERE run_id = $1");
        let query = query.bind(run_id.to_string());
        query.execute(&mut **transaction).await.map_err(failed())?;
        Ok(Started::Now { attempt: number(&row, "attempt")? })
    }

    /// Closes a run that was taken back before it started.
    pub(super) async fn cancel_unstarted(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
    ) -> Result<Started, StoreError> {
        let closing = ended_by_us(RunStatus::Cancelled);
        self.leave_queue(transaction, run_id).await?;
        match close_in(self.database(), transaction, run_id, &closing, 0).await? {
            Closed::Now | Closed::AlreadyClosed(_) => Ok(Started::Cancelled),
            Closed::Fenced => Ok(Started::Fenced),
        }
    }

    /// Takes a run out of the queue.
    pub(super) async fn leave_queue(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
    ) -> Result<(), StoreError> {
        let query = self.database().query("DELETE FROM queue WHERE run_id = $1");
        let query = query.bind(run_id.to_string());
        let deleted = query.execute(&mut **transaction).await;
        deleted.map(drop).map_err(StoreError::of("take a run out of the queue"))
    }
}
