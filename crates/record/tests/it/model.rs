//! The queue against a model: workers claim, start, renew, close, stall and die, callers
//! enqueue and cancel, in any order; and every run ends exactly once.

use std::{collections::BTreeMap, sync::Arc};

use api::{Outcome, RunId, RunKind, RunStatus};
use proptest::{prelude::*, test_runner::TestRunner};
use record::{Cancelled, Claim, Closed, Closing, Owner, Settings, Started, Store};

use crate::fixture::{Place, block_on, missing, record_of};

const TENANTS: [&str; 3] = ["a", "b", "c"];
const WORKERS: usize = 3;
const RUNNING_MAX: u32 = 3;

/// Schedules for each database; `CELLBLOCK_TEST_SCHEDULES` takes more.
const SCHEDULES: u32 = 24;

#[derive(Clone, Debug)]
enum Step {
    Enqueue {
        tenant: usize,
        attempts_max: u32,
    },
    Claim {
        worker: usize,
        free: usize,
    },
    Start {
        worker: usize,
        pick: usize,
    },
    Close {
        worker: usize,
        pick: usize,
    },
    Release {
        worker: usize,
        pick: usize,
    },
    Renew {
        worker: usize,
    },
    /// The worker's leases run out, and it does not know.
    Stall {
        worker: usize,
    },
    /// The worker forgets all that it holds, and its leases run out.
    Die {
        worker: usize,
    },
    Settle,
    Cancel {
        pick: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let (worker, pick) = (0..WORKERS, 0..64_usize);
    prop_oneof![
        5 => (0..TENANTS.len(), 1..3_u32)
            .prop_map(|(tenant, attempts_max)| Step::Enqueue { tenant, attempts_max }),
        4 => (worker.clone(), 0..5_usize).prop_map(|(worker, free)| Step::Claim { worker, free }),
        5 => (worker.clone(), pick.clone()).prop_map(|(worker, pick)| Step::Start { worker, pick }),
        4 => (worker.clone(), pick.clone()).prop_map(|(worker, pick)| Step::Close { worker, pick }),
        1 => (worker.clone(), pick.clone())
            .prop_map(|(worker, pick)| Step::Release { worker, pick }),
        2 => worker.clone().prop_map(|worker| Step::Renew { worker }),
        2 => worker.clone().prop_map(|worker| Step::Stall { worker }),
        1 => worker.prop_map(|worker| Step::Die { worker }),
        3 => Just(Step::Settle),
        2 => pick.prop_map(|pick| Step::Cancel { pick }),
    ]
}

/// Who holds a run.
#[derive(Clone, Debug, PartialEq)]
struct Hold {
    owner: Owner,
    number: i64,
    lapsed: bool,
}

/// A run as it should be.
#[derive(Clone, Debug)]
struct Run {
    tenant: &'static str,
    status: RunStatus,
    attempts: u32,
    attempts_max: u32,
    held: Option<Hold>,
    cancel: bool,
}

/// What a worker believes.
struct Worker {
    owner: Owner,
    claims: Vec<Claim>,
}

struct Model<'a> {
    place: &'a Place,
    store: Store,
    runs: BTreeMap<RunId, Run>,
    workers: Vec<Worker>,
}

impl<'a> Model<'a> {
    async fn new(place: &'a Place) -> Self {
        let settings = Settings { tenant_running_max: RUNNING_MAX, ..Settings::default() };
        let store = place.open_with(settings).await;
        let worker = || Worker { owner: Owner::generate(), claims: Vec::new() };
        let workers = std::iter::repeat_with(worker).take(WORKERS).collect();
        Self { place, store, runs: BTreeMap::new(), workers }
    }

    async fn apply(&mut self, step: &Step) {
        match *step {
            Step::Enqueue { tenant, attempts_max } => self.enqueue(tenant, attempts_max).await,
            Step::Claim { worker, free } => self.claim(worker, free).await,
            Step::Start { worker, pick } => self.start(worker, pick).await,
            Step::Close { worker, pick } => self.close(worker, pick).await,
            Step::Release { worker, pick } => self.release(worker, pick).await,
            Step::Renew { worker } => self.renew(worker).await,
            Step::Stall { worker } => self.stall(worker).await,
            Step::Die { worker } => {
                self.stall(worker).await;
                self.workers[worker].claims.clear();
            }
            Step::Settle => self.settle().await,
            Step::Cancel { pick } => self.cancel(pick).await,
        }
    }

    async fn enqueue(&mut self, tenant: usize, attempts_max: u32) {
        let tenant = TENANTS[tenant];
        let new = record_of(tenant, RunKind::Project);
        self.store.enqueue(&new, attempts_max).await.unwrap();
        let (status, attempts, held, cancel) = (RunStatus::Pending, 0, None, false);
        let run = Run { tenant, status, attempts, attempts_max, held, cancel };
        self.runs.insert(new.run_id, run);
    }

    fn under_way(&self) -> BTreeMap<&'static str, u32> {
        let mut counts: BTreeMap<_, u32> = TENANTS.map(|tenant| (tenant, 0)).into();
        for run in self.runs.values().filter(|run| run.held.is_some()) {
            *counts.get_mut(run.tenant).unwrap() += 1;
        }
        counts
    }

    /// Every claim has to be that of a tenant with the fewest under way, of those that have
    /// something waiting and may have more.
    async fn claim(&mut self, worker: usize, free: usize) {
        let owner = self.workers[worker].owner.clone();
        let claims = self.store.claim(&owner, free).await.unwrap();
        assert!(claims.len() <= free);
        for claim in &claims {
            let counts = self.under_way();
            let fewest = self.waiting().map(|run| counts[run.tenant]).min().unwrap();
            let run = self.runs.get_mut(&claim.run_id).unwrap();
            assert_eq!(counts[run.tenant], fewest, "{claim:?} of {counts:?}");
            assert!(fewest < RUNNING_MAX);
            assert!(run.status == RunStatus::Pending && run.held.is_none(), "{claim:?} {run:?}");
            assert_eq!(claim.attempt, run.attempts + 1);
            let number = claim.fence.number;
            run.held = Some(Hold { owner: owner.clone(), number, lapsed: false });
        }
        if claims.len() < free {
            let counts = self.under_way();
            let left = self.waiting().find(|run| counts[run.tenant] < RUNNING_MAX);
            assert!(left.is_none(), "{left:?} could have been claimed");
        }
        self.workers[worker].claims.extend(claims);
    }

    fn waiting(&self) -> impl Iterator<Item = &Run> {
        self.runs.values().filter(|run| run.status == RunStatus::Pending && run.held.is_none())
    }

    /// One of the claims that a worker believes to hold, and its run if it does hold it.
    fn picked(&mut self, worker: usize, pick: usize) -> Option<(Claim, bool)> {
        let claims = &self.workers[worker].claims;
        let claim = claims.get(pick.checked_rem(claims.len())?)?.clone();
        Some((claim.clone(), self.holds(&claim)))
    }

    fn holds(&self, claim: &Claim) -> bool {
        let held = self.runs[&claim.run_id].held.as_ref();
        held.is_some_and(|held| {
            held.owner == claim.fence.owner && held.number == claim.fence.number
        })
    }

    async fn start(&mut self, worker: usize, pick: usize) {
        let Some((claim, holds)) = self.picked(worker, pick) else { return };
        let started = self.store.start_run(&claim.fence).await.unwrap();
        let run = self.runs.get_mut(&claim.run_id).unwrap();
        let expected = match (holds, run.cancel) {
            (false, _) => Started::Fenced,
            (true, _) if run.status == RunStatus::Running => Started::Fenced,
            (true, true) => Started::Cancelled,
            (true, false) => Started::Now { attempt: run.attempts + 1 },
        };
        assert_eq!(started, expected, "{claim:?} {run:?}");
        match started {
            Started::Now { .. } => {
                run.status = RunStatus::Running;
                run.attempts += 1;
                run.held.as_mut().unwrap().lapsed = false;
            }
            Started::Cancelled => self.end(claim.run_id, RunStatus::Cancelled),
            Started::Fenced => {}
        }
    }

    fn end(&mut self, run_id: RunId, status: RunStatus) {
        let run = self.runs.get_mut(&run_id).unwrap();
        assert!(!run.status.is_final(), "{run:?} ends once");
        run.status = status;
        run.held = None;
    }

    async fn close(&mut self, worker: usize, pick: usize) {
        let Some((claim, holds)) = self.picked(worker, pick) else { return };
        let closing = Closing::ended(Outcome::Exited { code: 0 });
        let closed = self.store.close_run(claim.run_id, &closing, Some(&claim.fence)).await;
        let status = self.runs[&claim.run_id].status;
        let expected = match (holds, status.is_final()) {
            (true, _) => Closed::Now,
            (false, true) => Closed::AlreadyClosed(status),
            (false, false) => Closed::Fenced,
        };
        assert_eq!(closed.unwrap(), expected, "{claim:?}");
        if holds {
            self.end(claim.run_id, RunStatus::Success);
        }
    }

    async fn release(&mut self, worker: usize, pick: usize) {
        let Some((claim, holds)) = self.picked(worker, pick) else { return };
        let released = self.store.release(&claim.fence).await.unwrap();
        let run = self.runs.get_mut(&claim.run_id).unwrap();
        assert_eq!(released, holds && run.status == RunStatus::Pending);
        if released {
            run.held = None;
        }
    }

    async fn renew(&mut self, worker: usize) {
        let fences: Vec<_> =
            self.workers[worker].claims.iter().map(|claim| claim.fence.clone()).collect();
        let renewed = self.store.renew(&fences).await.unwrap();
        let claims = std::mem::take(&mut self.workers[worker].claims);
        let (held, gone): (Vec<_>, Vec<_>) =
            claims.into_iter().partition(|claim| self.holds(claim));
        let ids = |claims: &[Claim]| -> Vec<RunId> {
            let mut ids: Vec<_> = claims.iter().map(|claim| claim.run_id).collect();
            ids.sort();
            ids
        };
        assert_eq!(renewed.gone, ids(&gone));
        for claim in &held {
            self.runs.get_mut(&claim.run_id).unwrap().held.as_mut().unwrap().lapsed = false;
            let cancel = self.runs[&claim.run_id].cancel;
            assert_eq!(renewed.cancelled.contains(&claim.run_id), cancel);
        }
        self.workers[worker].claims = held;
    }

    async fn stall(&mut self, worker: usize) {
        let owner = &self.workers[worker].owner;
        let sql = format!("UPDATE queue SET lease_until = 0 WHERE owner = '{owner}'");
        self.place.sql(&sql).await;
        for held in self.runs.values_mut().filter_map(|run| run.held.as_mut()) {
            held.lapsed |= held.owner == *owner;
        }
    }

    async fn settle(&mut self) {
        self.store.settle_expired().await.unwrap();
        let lapsed = |run: &Run| run.held.as_ref().is_some_and(|held| held.lapsed);
        let ids: Vec<RunId> =
            self.runs.iter().filter(|(_, run)| lapsed(run)).map(|(id, _)| *id).collect();
        for id in ids {
            let run = self.runs.get_mut(&id).unwrap();
            let started = run.status == RunStatus::Running;
            match (started, run.cancel) {
                (false, true) => self.end(id, RunStatus::Cancelled),
                (true, false) if run.attempts < run.attempts_max => {
                    run.status = RunStatus::Pending;
                    run.held = None;
                }
                (true, _) => self.end(id, RunStatus::Lost),
                (false, false) => run.held = None,
            }
        }
    }

    async fn cancel(&mut self, pick: usize) {
        let Some(place) = pick.checked_rem(self.runs.len()) else { return };
        let (id, run) = self.runs.iter_mut().nth(place).unwrap();
        let id = *id;
        let cancelled = self.store.request_cancel(run.tenant, id).await.unwrap();
        let expected = match (run.status.is_final(), run.held.is_some()) {
            (true, _) => Cancelled::AlreadyEnded(run.status),
            (false, true) => Cancelled::Asked,
            (false, false) => Cancelled::Now,
        };
        assert_eq!(cancelled, expected, "{run:?}");
        run.cancel |= cancelled == Cancelled::Asked;
        if cancelled == Cancelled::Now {
            self.end(id, RunStatus::Cancelled);
        }
    }

    /// The database says of every run what the model says.
    async fn compare(&self) {
        for (id, run) in &self.runs {
            let record = self.store.record(run.tenant, *id).await.unwrap().unwrap();
            assert_eq!((record.status, record.attempt), (run.status, run.attempts), "{run:?}");
            assert!(record.attempt <= record.attempts_max);
            assert_eq!(record.ended_at.is_some(), run.status.is_final());
        }
    }

    /// Lets everybody die, and one worker do what is left: then every run has ended.
    async fn finish(&mut self) {
        for worker in 0..WORKERS {
            self.apply(&Step::Die { worker }).await;
        }
        loop {
            self.settle().await;
            self.claim(0, 64).await;
            if self.workers[0].claims.is_empty() {
                break;
            }
            for pick in 0..self.workers[0].claims.len() {
                self.start(0, pick).await;
                self.close(0, pick).await;
            }
            self.workers[0].claims.clear();
        }
        self.compare().await;
        let open: Vec<_> = self.runs.values().filter(|run| !run.status.is_final()).collect();
        assert!(open.is_empty(), "{open:?}");
    }
}

fn schedules(place: &Arc<Place>) {
    let count = std::env::var("CELLBLOCK_TEST_SCHEDULES").ok().and_then(|text| text.parse().ok());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: count.unwrap_or(SCHEDULES),
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let steps = prop::collection::vec(step(), 1..60);
    let result = runner.run(&steps, |steps| {
        block_on(async {
            let mut model = Model::new(place).await;
            // Others have used the place before.
            for table in ["runs", "queue"] {
                place.sql(&format!("DELETE FROM {table}")).await;
            }
            for step in &steps {
                model.apply(step).await;
            }
            model.compare().await;
            model.finish().await;
            model.store.close().await;
        });
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_run_ends_once_in_a_file() {
    schedules(&Arc::new(Place::file()));
}

#[test]
fn every_run_ends_once_in_postgres() {
    match Place::postgres() {
        Some(place) => schedules(&Arc::new(place)),
        None => missing("PostgreSQL"),
    }
}
