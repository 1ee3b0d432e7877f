//! The queue: who is next, who holds what, and what becomes of the runs of the dead.

use std::{collections::HashSet, sync::Arc};

use api::{Outcome, ProjectId, RunKind, RunStatus};
use record::{
    Appended, Cancelled, Claim, Closed, Closing, NewEvent, NewRecord, Owner, QueueBound, Settings,
    Settled, Share, Started, Store, StoreError,
};
use serde_json::json;

use crate::fixture::{Place, on_both, record_of};

on_both! {
    a_run_goes_through_the_queue,
    runs_of_a_project_are_numbered,
    the_queue_takes_no_more_than_it_may,
    those_with_the_fewest_under_way_are_served_first,
    nobody_gets_more_than_it_may_have_under_way,
    a_tenant_leaves_a_place_to_others,
    no_run_is_claimed_by_two,
    what_had_not_started_waits_again,
    what_had_started_is_lost,
    what_may_be_started_again_is,
    a_fenced_worker_changes_nothing,
    a_waiting_run_is_cancelled_at_once,
    the_worker_of_a_claimed_run_is_asked_to_end_it,
    a_claim_is_given_back_in_its_place,
    a_run_that_was_cut_off_is_handed_back,
    a_claim_that_is_renewed_does_not_lapse,
    records_of_a_dead_process_are_lost,
    a_snapshot_has_to_be_there,
}

/// Lets the leases of an owner's claims run out.
async fn let_lapse(place: &Place, owner: &Owner) {
    place.sql(&format!("UPDATE queue SET lease_until = 0 WHERE owner = '{owner}'")).await;
}

async fn enqueue(store: &Store, tenant: &str) -> NewRecord {
    let new = record_of(tenant, RunKind::Project);
    store.enqueue(&new, 1).await.unwrap();
    new
}

async fn claim_one(store: &Store, owner: &Owner) -> Claim {
    store.claim(owner, 1).await.unwrap().pop().expect("a run waits")
}

async fn status(store: &Store, new: &NewRecord) -> RunStatus {
    store.record(&new.tenant, new.run_id).await.unwrap().unwrap().status
}

fn ended() -> Closing {
    Closing::ended(Outcome::Exited { code: 0 })
}

async fn a_run_goes_through_the_queue(place: Arc<Place>) {
    let store = place.open().await;
    let request = json!({"scope": "project"});
    let new = NewRecord { request: Some(request.clone()), ..record_of("acme", RunKind::Project) };
    assert_eq!(store.enqueue(&new, 1).await.unwrap().number, None);
    assert_eq!(status(&store, &new).await, RunStatus::Pending);

    let owner = Owner::generate();
    let claim = claim_one(&store, &owner).await;
    assert_eq!((claim.run_id, claim.tenant.as_str(), claim.attempt), (new.run_id, "acme", 1));
    assert_eq!(claim.request, Some(request));
    assert!(store.claim(&owner, 8).await.unwrap().is_empty());
    assert_eq!(status(&store, &new).await, RunStatus::Pending, "it has not started");

    assert_eq!(store.start_run(&claim.fence).await.unwrap(), Started::Now { attempt: 1 });
    assert_eq!(status(&store, &new).await, RunStatus::Running);
    assert_eq!(store.start_run(&claim.fence).await.unwrap(), Started::Fenced, "once");
    let closed = store.close_run(new.run_id, &ended(), Some(&claim.fence)).await.unwrap();
    assert_eq!(closed, Closed::Now);
    let closed = store.close_run(new.run_id, &ended(), Some(&claim.fence)).await.unwrap();
    assert_eq!(closed, Closed::AlreadyClosed(RunStatus::Success));
    assert_eq!(store.settle_expired().await.unwrap(), Settled::default());
    assert!(store.claim(&owner, 8).await.unwrap().is_empty());
}

async fn runs_of_a_project_are_numbered(place: Arc<Place>) {
    let stores = [place.open().await, place.open().await];
    let project_id = Some(ProjectId::generate());
    let others = (0..20).map(|index| {
        let store = stores[index % 2].clone();
        let new = NewRecord { project_id, ..record_of("acme", RunKind::Project) };
        tokio::spawn(async move { store.enqueue(&new, 1).await.unwrap().number.unwrap() })
    });
    let mut numbers = HashSet::new();
    for number in others.collect::<Vec<_>>() {
        numbers.insert(number.await.unwrap());
    }
    assert_eq!(numbers, (1..=20).collect());
    let other = NewRecord {
        project_id: Some(ProjectId::generate()),
        ..record_of("acme", RunKind::Project)
    };
    assert_eq!(stores[0].enqueue(&other, 1).await.unwrap().number, Some(1));
}

async fn the_queue_takes_no_more_than_it_may(place: Arc<Place>) {
    let settings = Settings {
        tenant_waiting_max: 2,
        tenants_waiting_max: [("less".to_owned(), 0)].into(),
        waiting_max: 3,
        ..Settings::default()
    };
    let store = place.open_with(settings).await;
    let full = store.enqueue(&record_of("less", RunKind::Project), 1).await;
    assert!(matches!(full, Err(StoreError::QueueFull { bound: QueueBound::Tenant, limit: 0 })));
    enqueue(&store, "a").await;
    enqueue(&store, "a").await;
    let new = record_of("a", RunKind::Project);
    let full = store.enqueue(&new, 1).await;
    let Err(StoreError::QueueFull { bound: QueueBound::Tenant, limit: 2 }) = full else {
        panic!("{full:?}")
    };
    assert!(store.record("a", new.run_id).await.unwrap().is_none(), "no record of it");
    enqueue(&store, "b").await;
    let full = store.enqueue(&record_of("b", RunKind::Project), 1).await;
    assert!(matches!(full, Err(StoreError::QueueFull { bound: QueueBound::All, limit: 3 })));
    // What is under way does not wait.
    claim_one(&store, &Owner::generate()).await;
    enqueue(&store, "b").await;
}

async fn those_with_the_fewest_under_way_are_served_first(place: Arc<Place>) {
    let store = place.open().await;
    for _ in 0..6 {
        enqueue(&store, "many").await;
    }
    for _ in 0..2 {
        enqueue(&store, "few").await;
    }
    enqueue(&store, "one").await;
    let owner = Owner::generate();
    let claims = store.claim(&owner, 5).await.unwrap();
    let mut tenants: Vec<&str> = claims.iter().map(|claim| claim.tenant.as_str()).collect();
    let first: HashSet<&str> = tenants.drain(..3).collect();
    assert_eq!(first, HashSet::from(["many", "few", "one"]), "each one before anybody two");
    assert_eq!(tenants.iter().collect::<HashSet<_>>().len(), 2, "{tenants:?}");
    // Of the same number under way: whoever comes late is served before who has much.
    enqueue(&store, "late").await;
    assert_eq!(claim_one(&store, &owner).await.tenant, "late");
    assert_eq!(store.claim(&owner, 64).await.unwrap().len(), 4, "the rest");
}

async fn nobody_gets_more_than_it_may_have_under_way(place: Arc<Place>) {
    let store = place.open_with(Settings { tenant_running_max: 2, ..Settings::default() }).await;
    for _ in 0..4 {
        enqueue(&store, "a").await;
    }
    enqueue(&store, "b").await;
    let owners = [Owner::generate(), Owner::generate()];
    let claims = store.claim(&owners[0], 64).await.unwrap();
    assert_eq!(claims.iter().filter(|claim| claim.tenant == "a").count(), 2);
    assert_eq!(claims.len(), 3);
    assert!(store.claim(&owners[1], 64).await.unwrap().is_empty());
    let first = claims.iter().find(|claim| claim.tenant == "a").unwrap();
    store.close_run(first.run_id, &ended(), Some(&first.fence)).await.unwrap();
    assert_eq!(store.claim(&owners[1], 64).await.unwrap().len(), 1);
}

async fn a_tenant_leaves_a_place_to_others(place: Arc<Place>) {
    let store = place.open().await;
    for _ in 0..5 {
        enqueue(&store, "many").await;
    }
    for _ in 0..3 {
        enqueue(&store, "alone").await;
    }
    let share = Share { most: 2, except: Some("alone") };
    let owners = [Owner::generate(), Owner::generate()];
    let claims = store.claim_shared(&owners[0], 64, &share).await.unwrap();
    let many: Vec<_> = claims.iter().filter(|claim| claim.tenant == "many").collect();
    assert_eq!((many.len(), claims.len()), (2, 5));
    assert!(store.claim_shared(&owners[0], 64, &share).await.unwrap().is_empty());
    // Another process has places of its own.
    assert_eq!(store.claim_shared(&owners[1], 64, &share).await.unwrap().len(), 2);
    store.close_run(many[0].run_id, &ended(), Some(&many[0].fence)).await.unwrap();
    assert!(store.claim_shared(&owners[1], 64, &share).await.unwrap().is_empty());
    assert_eq!(store.claim_shared(&owners[0], 64, &share).await.unwrap().len(), 1);
}

async fn no_run_is_claimed_by_two(place: Arc<Place>) {
    let store = place.open().await;
    for index in 0..40 {
        enqueue(&store, ["a", "b", "c"][index % 3]).await;
    }
    let mut workers = Vec::new();
    for _ in 0..4 {
        let store = place.open().await;
        workers.push(tokio::spawn(async move {
            let owner = Owner::generate();
            let mut claimed = Vec::new();
            loop {
                let claims = store.claim(&owner, 3).await.unwrap();
                if claims.is_empty() {
                    return claimed;
                }
                claimed.extend(claims.into_iter().map(|claim| claim.run_id));
            }
        }));
    }
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!(all.len(), 40);
    assert_eq!(all.into_iter().collect::<HashSet<_>>().len(), 40);
}

async fn what_had_not_started_waits_again(place: Arc<Place>) {
    let store = place.open().await;
    let (first, _second) = (enqueue(&store, "a").await, enqueue(&store, "a").await);
    let (dead, living) = (Owner::generate(), Owner::generate());
    assert_eq!(claim_one(&store, &dead).await.run_id, first.run_id);
    assert_eq!(store.settle_expired().await.unwrap(), Settled::default(), "its lease runs");
    let_lapse(&place, &dead).await;
    let settled = store.settle_expired().await.unwrap();
    assert_eq!(settled, Settled { requeued: 1, ..Settled::default() });
    assert_eq!(claim_one(&store, &living).await.run_id, first.run_id, "it kept its place");
}

async fn what_had_started_is_lost(place: Arc<Place>) {
    let store = place.open().await;
    let new = enqueue(&store, "a").await;
    let owner = Owner::generate();
    let claim = claim_one(&store, &owner).await;
    store.start_run(&claim.fence).await.unwrap();
    let_lapse(&place, &owner).await;
    let settled = store.settle_expired().await.unwrap();
    assert_eq!(settled, Settled { lost: 1, ..Settled::default() });
    let lost = store.record("a", new.run_id).await.unwrap().unwrap();
    assert_eq!((lost.status, lost.outcome, lost.attempt), (RunStatus::Lost, None, 1));
    assert!(lost.error.is_some() && lost.ended_at.is_some());
    assert!(store.claim(&owner, 1).await.unwrap().is_empty());
}

async fn what_may_be_started_again_is(place: Arc<Place>) {
    let store = place.open().await;
    let new = record_of("a", RunKind::Project);
    store.enqueue(&new, 2).await.unwrap();
    for attempt in 1..=2 {
        let owner = Owner::generate();
        let claim = claim_one(&store, &owner).await;
        assert_eq!(claim.attempt, attempt);
        assert_eq!(store.start_run(&claim.fence).await.unwrap(), Started::Now { attempt });
        let_lapse(&place, &owner).await;
        store.settle_expired().await.unwrap();
    }
    assert_eq!(status(&store, &new).await, RunStatus::Lost);
    assert!(store.claim(&Owner::generate(), 1).await.unwrap().is_empty());
}

async fn a_fenced_worker_changes_nothing(place: Arc<Place>) {
    let store = place.open().await;
    let new = enqueue(&store, "a").await;
    let owner = Owner::generate();
    let old = claim_one(&store, &owner).await.fence;
    let_lapse(&place, &owner).await;
    store.settle_expired().await.unwrap();
    let said = [NewEvent { kind: "stdout".to_owned(), data: "x".to_owned() }];
    // Nobody holds it, then its old owner does again, by another claim.
    for _ in 0..2 {
        assert_eq!(store.start_run(&old).await.unwrap(), Started::Fenced);
        let closed = store.close_run(new.run_id, &ended(), Some(&old)).await.unwrap();
        assert_eq!(closed, Closed::Fenced);
        assert_eq!(store.append_events(&old, &said).await.unwrap(), Appended::Fenced);
        assert!(!store.release(&old).await.unwrap());
        let renewed = store.renew(std::slice::from_ref(&old)).await.unwrap();
        assert_eq!(renewed.gone, [new.run_id]);
        let closed = store.close_run(new.run_id, &ended(), None).await.unwrap();
        assert_eq!(closed, Closed::Fenced, "not without a claim either");
        assert_eq!(status(&store, &new).await, RunStatus::Pending);
        store.claim(&owner, 1).await.unwrap();
    }
}

async fn a_waiting_run_is_cancelled_at_once(place: Arc<Place>) {
    let store = place.open().await;
    let new = enqueue(&store, "a").await;
    let others = store.request_cancel("b", new.run_id).await;
    assert!(matches!(others, Err(StoreError::Missing { what: "run" })), "{others:?}");
    assert_eq!(store.request_cancel("a", new.run_id).await.unwrap(), Cancelled::Now);
    assert_eq!(status(&store, &new).await, RunStatus::Cancelled);
    assert!(store.claim(&Owner::generate(), 1).await.unwrap().is_empty());
    let again = store.request_cancel("a", new.run_id).await.unwrap();
    assert_eq!(again, Cancelled::AlreadyEnded(RunStatus::Cancelled));
    let direct = record_of("a", RunKind::Run);
    store.open_run(&direct).await.unwrap();
    let unqueued = store.request_cancel("a", direct.run_id).await.unwrap();
    assert_eq!(unqueued, Cancelled::Unqueued);
}

async fn the_worker_of_a_claimed_run_is_asked_to_end_it(place: Arc<Place>) {
    let store = place.open().await;
    let owner = Owner::generate();
    let unstarted = enqueue(&store, "a").await;
    let claim = claim_one(&store, &owner).await;
    assert_eq!(store.request_cancel("a", unstarted.run_id).await.unwrap(), Cancelled::Asked);
    assert_eq!(store.start_run(&claim.fence).await.unwrap(), Started::Cancelled);
    assert_eq!(status(&store, &unstarted).await, RunStatus::Cancelled);

    let started = enqueue(&store, "a").await;
    let claim = claim_one(&store, &owner).await;
    store.start_run(&claim.fence).await.unwrap();
    assert_eq!(store.request_cancel("a", started.run_id).await.unwrap(), Cancelled::Asked);
    assert_eq!(status(&store, &started).await, RunStatus::Running);
    let renewed = store.renew(std::slice::from_ref(&claim.fence)).await.unwrap();
    assert_eq!((renewed.cancelled, renewed.gone), (vec![started.run_id], vec![]));
    let closing = Closing::ended(Outcome::Cancelled);
    store.close_run(started.run_id, &closing, Some(&claim.fence)).await.unwrap();
    assert_eq!(status(&store, &started).await, RunStatus::Cancelled);

    // A worker that dies before it started what is to be cancelled.
    let dead = enqueue(&store, "a").await;
    claim_one(&store, &owner).await;
    store.request_cancel("a", dead.run_id).await.unwrap();
    let_lapse(&place, &owner).await;
    let settled = store.settle_expired().await.unwrap();
    assert_eq!(settled, Settled { cancelled: 1, ..Settled::default() });
    assert_eq!(status(&store, &dead).await, RunStatus::Cancelled);
}

async fn a_claim_is_given_back_in_its_place(place: Arc<Place>) {
    let store = place.open().await;
    let (first, second) = (enqueue(&store, "a").await, enqueue(&store, "a").await);
    let owner = Owner::generate();
    let claim = claim_one(&store, &owner).await;
    assert!(store.release(&claim.fence).await.unwrap());
    let again = claim_one(&store, &owner).await;
    assert_eq!(again.run_id, first.run_id);
    store.start_run(&again.fence).await.unwrap();
    assert!(!store.release(&again.fence).await.unwrap(), "it has started");
    assert_eq!(claim_one(&store, &owner).await.run_id, second.run_id);
}

async fn a_run_that_was_cut_off_is_handed_back(place: Arc<Place>) {
    let store = place.open().await;
    let owner = Owner::generate();
    let once = enqueue(&store, "a").await;
    let again = record_of("a", RunKind::Project);
    store.enqueue(&again, 3).await.unwrap();
    for claim in store.claim(&owner, 2).await.unwrap() {
        assert!(!store.hand_back(&claim.fence).await.unwrap(), "it has not started");
        store.start_run(&claim.fence).await.unwrap();
        let is_back = store.hand_back(&claim.fence).await.unwrap();
        assert_eq!(is_back, claim.run_id == again.run_id);
        assert_eq!(store.start_run(&claim.fence).await.unwrap(), Started::Fenced);
    }
    assert_eq!(status(&store, &once).await, RunStatus::Running);
    assert_eq!(status(&store, &again).await, RunStatus::Pending);
    let claim = claim_one(&store, &owner).await;
    assert_eq!((claim.run_id, claim.attempt), (again.run_id, 2));
    store.start_run(&claim.fence).await.unwrap();
    store.request_cancel("a", again.run_id).await.unwrap();
    assert!(!store.hand_back(&claim.fence).await.unwrap(), "somebody took it back");
    store.close_run(claim.run_id, &ended(), Some(&claim.fence)).await.unwrap();
    assert!(!store.hand_back(&claim.fence).await.unwrap(), "it is over");
}

async fn a_claim_that_is_renewed_does_not_lapse(place: Arc<Place>) {
    let store = place.open().await;
    let new = enqueue(&store, "a").await;
    let owner = Owner::generate();
    let claim = claim_one(&store, &owner).await;
    store.start_run(&claim.fence).await.unwrap();
    let_lapse(&place, &owner).await;
    let renewed = store.renew(std::slice::from_ref(&claim.fence)).await.unwrap();
    assert!(renewed.gone.is_empty() && renewed.cancelled.is_empty());
    assert_eq!(store.settle_expired().await.unwrap(), Settled::default());
    let closed = store.close_run(new.run_id, &ended(), Some(&claim.fence)).await.unwrap();
    assert_eq!(closed, Closed::Now);
}

async fn records_of_a_dead_process_are_lost(place: Arc<Place>) {
    let (dead, living) = (place.open().await, place.open().await);
    let (lost, kept) = (record_of("a", RunKind::Run), record_of("a", RunKind::Run));
    dead.open_run(&lost).await.unwrap();
    living.open_run(&kept).await.unwrap();
    assert_eq!(living.settle_expired().await.unwrap(), Settled::default());
    dead.close().await;
    let settled = living.settle_expired().await.unwrap();
    assert_eq!(settled, Settled { lost: 1, ..Settled::default() });
    assert_eq!(status(&living, &lost).await, RunStatus::Lost);
    assert_eq!(status(&living, &kept).await, RunStatus::Running);
}

async fn a_snapshot_has_to_be_there(place: Arc<Place>) {
    let store = place.open().await;
    let new = NewRecord {
        project_id: Some(ProjectId::generate()),
        snapshot: Some("0".repeat(64)),
        ..record_of("a", RunKind::Project)
    };
    let queued = store.enqueue(&new, 1).await;
    assert!(matches!(queued, Err(StoreError::Missing { what: "snapshot" })), "{queued:?}");
    assert!(store.record("a", new.run_id).await.unwrap().is_none());
}
