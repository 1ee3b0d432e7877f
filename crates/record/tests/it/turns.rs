//! Records of turns, written in groups.

use std::sync::Arc;

use api::{Outcome, RunId, RunKind, RunStatus, TurnId};
use record::{Closing, Filter, NewRecord, Settled, Store, StoreError, TurnLog};

use crate::fixture::{Place, on_both, record_of};

on_both! {
    turns_are_there_when_they_are_flushed,
    turns_are_there_soon_though_nobody_waits_for_them,
    what_was_handed_in_is_written_though_the_log_is_dropped,
    one_that_cannot_be_written_does_not_keep_the_others,
    turns_of_a_dead_process_are_lost,
    many_turns_of_many_tasks_are_all_there,
}

fn turn() -> NewRecord {
    NewRecord::new(TurnId::generate(), "a", RunKind::Turn, "local")
}

fn raised() -> Closing {
    Closing::ended(Outcome::Raised)
}

async fn turns_are_there_when_they_are_flushed(place: Arc<Place>) {
    let store = place.open().await;
    let log = store.batch();
    let turns = [turn(), turn()];
    for new in &turns {
        log.open(new.clone()).await.unwrap();
    }
    log.close(turns[0].run_id, raised()).await.unwrap();
    log.flush().await.unwrap();
    let closed = store.record("a", turns[0].run_id).await.unwrap().unwrap();
    assert_eq!((closed.status, closed.outcome), (RunStatus::Failed, Some(Outcome::Raised)));
    assert!(closed.started_at <= closed.ended_at);
    let open = store.record("a", turns[1].run_id).await.unwrap().unwrap();
    assert_eq!(open.status, RunStatus::Running);
}

async fn what_was_handed_in_is_written_though_the_log_is_dropped(place: Arc<Place>) {
    let store = place.open().await;
    let log = store.batch();
    let new = turn();
    log.open(new.clone()).await.unwrap();
    log.close_detached(new.run_id, raised()).unwrap();
    drop(log);
    is_closed_soon(&store, new.run_id).await;
}

async fn turns_are_there_soon_though_nobody_waits_for_them(place: Arc<Place>) {
    let store = place.open().await;
    let log = store.batch();
    for _ in 0..3 {
        let new = turn();
        log.open(new.clone()).await.unwrap();
        log.close(new.run_id, raised()).await.unwrap();
        is_closed_soon(&store, new.run_id).await;
    }
}

async fn is_closed_soon(store: &Store, run_id: RunId) {
    for _ in 0..500 {
        if let Some(record) = store.record("a", run_id).await.unwrap()
            && record.status.is_final()
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("it was not written");
}

async fn one_that_cannot_be_written_does_not_keep_the_others(place: Arc<Place>) {
    let store = place.open().await;
    let taken = record_of("a", RunKind::Run);
    store.open_run(&taken).await.unwrap();
    let log = store.batch();
    let (before, after) = (turn(), turn());
    log.open(before.clone()).await.unwrap();
    log.open(taken.clone()).await.unwrap();
    log.close(TurnId::generate(), raised()).await.unwrap();
    log.open(after.clone()).await.unwrap();
    log.flush().await.unwrap();
    for new in [before, after] {
        assert!(store.record("a", new.run_id).await.unwrap().is_some());
    }
    let large = NewRecord { branch: Some("x".repeat(1000)), ..turn() };
    let refused = log.open(large).await;
    assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
}

async fn turns_of_a_dead_process_are_lost(place: Arc<Place>) {
    let (dead, living) = (place.open().await, place.open().await);
    let log = dead.batch();
    let new = turn();
    log.open(new.clone()).await.unwrap();
    log.flush().await.unwrap();
    assert_eq!(living.settle_expired().await.unwrap(), Settled::default());
    place.sql("UPDATE owners SET lease_until = 0").await;
    assert_eq!(living.settle_expired().await.unwrap(), Settled { lost: 1, ..Settled::default() });
    let lost = living.record("a", new.run_id).await.unwrap().unwrap();
    assert_eq!(lost.status, RunStatus::Lost);
    // Whoever was taken for dead cannot say otherwise later.
    log.close(new.run_id, Closing::ended(Outcome::Exited { code: 0 })).await.unwrap();
    log.flush().await.unwrap();
    let lost = living.record("a", new.run_id).await.unwrap().unwrap();
    assert_eq!(lost.status, RunStatus::Lost);
}

async fn take_turns(log: TurnLog) {
    for _ in 0..150 {
        let new = turn();
        log.open(new.clone()).await.unwrap();
        log.close(new.run_id, Closing::ended(Outcome::Exited { code: 0 })).await.unwrap();
    }
}

async fn many_turns_of_many_tasks_are_all_there(place: Arc<Place>) {
    let store = place.open().await;
    let log = store.batch();
    // More than may wait, so that some have to.
    let tasks: Vec<_> = (0..20).map(|_| tokio::spawn(take_turns(log.clone()))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    log.flush().await.unwrap();
    let mut filter = Filter { limit: 500, ..Filter::default() };
    let mut ended = 0;
    loop {
        let page = store.list("a", &filter).await.unwrap();
        let all = page.records.iter().all(|record| record.status == RunStatus::Success);
        assert!(all, "each is closed");
        ended += page.records.len();
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            break;
        }
    }
    assert_eq!(ended, 3000);
}
