//! What outlives the server: records, the bytes that they refer to, and projects.

use std::{sync::Arc, time::Duration};

use engine::Cancel;
use project::Projects;
use record::Upkeep;
use tokio::{task::JoinHandle, time::timeout};

/// How long runs of projects that are cut off may take for their end: they are killed, and
/// what they left is kept.
const WORKER_TIME_MAX: Duration = Duration::from_secs(5);

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
    projects: Arc<Projects>,
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
            projects: Arc::clone(&self.projects),
        }
    }
}

impl Background {
    /// Takes no more runs.
    pub(crate) fn drain(&self) {
        self.full.cancel();
    }

    /// Waits until the runs under way have ended, which is for those who drain it.
    pub(crate) async fn worked(&mut self) {
        if !self.worker.is_finished() {
            let _ = (&mut self.worker).await;
        }
    }

    /// Ends the runs under way and closes their records, or lets them wait for another
    /// process. What is not done in time is lost, and told so when its claim is over.
    pub(crate) async fn cut_off(&mut self) {
        self.drain();
        self.projects.cut_off();
        if timeout(WORKER_TIME_MAX, self.worked()).await.is_err() {
            self.worker.abort();
        }
    }

    /// Ends.
    pub(crate) async fn end(mut self) {
        self.cut_off().await;
        self.upkeep.abort();
        // What it is in the middle of would otherwise find the records closed.
        let _ = self.upkeep.await;
    }
}
