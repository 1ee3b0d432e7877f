//! Takes runs out of the queue and carries them out: as many at once as there are slots,
//! each held by a claim that is renewed, and each closed once.
//!
//! What a claim no longer holds is killed, and what came of it thrown away: somebody else
//! has it, or has written it off.

use std::{sync::Arc, time::Duration};

use api::{ArtifactInfo, ErrorBody, ErrorCode, Outcome, OutputHead, RunResult, RunStatus};
use engine::{Asker, Cancel, Input, RunError, RunIo, TrustDomain};
use record::{Claim, Closed, Closing, Owner, Share, Started};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    GitError, ProjectError, Projects,
    cache::Kept,
    checkout::blocking,
    desk::Desk,
    guest::{self, Setting},
    held::InHand,
    media::{JSON, media_type},
    order::Order,
    parcel::{self, Parcel},
    streams::{Stream, Streams},
};

/// How often the queue is looked at unasked: other processes put runs into it, too.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How often those who follow a run are told what is new.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How long to wait for room among all runs of the engine.
const BUSY_WAIT: Duration = Duration::from_millis(200);
/// How often closing a record is tried, and how long is waited between.
const CLOSINGS_MAX: u32 = 5;
const CLOSING_WAIT: Duration = Duration::from_secs(1);
/// How long a last word to those who follow may take.
const LAST_WORD_MAX: Duration = Duration::from_secs(5);

impl Projects {
    /// Carries out runs until `shutdown` is cancelled and those under way have ended.
    /// [`Projects::cut_off`] shortens that. Dropping it kills what is under way; such runs
    /// are lost. What workers that died left is for [`record::Upkeep`], which has to go on
    /// beside.
    pub async fn work(self: Arc<Self>, slots: usize, shutdown: Cancel) {
        tokio::select! {
            () = self.claim_and_carry(slots, &shutdown) => {}
            () = self.keep_renewing() => {}
        }
        // Nobody here will bring what waits to its end.
        self.over.cancel();
        self.tell_ended();
    }

    /// Ends what is under way in this process, which is to end: such runs wait again where
    /// they may be started once more, else they are closed as cancelled, with the reason.
    /// Call it once the worker was told to shut down.
    pub fn cut_off(&self) {
        self.held.cut_off();
    }

    async fn claim_and_carry(self: &Arc<Self>, slots: usize, shutdown: &Cancel) {
        let owner = Owner::generate();
        let mut tasks = JoinSet::new();
        while !shutdown.is_cancelled() {
            let free = slots.saturating_sub(tasks.len());
            for claim in self.claim(&owner, (free, slots)).await {
                let projects = Arc::clone(self);
                tasks.spawn(async move { projects.carry(claim).await });
            }
            tokio::select! {
                () = self.wake.notified() => {}
                Some(ended) = tasks.join_next() => log_panic(ended),
                () = sleep(POLL_EVERY) => {}
                () = shutdown.cancelled() => {}
            }
        }
        while let Some(ended) = tasks.join_next().await {
            log_panic(ended);
        }
    }

    async fn claim(&self, owner: &Owner, (free, slots): (usize, usize)) -> Vec<Claim> {
        if free == 0 {
            return Vec::new();
        }
        // One slot is always left to others, whoever came first and however long it takes.
        let most = slots.saturating_sub(1).max(1);
        let share = Share { most, except: self.settings.alone.as_deref() };
        self.store.claim_shared(owner, free, &share).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the queue cannot be read");
            Vec::new()
        })
    }

    /// Renews what is in hand, and ends what others want to end or have taken over. What
    /// cannot be renewed for as long as a lease lasts ends by being fenced.
    async fn keep_renewing(&self) {
        loop {
            sleep(self.settings.renew_every).await;
            let fences = self.held.fences();
            if fences.is_empty() {
                continue;
            }
            match self.store.renew(&fences).await {
                Ok(renewed) => {
                    for run_id in renewed.gone.into_iter().chain(renewed.cancelled) {
                        self.held.cancel(run_id);
                    }
                }
                Err(error) => tracing::warn!(%error, "claims cannot be renewed"),
            }
        }
    }

    /// Carries one run to its end.
    async fn carry(&self, claim: Claim) {
        let in_hand = InHand::new(&self.held, &claim);
        if let Some(closing) = self.execute(&claim, &in_hand.cancel).await {
            self.settle(&claim, closing).await;
        }
        drop(in_hand);
        self.tell_ended();
    }

    /// Closes a run's record, or lets the run wait again where it was cut off.
    async fn settle(&self, claim: &Claim, mut closing: Closing) {
        if closing.status == RunStatus::Cancelled && self.held.is_cut(claim.run_id) {
            match self.store.hand_back(&claim.fence).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, run_id = %claim.run_id, "a run cannot be handed back");
                }
            }
            closing.error = Some(cut_short());
        }
        self.close(claim, closing).await;
    }

    /// What came of a run; `None` where there is nothing to be closed by us.
    async fn execute(&self, claim: &Claim, cancel: &Cancel) -> Option<Closing> {
        let prepared = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            prepared = self.prepare(claim) => Some(prepared),
        };
        if prepared.is_none() && self.held.is_cut(claim.run_id) {
            self.release(claim).await;
            return None;
        }
        match self.store.start_run(&claim.fence).await {
            Ok(Started::Now { .. }) => {}
            // It is closed by that, or in others' hands.
            Ok(_) => return None,
            Err(error) => {
                tracing::warn!(%error, run_id = %claim.run_id, "a run cannot be started");
                self.release(claim).await;
                return None;
            }
        }
        match prepared {
            None => Some(Closing::new(RunStatus::Cancelled)),
            Some(Err(error)) => Some(Closing::failed(error.body())),
            Some(Ok(prepared)) => Some(self.run_prepared(claim, &prepared, cancel).await),
        }
    }

    /// Gives a run that has not started back to the queue.
    async fn release(&self, claim: &Claim) {
        // Where that fails its claim lapses, which comes to the same.
        if let Err(error) = self.store.release(&claim.fence).await {
            tracing::warn!(%error, run_id = %claim.run_id, "a claim cannot be given back");
        }
    }

    /// Brings everything there that the run needs.
    async fn prepare(&self, claim: &Claim) -> Result<Prepared, ProjectError> {
        let request = claim.request.clone().unwrap_or_default();
        let order: Order = serde_json::from_value(request)
            .map_err(|_| ProjectError::Request { reason: "the run's record cannot be read" })?;
        let project_id = order
            .project_id
            .parse()
            .map_err(|_| ProjectError::Request { reason: "the run's record names no project" })?;
        let tree = self.checked_out(&claim.tenant, &order).await?;
        let data = match &order.snapshot {
            Some(id) => Some(self.snapshots.get(&claim.tenant, project_id, id).await?),
            None => None,
        };
        let settings = Arc::clone(&self.settings);
        let (desk, order) = blocking(move || Ok((Desk::make(&settings, &order)?, order))).await?;
        Ok(Prepared { order, tree, data, desk })
    }

    /// The files of the commit, once there is room for git to bring them.
    async fn checked_out(&self, tenant: &str, order: &Order) -> Result<Kept, ProjectError> {
        loop {
            match self.checkouts.get(tenant, &order.source(), &order.commit).await {
                Err(ProjectError::Git(
                    GitError::Busy { .. } | GitError::Run(RunError::Busy { .. }),
                )) => sleep(BUSY_WAIT).await,
                got => return got,
            }
        }
    }

    async fn run_prepared(&self, claim: &Claim, prepared: &Prepared, cancel: &Cancel) -> Closing {
        let streams = Streams::default();
        let over = Notify::new();
        let (result, ()) = tokio::join!(
            async {
                let result = self.run_in_sandbox(claim, prepared, cancel, &streams).await;
                over.notify_one();
                result
            },
            self.tell(claim, &streams, &over),
        );
        let closing = match result {
            Ok(result) => self.closing(result, &streams, prepared).await,
            Err(RunError::Busy { .. }) if cancel.is_cancelled() => {
                Closing::new(RunStatus::Cancelled)
            }
            Err(error) => Closing::failed(error.body()),
        };
        tracing::debug!(run_id = %claim.run_id, status = %closing.status, "a run has ended");
        closing
    }

    async fn run_in_sandbox(
        &self,
        claim: &Claim,
        prepared: &Prepared,
        cancel: &Cancel,
        streams: &Streams,
    ) -> Result<RunResult, RunError> {
        let setting = Setting {
            run_id: claim.run_id,
            order: &prepared.order,
            desk: &prepared.desk,
            tree: prepared.tree.files(),
            data: prepared.data.as_ref().map(Kept::files),
        };
        let request = guest::request(&setting, &self.engine, &self.settings);
        let domain = TrustDomain::new(&claim.tenant);
        loop {
            let mut events = streams.clone();
            // Its record was opened when it was queued.
            let asker = Asker::default().with_own_account();
            let (stdin, taken_back) = (Input::Empty, cancel.clone());
            let io = RunIo { events: &mut events, stdin, cancel: taken_back, asker };
            match self.engine.run_for(&domain, request.clone(), io).await {
                Err(RunError::Busy { .. }) if !cancel.is_cancelled() => sleep(BUSY_WAIT).await,
                ended => return ended,
            }
        }
    }

    /// Tells those who follow what the run writes, until it is over.
    async fn tell(&self, claim: &Claim, streams: &Streams, over: &Notify) {
        loop {
            let is_over = timeout(TELL_EVERY, over.notified()).await.is_ok();
            let events = streams.events();
            if !events.is_empty() {
                let told = timeout(LAST_WORD_MAX, self.store.append_events(&claim.fence, &events));
                if let Ok(Err(error)) = told.await {
                    tracing::warn!(%error, run_id = %claim.run_id, "events are not recorded");
                }
            }
            if is_over {
                return;
            }
        }
    }

    /// What goes into the record of a run whose code has ended.
    async fn closing(&self, result: RunResult, streams: &Streams, prepared: &Prepared) -> Closing {
        let parcel = left(&result, prepared).await;
        let mut closing = Closing {
            enforcement: Some(result.enforcement),
            usage: Some(result.usage),
            code_digest: Some(prepared.order.code_digest()),
            policy_digest: Some(result.digests.policy),
            environment_digest: result.digests.environment,
            ..Closing::ended(result.outcome)
        };
        if let Err(error) = self.fill(&mut closing, streams, parcel).await {
            closing.error = Some(error.body());
        }
        closing
    }

    /// Keeps what the run left.
    async fn fill(
        &self,
        closing: &mut Closing,
        streams: &Streams,
        parcel: Parcel,
    ) -> Result<(), ProjectError> {
        let (stdout, stderr) = streams.take();
        closing.stdout = self.head(stdout).await?;
        closing.stderr = self.head(stderr).await?;
        closing.error = parcel::complained(&parcel.complaints);
        for (name, path) in parcel.files {
            let bytes = blocking(move || parcel::bytes(&path)).await?;
            self.keep(closing, name, bytes).await?;
        }
        if let Some(result) = parcel.result {
            let text = serde_json::to_vec(&result).unwrap_or_default();
            match text.len() <= record::RESULT_BYTES_MAX {
                true => closing.result = Some(result.into()),
                false => self.keep(closing, RESULT_NAME.to_owned(), text).await?,
            }
        }
        Ok(())
    }

    async fn keep(
        &self,
        closing: &mut Closing,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<(), ProjectError> {
        if closing.artifacts.iter().any(|artifact| artifact.name == name) {
            return Ok(());
        }
        let media_type = if name == RESULT_NAME { JSON } else { media_type(&name) };
        let digest = self.blobs.put_bytes(bytes).await?;
        closing.artifacts.push(ArtifactInfo {
            name,
            sha256: digest.sha256,
            size_bytes: digest.size_bytes,
            media_type: media_type.to_owned(),
        });
        Ok(())
    }

    /// The beginning of a stream; more of it among the blobs, if there is more.
    async fn head(&self, stream: Stream) -> Result<OutputHead, ProjectError> {
        let head = stream.kept.get(..record::HEAD_BYTES_MAX).unwrap_or(&stream.kept);
        let head = String::from_utf8_lossy(head).into_owned();
        let total_bytes = stream.total_bytes;
        let is_longer = total_bytes > record::HEAD_BYTES_MAX as u64;
        let sha256 = match is_longer {
            true => Some(self.blobs.put_bytes(stream.kept).await?.sha256),
            false => None,
        };
        Ok(OutputHead { head, total_bytes, sha256 })
    }

    /// Closes a record, however long the store takes to be back within reason.
    async fn close(&self, claim: &Claim, mut closing: Closing) {
        for _ in 0..CLOSINGS_MAX {
            match self.store.close_run(claim.run_id, &closing, Some(&claim.fence)).await {
                Ok(Closed::Now) => return,
                Ok(closed) => {
                    tracing::warn!(?closed, run_id = %claim.run_id, "a run's end came too late");
                    return;
                }
                Err(error) if error.is_transient() => sleep(CLOSING_WAIT).await,
                Err(error) => {
                    tracing::error!(%error, run_id = %claim.run_id, "a run's end is not kept");
                    closing = closing.reduced(error.body());
                }
            }
        }
    }
}

/// The name of a result that is too large for its record.
pub(crate) const RESULT_NAME: &str = ".result.json";

/// Everything that a run needs, for as long as it runs.
struct Prepared {
    order: Order,
    tree: Kept,
    data: Option<Kept>,
    desk: Desk,
}

/// What a run left: as its driver packed it, or as it lay there when the run was stopped or
/// had no room left for a parcel.
async fn left(result: &RunResult, Prepared { desk, order, .. }: &Prepared) -> Parcel {
    let files = result.files.clone();
    // It is the only file that was asked for by its name.
    let is_packed = files.first().is_some_and(|file| file.error.is_none());
    let opened = if is_packed && matches!(result.outcome, Outcome::Exited { .. }) {
        let (archive, place) = (desk.parcel(), desk.taken());
        blocking(move || Ok(parcel::open(&archive, &place))).await
    } else {
        let (place, name) = (desk.rescued(), order.result_name().to_owned());
        blocking(move || Ok(parcel::rescued(&files, &place, &name))).await
    };
    opened.unwrap_or_default()
}

/// Why a run ended that nobody took back.
fn cut_short() -> ErrorBody {
    ErrorBody {
        code: ErrorCode::Internal,
        message: "the process that carried it out was told to end before the run did".to_owned(),
        hint: Some("look at what it left, and run it again".to_owned()),
        retryable: true,
    }
}

fn log_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a worker's task has failed");
    }
}
