//! Records of what a person runs at the prompt, where that is wanted.

use std::time::Duration;

use api::{RunId, RunResult};
use engine::Records;
use record::Upkeep;
use tokio::time::timeout;

use crate::{
    archive,
    config::{HostVars, Settings},
    failure::Failure,
    ledger::TENANT,
};

/// How long the last of a record may take to be written: as long as others may hold the
/// file that it goes to.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(10);

/// Where what this process runs is recorded; nowhere where nobody asked for that.
pub(crate) struct Recording(Option<Open>);

struct Open {
    upkeep: Upkeep,
    records: Records,
}

impl Recording {
    /// No records of anything.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// Opens the records if the settings say so; otherwise touches nothing of them.
    ///
    /// # Errors
    /// There is no place for them, or it cannot be used.
    pub(crate) async fn open(settings: &Settings, vars: &HostVars) -> Result<Self, Failure> {
        if !settings.records.one_shot {
            return Ok(Self::none());
        }
        let upkeep = archive::open(settings, vars).await?;
        let records = Records::new(upkeep.store().clone(), upkeep.blobs().clone());
        Ok(Self(Some(Open { upkeep, records })))
    }

    /// Where the engine is to keep them.
    pub(crate) fn records(&self) -> Option<Records> {
        self.0.as_ref().map(|open| open.records.clone())
    }

    /// What a person should know of the record of a run that has files, or of no run in
    /// particular; waits until all is written, and lets go of the records.
    pub(crate) async fn close(self, result: Option<&RunResult>) -> Option<String> {
        let Open { upkeep, records } = self.0?;
        let left = result.filter(|result| !result.files.is_empty()).map(|result| result.run_id);
        let end = async {
            records.flush().await;
            let complaint = match left {
                Some(run_id) => complaint(&upkeep, run_id).await,
                None => None,
            };
            upkeep.store().close().await;
            complaint
        };
        let late = || Some("the last records could not be written in time".to_owned());
        timeout(CLOSE_TIME_MAX, end).await.unwrap_or_else(|_| late())
    }
}

/// Why what a run left is not all in its record, if it is not.
async fn complaint(upkeep: &Upkeep, run_id: RunId) -> Option<String> {
    let record = upkeep.store().record(TENANT, run_id).await.ok()??;
    record.error.map(|error| error.message)
}
