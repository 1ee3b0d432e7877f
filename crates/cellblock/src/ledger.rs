//! Records and projects of the person at this machine, opened for one verb.

use std::{path::PathBuf, time::Duration};

use api::RunRecord;
use engine::Cancel;
use project::Projects;
use server::Durable;
use tokio::{runtime::Runtime, time::timeout};

use crate::{
    config::{HostVars, Settings},
    failure::Failure,
    wire::House,
};

/// The tenant of whoever needs no key.
pub(crate) const TENANT: &str = "local";
/// How long threads that are inside of a system call may hold the end back.
const THREADS_END_MAX: Duration = Duration::from_secs(1);
/// How long runs that are cut off may take for their end.
const CUT_TIME_MAX: Duration = Duration::from_secs(5);

/// Records and projects, and what drives them.
pub(crate) struct Ledger {
    runtime: Runtime,
    durable: Durable,
}

impl Ledger {
    /// Opens them. Whoever is at this machine may register what they can read.
    ///
    /// # Errors
    /// They cannot be used.
    pub(crate) fn open(settings: &Settings, vars: &HostVars) -> Result<Self, Failure> {
        let mut settings = settings.clone();
        let own = [PathBuf::from("/")];
        settings.records.repository_dirs.extend(own.clone());
        settings.records.data_dirs.extend(own);
        settings.records.every_bucket = true;
        settings.records.remote_git = true;
        let failed = |source| Failure::Process { action: "start an event loop", source };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let durable = runtime.block_on(async {
            let durable = House::ledger(&settings, vars).await?;
            // There may be nobody else who notices that runs were killed.
            durable.upkeep.settle().await;
            Ok::<_, Failure>(durable)
        })?;
        Ok(Self { runtime, durable })
    }

    /// Does something with projects.
    pub(crate) fn with<T>(
        &self,
        ask: impl AsyncFnOnce(&Projects) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(ask(&self.durable.projects))
    }

    /// Does something that needs the event loop.
    pub(crate) fn inside<T>(&self, begin: impl FnOnce() -> T) -> T {
        let _inside = self.runtime.enter();
        begin()
    }

    /// The same while this process carries out what is in the queue, and keeps the records
    /// in order.
    pub(crate) fn working<T>(
        &self,
        ask: impl AsyncFnOnce(&Projects) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.working_until(ask, std::future::pending())
    }

    /// The same; when it is asked to `cut` it off, it does not wait for what is under way.
    fn working_until<T>(
        &self,
        ask: impl AsyncFnOnce(&Projects) -> Result<T, Failure>,
        cut: impl Future<Output = ()>,
    ) -> Result<T, Failure> {
        self.runtime.block_on(async {
            let full = Cancel::new();
            let projects = self.durable.projects.clone();
            let mut worker = tokio::spawn(projects.work(self.durable.workers, full.clone()));
            let upkeep = self.durable.upkeep.clone();
            let upkeep = tokio::spawn(async move { upkeep.go_on().await });
            let answer = ask(&self.durable.projects).await;
            full.cancel();
            tokio::select! {
                // What it has claimed comes to its end.
                _ = &mut worker => {}
                () = cut => {
                    self.durable.projects.cut_off();
                    let _ = timeout(CUT_TIME_MAX, worker).await;
                }
            }
            upkeep.abort();
            answer
        })
    }

    /// Does that until `end`, and lets what is under way come to its end until `cut`.
    pub(crate) fn work(
        &self,
        end: impl Future<Output = ()>,
        cut: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let wait = async |_: &Projects| {
            end.await;
            Ok(())
        };
        self.working_until(wait, cut)
    }

    /// A run by its id, or the beginning of it.
    pub(crate) fn record(&self, id: &str) -> Result<RunRecord, Failure> {
        self.with(async |projects| Ok(projects.get(TENANT, id).await?))
    }

    /// Lets go of them, and of what of them is old: there may be nobody else who does.
    pub(crate) fn close(self) {
        self.runtime.block_on(async {
            self.durable.upkeep.tidy().await;
            self.durable.upkeep.store().close().await;
        });
        self.runtime.shutdown_timeout(THREADS_END_MAX);
    }
}
