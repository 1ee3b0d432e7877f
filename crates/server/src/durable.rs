//! What outlives the server: records, the bytes that they refer to, and projects.

use std::{sync::Arc, time::Duration};

use engine::Cancel;
use project::Projects;
use record::Upkeep;
use tokio::{task::JoinHandle, time::timeout};

/// How long runs of projects may take for their end beyond the time that all have.
const WORKER_TIME_MAX: Duration = Duration::from_secs(1);

/// What outlives the server, opened by whoever puts it together.
pub struct Durable {
    /// Records, and what keeps them in order.
    pub upkeep: Upkeep,
    /// Projects, kept in the same records.
    pub projects: Arc<Projects>,
    /// Runs of projects that this process carries out at any one moment.
    pub workers: usize,
}

/// What goes on beside the answering of requests.
pub(crate) struct Background {
    upkeep: JoinHandle<()>,
    worker: JoinHandle<()>,
    full: Cancel,
}

impl Durable {
    /// Begins to carry out runs of projects, and to keep the records in order.
    pub(crate) fn begin(&self) -> Background {
        let (upkeep, full) = (self.upkeep.clone(), Cancel::new());
        let work = Arc::clone(&self.projects).work(self.workers, full.clone());
        Background {
            upkeep: tokio::spawn(async move { upkeep.go_on().await }),
            worker: tokio::spawn(work),
            full,
        }
    }
}

impl Background {
    /// Takes no more runs.
    pub(crate) fn drain(&self) {
        self.full.cancel();
    }

    /// Ends. Runs that are cut off are lost, and told so when their claim is over.
    pub(crate) async fn end(mut self) {
        if timeout(WORKER_TIME_MAX, &mut self.worker).await.is_err() {
            self.worker.abort();
        }
        self.upkeep.abort();
        // What it is in the middle of would otherwise find the records closed.
        let _ = self.upkeep.await;
    }
}
