//! The one data path: whatever runs user code runs through here.
//!
//! | step | gives |
//! |---|---|
//! | admit | a place among the runs under way, and the run's id |
//! | resolve | policy and payload |
//! | open record | an account that will be closed; without one, no run |
//! | acquire | a live sandbox in which nothing of the run has run |
//! | drive | facts: how it ended, what it wrote and used |
//! | settle | the outcome |
//! | fetch | the files that are wanted back |
//! | release | every process dead, nothing left |
//! | close record | the result |

use api::{Event, Outcome, PolicySpec, RunId, RunRequest, RunResult};

use crate::{
    Asker, Engine, RunError, RunIo, TrustDomain,
    account::{Account, Entry, RecordGuard, Subject},
    blocking::in_place,
    drive::drive,
    engine::Core,
    resolve::{Resolved, Work, resolve},
    settle::settle,
    transfer::{created, fetch, rescue},
};

impl Engine {
    /// Runs code or a command.
    ///
    /// # Errors
    /// See [`RunError`]. Whatever the code itself does is an outcome, not an error.
    /// With an error, as with a result, nothing of the run is left behind.
    pub async fn run(&self, request: RunRequest, io: RunIo<'_>) -> Result<RunResult, RunError> {
        self.run_for(&TrustDomain::default(), request, io).await
    }

    /// Runs code or a command for somebody whose sandboxes have no interpreter in
    /// common with those of others.
    ///
    /// # Errors
    /// As of [`Engine::run`].
    pub async fn run_for(
        &self,
        domain: &TrustDomain,
        request: RunRequest,
        io: RunIo<'_>,
    ) -> Result<RunResult, RunError> {
        self.core.carry_out(Work::Request(&request, domain), io).await
    }

    /// Runs the probe: forbidden acts, each attempted in a sandbox of this policy.
    ///
    /// # Errors
    /// As of [`Engine::run`].
    pub async fn probe(&self, policy: PolicySpec, io: RunIo<'_>) -> Result<RunResult, RunError> {
        self.core.carry_out(Work::Probe(&policy), io).await
    }
}

impl Core {
    /// Takes a run all the way.
    pub(crate) async fn carry_out(
        &self,
        work: Work<'_>,
        io: RunIo<'_>,
    ) -> Result<RunResult, RunError> {
        // admit
        let permit = self.admission.admit(work)?;
        // resolve
        let resolved = resolve(work, &self.config, self.backend.support())?;
        // open record
        let run_id = permit.run_id();
        let entry = self.entry(work, run_id, &io.asker);
        let mut record = RecordGuard::new(run_id, &resolved, entry);
        match self.through(work, resolved, io, &mut record).await {
            Ok(account) => record.close(account).await,
            Err(error) => {
                record.fail(&error).await;
                Err(error)
            }
        }
    }

    /// From a run that is resolved to what is known when every process of it is dead.
    async fn through(
        &self,
        work: Work<'_>,
        resolved: Resolved,
        io: RunIo<'_>,
        record: &mut RecordGuard,
    ) -> Result<Account, RunError> {
        let Resolved { policy, payload, programs, downloads, rescues, limits, .. } = resolved;
        let limits = &limits;
        // acquire, while the record finds its way to the disk
        let acquire = self.acquire(work, (&policy, payload));
        let (opened, acquired) = tokio::join!(record.open(), acquire);
        opened?;
        let mut sandbox = acquired?;
        // drive
        io.events.event(Event::Started { run_id: record.run_id() });
        let facts = drive(&mut *sandbox, &programs, limits, &work.signaller(), io).await?;
        // settle
        let outcome = settle(facts.end, &facts.usage, limits);
        // fetch
        let mut kept = record.kept();
        let bytes_max = limits.workspace_bytes;
        let mut files = fetch(&mut *sandbox, &downloads, bytes_max, &mut kept).await;
        let is_missing = files.iter().any(|file| file.error.is_some());
        if is_missing || !matches!(outcome, Outcome::Exited { .. }) {
            files.extend(rescue(&mut *sandbox, &rescues).await);
        }
        let changes = match work {
            Work::Request(request, _) if request.list_changes => {
                created(&mut *sandbox, &request.uploads).await
            }
            _ => Vec::new(),
        };
        // release
        let enforcement = sandbox.enforcement().clone();
        // Processes have to die, and cgroups to empty: others do not wait for that.
        in_place(|| drop(sandbox));
        // close record
        Ok(Account {
            outcome,
            phase: facts.phase,
            stdout: facts.stdout,
            stderr: facts.stderr,
            files,
            kept,
            changes,
            usage: facts.usage,
            enforcement,
        })
    }

    /// The entry that a piece of work has in the records.
    fn entry(&self, work: Work<'_>, run_id: RunId, asker: &Asker) -> Entry {
        let (subject, environment) = match work {
            Work::Request(request, _) => (Subject::Run(run_id), request.environment.as_str()),
            Work::Inside(inside) => {
                let session = inside.session.frame.environment.as_str();
                (Subject::Command(run_id, inside.session_id), session)
            }
            // Nobody's code runs.
            Work::Probe(_) => return Entry::none(),
        };
        Entry::new(self.records.as_ref(), subject, asker, Some(environment))
    }
}
