//! Lists of records, and what is removed of them.

use std::{collections::HashSet, sync::Arc, time::Duration};

use api::{Outcome, RunId, RunKind, RunStatus, SessionId, Timestamp};
use record::{Closing, Filter, NewEvent, NewRecord, Owner, Retention, Store, StoreError};
use serde_json::json;

use crate::fixture::{Place, on_both, record_of};

on_both! {
    pages_hold_every_record_once_newest_first,
    a_filter_takes_what_it_names,
    what_is_no_cursor_is_refused,
    old_records_go_by_age,
    old_records_go_by_count,
    old_records_go_by_bytes,
    events_are_read_from_any_place,
    events_go_an_hour_after_the_end,
}

async fn closed_run(store: &Store, new: &NewRecord) -> RunId {
    store.open_run(new).await.unwrap();
    let closing = Closing::ended(Outcome::Exited { code: 0 });
    store.close_run(new.run_id, &closing, None).await.unwrap();
    new.run_id
}

async fn pages_hold_every_record_once_newest_first(place: Arc<Place>) {
    let store = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..25 {
        ids.push(closed_run(&store, &record_of("a", RunKind::Run)).await);
        closed_run(&store, &record_of("b", RunKind::Run)).await;
    }
    // Many at the same moment: the cursor has to tell them apart.
    place.sql("UPDATE runs SET queued_at = queued_at / 10000 * 10000").await;
    let mut listed = Vec::new();
    let mut filter = Filter { limit: 7, ..Filter::default() };
    loop {
        let page = store.list("a", &filter).await.unwrap();
        assert!(page.records.len() <= 7);
        listed.extend(page.records.iter().map(|record| (record.queued_at, record.run_id)));
        filter.cursor = page.next_cursor;
        if filter.cursor.is_none() {
            break;
        }
    }
    assert!(listed.is_sorted_by(|newer, older| newer > older));
    let listed: Vec<RunId> = listed.into_iter().map(|(_, id)| id).collect();
    ids.sort();
    ids.reverse();
    assert_eq!(listed.iter().collect::<HashSet<_>>(), ids.iter().collect());
}

async fn a_filter_takes_what_it_names(place: Arc<Place>) {
    let store = place.open().await;
    let session_id = Some(SessionId::generate());
    let in_project =
        NewRecord { project: Some("p".to_owned()), ..record_of("a", RunKind::Project) };
    let turn = NewRecord { session_id, ..record_of("a", RunKind::Turn) };
    let plain = record_of("a", RunKind::Run);
    store.open_run(&in_project).await.unwrap();
    closed_run(&store, &turn).await;
    closed_run(&store, &plain).await;
    place.sql(&format!("UPDATE runs SET queued_at = 5000 WHERE id = '{}'", plain.run_id)).await;
    let with = |statuses: &[RunStatus]| Filter { statuses: statuses.into(), ..Filter::default() };
    let table = [
        (Filter { project: Some("p".to_owned()), ..Filter::default() }, vec![&in_project]),
        (Filter { project: Some("' OR 1 = 1".to_owned()), ..Filter::default() }, vec![]),
        (Filter { kind: Some(RunKind::Turn), ..Filter::default() }, vec![&turn]),
        (Filter { session_id, ..Filter::default() }, vec![&turn]),
        (with(&[RunStatus::Running]), vec![&in_project]),
        (with(&[RunStatus::Success]), vec![&turn, &plain]),
        (with(&[RunStatus::Success, RunStatus::Running]), vec![&turn, &in_project, &plain]),
        (with(&[RunStatus::Success, RunStatus::Success, RunStatus::Lost]), vec![&turn, &plain]),
        (Filter { until: Some(Timestamp::from_unix_ms(5001)), ..Filter::default() }, vec![&plain]),
        (
            Filter { since: Some(Timestamp::from_unix_ms(5001)), ..Filter::default() },
            vec![&turn, &in_project],
        ),
        (Filter { kind: Some(RunKind::Run), session_id, ..Filter::default() }, vec![]),
    ];
    for (filter, expected) in table {
        let page = store.list("a", &Filter { limit: 100, ..filter.clone() }).await.unwrap();
        let listed: Vec<RunId> = page.records.iter().map(|record| record.run_id).collect();
        let expected: Vec<RunId> = expected.iter().map(|new| new.run_id).collect();
        assert_eq!(listed, expected, "{filter:?}");
    }
    assert!(store.list("b", &Filter::default()).await.unwrap().records.is_empty());
}

async fn what_is_no_cursor_is_refused(place: Arc<Place>) {
    let store = place.open().await;
    for cursor in ["", "1", "x.y", "1.2.3", "99999999999999999999.0190f3c2"] {
        let filter = Filter { cursor: Some(cursor.to_owned()), ..Filter::default() };
        let listed = store.list("a", &filter).await;
        assert!(matches!(listed, Err(StoreError::InvalidCursor)), "{cursor}: {listed:?}");
    }
}

/// Five runs that ended, the first long ago, and one that is under way.
async fn some_runs(place: &Place, store: &Store) -> Vec<RunId> {
    let mut ids = Vec::new();
    for _ in 0..5 {
        let request = Some(json!("x".repeat(10_000)));
        let new = NewRecord { request, ..record_of("a", RunKind::Run) };
        ids.push(closed_run(store, &new).await);
        let sql =
            format!("UPDATE runs SET queued_at = queued_at - 10000 WHERE id <= '{}'", new.run_id);
        place.sql(&sql).await;
    }
    let open = record_of("a", RunKind::Run);
    store.open_run(&open).await.unwrap();
    place.sql(&format!("UPDATE runs SET queued_at = 1 WHERE id = '{}'", open.run_id)).await;
    ids.push(open.run_id);
    ids
}

async fn kept(store: &Store) -> HashSet<RunId> {
    let page = store.list("a", &Filter { limit: 100, ..Filter::default() }).await.unwrap();
    page.records.iter().map(|record| record.run_id).collect()
}

async fn old_records_go_by_age(place: Arc<Place>) {
    let store = place.open().await;
    let ids = some_runs(&place, &store).await;
    let aged = format!("UPDATE runs SET ended_at = ended_at - 100000 WHERE id <= '{}'", ids[1]);
    place.sql(&aged).await;
    let retention = Retention { age: Some(Duration::from_secs(60)), ..Retention::default() };
    assert_eq!(store.retain(&retention).await.unwrap().runs, 2);
    assert_eq!(kept(&store).await, ids[2..].iter().copied().collect());
    assert_eq!(store.retain(&retention).await.unwrap().runs, 0);
}

async fn old_records_go_by_count(place: Arc<Place>) {
    let store = place.open().await;
    let ids = some_runs(&place, &store).await;
    closed_run(&store, &record_of("b", RunKind::Run)).await;
    let retention = Retention { count: Some(3), ..Retention::default() };
    // What is under way stays, old as it is.
    assert_eq!(store.retain(&retention).await.unwrap().runs, 2);
    assert_eq!(kept(&store).await, ids[2..].iter().copied().collect());
    assert_eq!(store.list("b", &Filter::default()).await.unwrap().records.len(), 1);
}

async fn old_records_go_by_bytes(place: Arc<Place>) {
    let store = place.open().await;
    let ids = some_runs(&place, &store).await;
    let retention = Retention { bytes: Some(30_000), ..Retention::default() };
    let removed = store.retain(&retention).await.unwrap();
    assert_eq!(removed.runs, 3, "{removed:?}");
    assert_eq!(kept(&store).await, ids[3..].iter().copied().collect());
    assert_eq!(store.retain(&retention).await.unwrap().runs, 0);
}

fn said(text: &str) -> NewEvent {
    NewEvent { kind: "stdout".to_owned(), data: text.to_owned() }
}

async fn events_are_read_from_any_place(place: Arc<Place>) {
    let store = place.open().await;
    let new = record_of("a", RunKind::Project);
    store.enqueue(&new, 1).await.unwrap();
    let claim = store.claim(&Owner::generate(), 1).await.unwrap().remove(0);
    store.append_events(&claim.fence, &[said("one"), said("t\0wo")]).await.unwrap();
    store.append_events(&claim.fence, &[said("three")]).await.unwrap();
    let events = store.events_after("a", new.run_id, 1, 10).await.unwrap();
    let seen: Vec<_> = events.iter().map(|event| (event.seq, event.data.as_str())).collect();
    assert_eq!(seen, [(2, "t\u{fffd}wo"), (3, "three")]);
    assert_eq!(store.events_after("a", new.run_id, 0, 1).await.unwrap()[0].data, "one");
    assert!(store.events_after("b", new.run_id, 0, 10).await.unwrap().is_empty());
    let large = said(&"x".repeat(record::EVENT_BYTES_MAX + 1));
    let appended = store.append_events(&claim.fence, &[said("four"), large]).await;
    assert!(matches!(appended, Err(StoreError::TooLarge { .. })), "{appended:?}");
    assert_eq!(store.events_after("a", new.run_id, 0, 10).await.unwrap().len(), 3);
}

async fn events_go_an_hour_after_the_end(place: Arc<Place>) {
    let store = place.open().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = record_of("a", RunKind::Project);
        store.enqueue(&new, 1).await.unwrap();
        let claim = store.claim(&Owner::generate(), 1).await.unwrap().remove(0);
        store.append_events(&claim.fence, &[said("x"), said("y")]).await.unwrap();
        if ids.len() < 2 {
            let closing = Closing::ended(Outcome::Exited { code: 0 });
            store.close_run(new.run_id, &closing, Some(&claim.fence)).await.unwrap();
        }
        ids.push(new.run_id);
    }
    let long_ago = format!("UPDATE runs SET ended_at = 1 WHERE id = '{}'", ids[0]);
    place.sql(&long_ago).await;
    store.retain(&Retention::default()).await.unwrap();
    let mut left = Vec::new();
    for id in ids {
        left.push(store.events_after("a", id, 0, 10).await.unwrap().len());
    }
    assert_eq!(left, [0, 2, 2]);
}
