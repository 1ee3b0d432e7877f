//! Out of the queue: who is next.

use std::{cmp::Reverse, collections::BinaryHeap, collections::HashMap};

use api::RunId;
use serde_json::Value;
use sqlx::{Any, Row, Transaction};

use crate::{
    Fence, Owner, Store, StoreError,
    dialect::Lock,
    row::{number, optional_text, parsed, text},
    text::from_json,
};

const OPERATION: &str = "claim runs of the queue";

/// The most that one call claims: as many slots as a large worker has.
const CLAIM_MAX: usize = 64;

/// Each tenant that has runs waiting, and how long its first has waited. An index is
/// asked once for each, instead of for each run.
const WAITING: &str = "WITH RECURSIVE waiting (tenant) AS ( \
    SELECT MIN(tenant) FROM queue WHERE owner IS NULL \
    UNION ALL \
    SELECT (SELECT MIN(tenant) FROM queue WHERE owner IS NULL AND tenant > waiting.tenant) \
    FROM waiting WHERE waiting.tenant IS NOT NULL) \
    SELECT tenant, (SELECT MIN(waits_since) FROM queue \
    WHERE owner IS NULL AND queue.tenant = waiting.tenant) AS since \
    FROM waiting WHERE tenant IS NOT NULL";

/// A run that its claimer may start.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The run.
    pub run_id: RunId,
    /// Whose it is.
    pub tenant: String,
    /// What to run: what its record was opened with.
    pub request: Option<Value>,
    /// Which attempt it is, from 1, if it is started.
    pub attempt: u32,
    /// What every write for it carries.
    pub fence: Fence,
}

/// How many runs of one tenant an owner may hold at once.
#[derive(Clone, Copy, Debug)]
pub struct Share<'a> {
    /// As many as this, so that others find a place however long those take.
    pub most: usize,
    /// The tenant that may hold as many as there are places.
    pub except: Option<&'a str>,
}

impl Share<'_> {
    /// As much as there is.
    pub const WHOLE: Self = Self { most: usize::MAX, except: None };

    fn of(&self, tenant: &str) -> i64 {
        match self.except == Some(tenant) {
            true => i64::MAX,
            false => i64::try_from(self.most).unwrap_or(i64::MAX),
        }
    }
}

/// What a tenant has under way, and how many of that its claimer holds.
#[derive(Clone, Copy, Default)]
struct UnderWay {
    all: i64,
    ours: i64,
}

/// A tenant in the order in which tenants are served: fewest running, longest waiting. With
/// how many more it may get.
type Turn = Reverse<(i64, i64, String, i64)>;

impl Store {
    /// Claims up to `free` runs for an owner, until the lease runs out. Of the tenants with
    /// runs waiting, the one with the fewest under way is next, then the one that has
    /// waited longest; none gets more than it may have under way.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn claim(&self, owner: &Owner, free: usize) -> Result<Vec<Claim>, StoreError> {
        self.claim_shared(owner, free, &Share::WHOLE).await
    }

    /// The same where no tenant may hold more than its share of the owner's places.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn claim_shared(
        &self,
        owner: &Owner,
        free: usize,
        share: &Share<'_>,
    ) -> Result<Vec<Claim>, StoreError> {
        let free = free.min(CLAIM_MAX);
        // Asked first without the lock: most polls of an idle worker find nothing.
        if free == 0 || !self.any_waits().await? {
            return Ok(Vec::new());
        }
        let failed = || StoreError::of(OPERATION);
        let database = self.database();
        let mut transaction = database.begin_locked(Lock::Claims).await.map_err(failed())?;
        let mut turns = self.turns(&mut transaction, owner, share).await?;
        let mut claims = Vec::new();
        while claims.len() < free {
            let Some(Reverse((running, _, tenant, left))) = turns.pop() else { break };
            if let Some(claim) = self.claim_oldest(&mut transaction, owner, &tenant).await? {
                claims.push(claim);
            }
            if left > 1
                && let Some(since) = self.waits_since(&mut transaction, &tenant).await?
            {
                turns.push(Reverse((running + 1, since, tenant, left - 1)));
            }
        }
        transaction.commit().await.map_err(failed())?;
        Ok(claims)
    }

    async fn any_waits(&self) -> Result<bool, StoreError> {
        let query = self.database().query("SELECT run_id FROM queue WHERE owner IS NULL LIMIT 1");
        let row = query.fetch_optional(self.database().reader()).await;
        row.map(|row| row.is_some()).map_err(StoreError::of(OPERATION))
    }

    /// The tenants that may have one more under way.
    async fn turns(
        &self,
        transaction: &mut Transaction<'static, Any>,
        owner: &Owner,
        share: &Share<'_>,
    ) -> Result<BinaryHeap<Turn>, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let under_way = self.under_way(transaction, owner).await?;
        let rows = self.database().query(WAITING).fetch_all(&mut **transaction).await;
        let mut turns = BinaryHeap::new();
        for row in rows.map_err(failed())? {
            let tenant = text(&row, "tenant")?;
            let UnderWay { all, ours } = under_way.get(&tenant).copied().unwrap_or_default();
            let left = i64::from(self.settings().tenant_running_max) - all;
            let left = left.min(share.of(&tenant) - ours);
            if left > 0 {
                turns.push(Reverse((all, number(&row, "since")?, tenant, left)));
            }
        }
        Ok(turns)
    }

    /// What tenants have under way.
    async fn under_way(
        &self,
        transaction: &mut Transaction<'static, Any>,
        owner: &Owner,
    ) -> Result<HashMap<String, UnderWay>, StoreError> {
        let sql = "SELECT tenant, COUNT(*) AS running, \
                   COUNT(CASE WHEN owner = $1 THEN 1 END) AS ours \
                   FROM queue WHERE owner IS NOT NULL GROUP BY tenant";
        let query = self.database().query(sql).bind(owner.to_string());
        let rows = query.fetch_all(&mut **transaction).await.map_err(StoreError::of(OPERATION))?;
        let counted = |row| {
            let counts = UnderWay { all: number(row, "running")?, ours: number(row, "ours")? };
            Ok((text(row, "tenant")?, counts))
        };
        rows.iter().map(counted).collect()
    }

    /// Claims the run of a tenant that has waited longest; none if others took the last.
    async fn claim_oldest(
        &self,
        transaction: &mut Transaction<'static, Any>,
        owner: &Owner,
        tenant: &str,
    ) -> Result<Option<Claim>, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let sql = "UPDATE queue SET owner = $2, fence = fence + 1, started = 0, \
                   lease_until = {now} + $3 \
                   WHERE owner IS NULL AND run_id = (SELECT run_id FROM queue \
                   WHERE owner IS NULL AND tenant = $1 ORDER BY waits_since, run_id LIMIT 1) \
                   RETURNING run_id, fence";
        let claimed = self
            .database()
            .query(sql)
            .bind(tenant.to_owned())
            .bind(owner.to_string())
            .bind(self.lease_ms())
            .fetch_optional(&mut **transaction)
            .await
            .map_err(failed())?;
        let Some(claimed) = claimed else { return Ok(None) };
        let run_id: RunId = parsed(&claimed, "run_id")?;
        let number_of_claim: i64 = number(&claimed, "fence")?;
        let query = self.database().query("SELECT request, attempt FROM runs WHERE id = $1");
        let query = query.bind(run_id.to_string());
        let row = query.fetch_one(&mut **transaction).await.map_err(failed())?;
        Ok(Some(Claim {
            run_id,
            tenant: tenant.to_owned(),
            request: from_json("request", optional_text(&row, "request")?)?,
            attempt: number::<u32>(&row, "attempt")?.saturating_add(1),
            fence: Fence { run_id, owner: owner.clone(), number: number_of_claim },
        }))
    }

    async fn waits_since(
        &self,
        transaction: &mut Transaction<'static, Any>,
        tenant: &str,
    ) -> Result<Option<i64>, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let sql = "SELECT MIN(waits_since) FROM queue WHERE owner IS NULL AND tenant = $1";
        let query = self.database().query(sql).bind(tenant.to_owned());
        let row = query.fetch_one(&mut **transaction).await.map_err(failed())?;
        row.try_get(0).map_err(failed())
    }

    /// How long a lease lasts, in milliseconds.
    pub(super) fn lease_ms(&self) -> i64 {
        i64::try_from(self.settings().lease.as_millis()).unwrap_or(i64::MAX)
    }
}
