//! Opening a place: for the first time, by several at once, and one of a later version.

use std::sync::Arc;

use api::RunKind;
use record::{Location, Store, StoreError};

use crate::fixture::{Place, block_on, on_both, record_of};

on_both! {
    several_that_open_a_new_place_get_one_schema,
    what_a_later_version_wrote_is_left_alone,
    what_was_written_is_there_after_a_restart,
}

async fn several_that_open_a_new_place_get_one_schema(place: Arc<Place>) {
    let openings: Vec<_> = (0..6)
        .map(|_| {
            let place = Arc::clone(&place);
            tokio::spawn(async move { place.open().await })
        })
        .collect();
    for opening in openings {
        let store = opening.await.unwrap();
        store.open_run(&record_of("a", RunKind::Run)).await.unwrap();
    }
    assert_eq!(place.sql("DELETE FROM schema_version").await, 1);
}

async fn what_a_later_version_wrote_is_left_alone(place: Arc<Place>) {
    place.open().await.close().await;
    place.sql("UPDATE schema_version SET version = 99").await;
    let opened = Store::open(&place.location).await;
    assert!(matches!(opened, Err(StoreError::Newer { found: 99, .. })), "{opened:?}");
}

async fn what_was_written_is_there_after_a_restart(place: Arc<Place>) {
    let store = place.open().await;
    let new = record_of("a", RunKind::Run);
    store.open_run(&new).await.unwrap();
    if let Some(server) = &place.server {
        server.lock().unwrap().crash().unwrap();
        // Connections that broke are made anew, though the first attempts may notice.
        for _ in 0..100 {
            if store.record("a", new.run_id).await.is_ok() {
                break;
            }
        }
        assert!(store.record("a", new.run_id).await.unwrap().is_some());
    }
    store.close().await;
    assert!(place.open().await.record("a", new.run_id).await.unwrap().is_some());
}

#[test]
fn what_cannot_be_opened_says_where_and_why() {
    block_on(async {
        let place = Place::file();
        std::fs::write(place.directory.path().join("f"), "this is no database").unwrap();
        let table =
            [("f", "cannot open the records at"), ("f/below", "cannot make the records' file at")];
        for (name, expected) in table {
            let location = Location::File(place.directory.path().join(name));
            let error = Store::open(&location).await.unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
            assert!(error.to_string().ends_with(name), "{error}");
            assert!(std::error::Error::source(&error).is_some());
        }
        let nowhere = Location::parse("postgres://u:secret@127.0.0.1:1/d").unwrap();
        let error = Store::open(&nowhere).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot open the records at postgres://127.0.0.1:1/d");
        assert!(error.is_transient());
    });
}

#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    block_on(async {
        let place = Place::file();
        let store = place.open().await;
        store.open_run(&record_of("a", RunKind::Run)).await.unwrap();
        let mut seen = 0;
        for entry in std::fs::read_dir(place.directory.path()).unwrap().flatten() {
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
            seen += 1;
        }
        assert!(seen >= 2, "the database and its log");
    });
}
