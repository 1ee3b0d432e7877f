//! Everything that is done to runs, once and in one order, each step told to a witness.

use std::{error::Error, path::Path};

use api::{ArtifactInfo, Outcome, RunId, RunKind};
use record::{
    BlobSettings, Blobs, Cancelled, Claim, Closed, Closing, NewEvent, NewRecord, Owner, Started,
    Store,
};

use crate::{
    fixture::record_of,
    witness::{TENANT, bytes_for, kept},
};

/// What a step came to.
pub(crate) type Step<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

/// Somebody who walks.
pub(crate) struct Walk<'a> {
    store: &'a Store,
    blobs: Blobs,
    owner: Owner,
    tell: &'a (dyn Fn(&str, RunId) + Sync),
}

fn ended() -> Closing {
    Closing::ended(Outcome::Exited { code: 0 })
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        store: &'a Store,
        directory: &Path,
        tell: &'a (dyn Fn(&str, RunId) + Sync),
    ) -> Self {
        let blobs = Blobs::open(&BlobSettings::directory(directory.join("blobs")), store).unwrap();
        Self { store, blobs, owner: Owner::generate(), tell }
    }

    /// Goes all the way, or up to the first step that fails.
    pub(crate) async fn go(&self) -> Step {
        self.directly().await?;
        self.through_the_queue().await?;
        self.in_groups().await?;
        self.left_alone().await
    }

    fn tell(&self, word: &str, run_id: RunId) {
        (self.tell)(word, run_id);
    }

    /// A run that is not queued, and leaves something.
    async fn directly(&self) -> Step {
        let new = self.wanted(RunKind::Run);
        self.store.open_run(&new).await?;
        self.tell("opened", new.run_id);
        self.tell("keeping", new.run_id);
        let blob = self.blobs.put_bytes(bytes_for(new.run_id)).await?;
        self.tell(&kept(&blob.sha256), new.run_id);
        let artifact = ArtifactInfo {
            name: "a".to_owned(),
            sha256: blob.sha256,
            size_bytes: blob.size_bytes,
            media_type: "text/plain".to_owned(),
        };
        let closing = Closing { artifacts: vec![artifact], ..ended() };
        self.tell("closing", new.run_id);
        assert_eq!(self.store.close_run(new.run_id, &closing, None).await?, Closed::Now);
        self.tell("closed", new.run_id);
        Ok(())
    }

    /// One that is carried out, one that is given back first, and one that is taken back.
    async fn through_the_queue(&self) -> Step {
        let [_, _, last] = [self.enqueue().await?, self.enqueue().await?, self.enqueue().await?];
        let first = self.claim().await?;
        self.carry(&first).await?;
        let second = self.claim().await?;
        assert!(self.store.release(&second.fence).await?);
        let again = self.claim().await?;
        assert_eq!(again.run_id, second.run_id);
        self.carry(&again).await?;
        self.tell("cancelling", last);
        assert_eq!(self.store.request_cancel(TENANT, last).await?, Cancelled::Now);
        self.tell("cancelled", last);
        Ok(())
    }

    async fn in_groups(&self) -> Step {
        let log = self.store.batch();
        let new = self.wanted(RunKind::Turn);
        self.tell("closing", new.run_id);
        log.open(new.clone()).await?;
        log.close(new.run_id, ended()).await?;
        log.flush().await?;
        self.tell("closed", new.run_id);
        Ok(())
    }

    /// One that is started and never ended, and one that is claimed and never started.
    async fn left_alone(&self) -> Step {
        self.enqueue().await?;
        let claim = self.claim().await?;
        self.start(&claim).await?;
        self.enqueue().await?;
        self.claim().await.map(drop)
    }

    fn wanted(&self, kind: RunKind) -> NewRecord {
        let new = record_of(TENANT, kind);
        self.tell("wanted", new.run_id);
        new
    }

    async fn enqueue(&self) -> Step<RunId> {
        let new = self.wanted(RunKind::Project);
        self.store.enqueue(&new, 1).await?;
        self.tell("queued", new.run_id);
        Ok(new.run_id)
    }

    async fn claim(&self) -> Step<Claim> {
        let mut claims = self.store.claim(&self.owner, 1).await?;
        let claim = claims.pop().ok_or("nothing waits")?;
        self.tell("starting", claim.run_id);
        Ok(claim)
    }

    async fn start(&self, claim: &Claim) -> Step {
        assert_eq!(self.store.start_run(&claim.fence).await?, Started::Now { attempt: 1 });
        self.tell("started", claim.run_id);
        Ok(())
    }

    async fn carry(&self, claim: &Claim) -> Step {
        self.start(claim).await?;
        let event = NewEvent { kind: "stdout".to_owned(), data: "said".to_owned() };
        self.store.append_events(&claim.fence, &[event]).await?;
        let renewed = self.store.renew(std::slice::from_ref(&claim.fence)).await?;
        assert!(renewed.gone.is_empty() && renewed.cancelled.is_empty());
        self.tell("closing", claim.run_id);
        let closed = self.store.close_run(claim.run_id, &ended(), Some(&claim.fence)).await?;
        assert_eq!(closed, Closed::Now);
        self.tell("closed", claim.run_id);
        Ok(())
    }
}
