//! Taking a run back.

use api::{RunId, RunStatus};

use crate::{
    Store, StoreError,
    row::{number, parsed},
};

/// What came of taking a run back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It waited, and is closed as `cancelled`.
    Now,
    /// Its worker is asked to end it, and finds out when it renews its claim.
    Asked,
    /// It was never queued: whoever runs it has to be asked.
    Unqueued,
    /// It had ended before, with this status.
    AlreadyEnded(RunStatus),
}

impl Store {
    /// Takes a tenant's run back.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if the tenant has no such run, and what the database fails
    /// with.
    pub async fn request_cancel(
        &self,
        tenant: &str,
        run_id: RunId,
    ) -> Result<Cancelled, StoreError> {
        let failed = || StoreError::of("cancel a run");
        let mut transaction = self.database().begin().await.map_err(failed())?;
        let sql = "UPDATE queue SET cancel_requested = 1 WHERE run_id = $1 AND tenant = $2 \
                   RETURNING CASE WHEN owner IS NULL THEN 1 ELSE 0 END AS waits";
        let query = self.database().query(sql).bind(run_id.to_string()).bind(tenant.to_owned());
        let row = query.fetch_optional(&mut *transaction).await.map_err(failed())?;
        let Some(row) = row else {
            drop(transaction);
            return self.cannot_cancel(tenant, run_id).await;
        };
        let waits = number::<u8>(&row, "waits")? == 1;
        if waits {
            self.cancel_unstarted(&mut transaction, run_id).await?;
        }
        transaction.commit().await.map_err(failed())?;
        Ok(if waits { Cancelled::Now } else { Cancelled::Asked })
    }

    async fn cannot_cancel(&self, tenant: &str, run_id: RunId) -> Result<Cancelled, StoreError> {
        let sql = "SELECT status FROM runs WHERE id = $1 AND tenant = $2";
        let query = self.database().query(sql).bind(run_id.to_string()).bind(tenant.to_owned());
        let row = query.fetch_optional(self.database().reader()).await;
        let row = row.map_err(StoreError::of("cancel a run"))?;
        let status: RunStatus = match row {
            Some(row) => parsed(&row, "status")?,
            None => return Err(StoreError::Missing { what: "run" }),
        };
        Ok(if status.is_final() { Cancelled::AlreadyEnded(status) } else { Cancelled::Unqueued })
    }
}
