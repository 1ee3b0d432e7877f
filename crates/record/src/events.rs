//! What a run that is under way says, so that others can follow it: a bounded list for
//! each, kept until an hour after its end.

use api::{RunId, Timestamp};
use sqlx::{Any, Row, Transaction, any::AnyRow};

use crate::{
    Fence, Store, StoreError,
    row::{moment, number, text},
    text::{bounded, integer, word},
};

/// The most events of one run. Output past the first megabytes is an artifact's matter.
pub const EVENTS_PER_RUN_MAX: u64 = 10_000;

/// The most that one event carries.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;

/// The most that one call reads.
const READ_MAX: u32 = 1_000;

const OPERATION: &str = "record events of a run";

/// The place of a run's last event.
const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM run_events WHERE run_id = $1";

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What kind of thing.
    pub kind: String,
    /// What exactly, as text.
    pub data: String,
}

/// Something that happened in a run, in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunEvent {
    /// Its place among the run's events, from 1.
    pub seq: u64,
    /// What kind of thing.
    pub kind: String,
    /// What exactly, as text.
    pub data: String,
    /// When.
    pub at: Timestamp,
}

/// What came of recording events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// Those that there was room for are recorded.
    Now {
        /// The last one's place; 0 if there is none.
        last_seq: u64,
        /// How many there was no room for.
        omitted: u64,
    },
    /// The claim has lapsed; nothing has changed.
    Fenced,
}

impl Store {
    /// Records events of a run that is claimed.
    ///
    /// # Errors
    ///
    /// [`StoreError::TooLarge`] for an event with more than [`EVENT_BYTES_MAX`], and what
    /// the database fails with.
    pub async fn append_events(
        &self,
        fence: &Fence,
        events: &[NewEvent],
    ) -> Result<Appended, StoreError> {
        let failed = || StoreError::of(OPERATION);
        let mut transaction = self.database().begin().await.map_err(failed())?;
        // Holds the claim, so that those of one run are recorded one after the other.
        let sql = "SELECT run_id FROM queue WHERE run_id = $1 AND owner = $2 AND fence = $3 \
                   {for update}";
        let held = self
            .database()
            .query(sql)
            .bind(fence.run_id.to_string())
            .bind(fence.owner.to_string())
            .bind(fence.number)
            .fetch_optional(&mut *transaction)
            .await;
        if held.map_err(failed())?.is_none() {
            return Ok(Appended::Fenced);
        }
        let mut last_seq = self.last_event_within(&mut transaction, fence.run_id).await?;
        let mut omitted = 0;
        for event in events {
            if last_seq >= EVENTS_PER_RUN_MAX {
                omitted += 1;
                continue;
            }
            last_seq += 1;
            self.insert_event(&mut transaction, fence.run_id, last_seq, event).await?;
        }
        transaction.commit().await.map_err(failed())?;
        Ok(Appended::Now { last_seq, omitted })
    }

    async fn last_event_within(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
    ) -> Result<u64, StoreError> {
        let query = self.database().query(LAST).bind(run_id.to_string());
        let row = query.fetch_one(&mut **transaction).await;
        last_seq(&row.map_err(StoreError::of(OPERATION))?)
    }

    /// The place of a run's last event; 0 if there is none.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn last_event(&self, run_id: RunId) -> Result<u64, StoreError> {
        let query = self.database().query(LAST).bind(run_id.to_string());
        let row = query.fetch_one(self.database().reader()).await;
        last_seq(&row.map_err(StoreError::of("read events of a run"))?)
    }

    async fn insert_event(
        &self,
        transaction: &mut Transaction<'static, Any>,
        run_id: RunId,
        seq: u64,
        event: &NewEvent,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO run_events (run_id, seq, kind, data, at) \
                   VALUES ($1, $2, $3, $4, {now})";
        self.database()
            .query(sql)
            .bind(run_id.to_string())
            .bind(integer(seq))
            .bind(word("event's kind", &event.kind)?)
            .bind(bounded("event", &event.data, EVENT_BYTES_MAX)?)
            .execute(&mut **transaction)
            .await
            .map(drop)
            .map_err(StoreError::of(OPERATION))
    }

    /// Reads the events of a tenant's run that follow a place, 0 for all.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn events_after(
        &self,
        tenant: &str,
        run_id: RunId,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<RunEvent>, StoreError> {
        let sql = "SELECT seq, kind, data, at FROM run_events WHERE run_id = $1 AND seq > $2 \
                   AND EXISTS (SELECT 1 FROM runs WHERE id = $1 AND tenant = $3) \
                   ORDER BY seq LIMIT $4";
        let rows = self
            .database()
            .query(sql)
            .bind(run_id.to_string())
            .bind(integer(seq))
            .bind(tenant.to_owned())
            .bind(i64::from(limit.clamp(1, READ_MAX)))
            .fetch_all(self.database().reader())
            .await
            .map_err(StoreError::of("read events of a run"))?;
        let read = |row: &AnyRow| {
            Ok(RunEvent {
                seq: number(row, "seq")?,
                kind: text(row, "kind")?,
                data: text(row, "data")?,
                at: moment(row, "at")?,
            })
        };
        rows.iter().map(read).collect()
    }
}

fn last_seq(row: &AnyRow) -> Result<u64, StoreError> {
    let last: i64 = row.try_get(0).map_err(StoreError::of(OPERATION))?;
    u64::try_from(last).map_err(|_| StoreError::Corrupt { what: "seq" })
}
