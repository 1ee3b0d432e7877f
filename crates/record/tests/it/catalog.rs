//! Projects, what their data comes from, and that data at moments.

use std::sync::Arc;

use api::{DataSourceKind, Project, RepositoryKind, RunKind, SnapshotFile};
use record::{
    BlobSettings, Blobs, NewProject, NewRecord, NewSnapshot, NewSource, Store, StoreError,
};

use crate::fixture::{Place, on_both, record_of};

on_both! {
    a_project_is_found_by_its_tenant_alone,
    projects_are_listed_by_name,
    a_source_takes_the_place_of_its_name,
    the_same_files_are_the_same_snapshot,
    a_snapshot_that_a_record_refers_to_stays,
    a_project_goes_with_what_it_consists_of,
}

fn new_project(name: &str) -> NewProject {
    NewProject {
        name: name.to_owned(),
        description: "Ours".to_owned(),
        repository: "https://example.org/r.git".to_owned(),
        repository_kind: RepositoryKind::Remote,
        default_branch: "main".to_owned(),
        environment: "bare".to_owned(),
    }
}

fn blobs(place: &Place, store: &Store) -> Blobs {
    Blobs::open(&BlobSettings::directory(place.directory.path().join("b")), store).unwrap()
}

async fn snapshot_of(store: &Store, blobs: &Blobs, project: &Project) -> String {
    let mut files = Vec::new();
    for (path, text) in [("b.csv", "b"), ("a.csv", "a"), ("c.csv", "a")] {
        let kept = blobs.put_bytes(text).await.unwrap();
        let (sha256, size_bytes) = (kept.sha256, kept.size_bytes);
        files.push(SnapshotFile { path: path.to_owned(), sha256, size_bytes });
    }
    let new = NewSnapshot { project_id: project.project_id, files };
    let snapshot = store.add_snapshot("a", &new).await.unwrap();
    assert_eq!((snapshot.file_count, snapshot.size_bytes), (3, 3));
    snapshot.snapshot_id
}

async fn a_project_is_found_by_its_tenant_alone(place: Arc<Place>) {
    let store = place.open().await;
    let made = store.add_project("a", &new_project("p")).await.unwrap();
    assert_eq!(store.project("a", "p").await.unwrap(), Some(made.clone()));
    assert_eq!(store.project_by_id("a", made.project_id).await.unwrap(), Some(made.clone()));
    assert_eq!(store.project("b", "p").await.unwrap(), None);
    assert_eq!(store.project_by_id("b", made.project_id).await.unwrap(), None);
    assert_eq!(store.project("a", "P").await.unwrap(), None, "names are told apart exactly");
    let again = store.add_project("a", &new_project("p")).await;
    assert!(matches!(again, Err(StoreError::Exists { what: "project" })), "{again:?}");
    store.add_project("b", &new_project("p")).await.unwrap();
    assert!(!store.delete_project("b", made.project_id).await.unwrap());
    assert!(store.project("a", "p").await.unwrap().is_some());
}

async fn projects_are_listed_by_name(place: Arc<Place>) {
    let store = place.open().await;
    for name in ["b", "a", "B", "ä", "c"] {
        store.add_project("a", &new_project(name)).await.unwrap();
    }
    let mut names = Vec::new();
    let mut cursor = None;
    loop {
        let listed = store.projects("a", 2, cursor.as_deref()).await.unwrap();
        names.extend(listed.items.into_iter().map(|project| project.name));
        cursor = listed.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["B", "a", "b", "c", "ä"]);
}

async fn a_source_takes_the_place_of_its_name(place: Arc<Place>) {
    let store = place.open().await;
    let project_id = store.add_project("a", &new_project("p")).await.unwrap().project_id;
    let mut new = NewSource {
        project_id,
        name: "sales".to_owned(),
        kind: DataSourceKind::Directory,
        location: "/data".to_owned(),
    };
    let first = store.put_source("a", &new).await.unwrap();
    new.kind = DataSourceKind::Upload;
    new.location = "0".repeat(64);
    let missing = store.put_source("a", &new).await;
    assert!(matches!(missing, Err(StoreError::Missing { what: "blob" })), "{missing:?}");
    new.location = blobs(&place, &store).put_bytes("x").await.unwrap().sha256;
    let second = store.put_source("a", &new).await.unwrap();
    assert_eq!(second.source_id, first.source_id);
    assert_eq!(store.source("a", project_id, "sales").await.unwrap(), Some(second.clone()));
    assert_eq!(
        store.sources("a", project_id, 10, None).await.unwrap().items,
        std::slice::from_ref(&second)
    );
    assert!(store.sources("b", project_id, 10, None).await.unwrap().items.is_empty());
    let others = store.put_source("b", &new).await;
    assert!(matches!(others, Err(StoreError::Missing { what: "project" })), "{others:?}");
    assert!(!store.delete_source("b", second.source_id).await.unwrap());
    assert!(store.delete_source("a", second.source_id).await.unwrap());
}

async fn the_same_files_are_the_same_snapshot(place: Arc<Place>) {
    let store = place.open().await;
    let blobs = blobs(&place, &store);
    let project = store.add_project("a", &new_project("p")).await.unwrap();
    let id = snapshot_of(&store, &blobs, &project).await;
    assert_eq!(snapshot_of(&store, &blobs, &project).await, id);
    let listed = store.snapshots("a", project.project_id, 10, None).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    let files = store.snapshot_files("a", project.project_id, &id).await.unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a.csv", "b.csv", "c.csv"]);
    assert!(store.snapshot_files("b", project.project_id, &id).await.unwrap().is_empty());
    let mut twice = NewSnapshot { project_id: project.project_id, files: files.clone() };
    twice.files.push(files[0].clone());
    let refused = store.add_snapshot("a", &twice).await;
    assert!(matches!(refused, Err(StoreError::Exists { what: "file" })), "{refused:?}");
    twice.files = vec![SnapshotFile { sha256: "0".repeat(64), ..files[0].clone() }];
    let refused = store.add_snapshot("a", &twice).await;
    assert!(matches!(refused, Err(StoreError::Missing { what: "blob" })), "{refused:?}");
    assert_eq!(store.snapshots("a", project.project_id, 10, None).await.unwrap(), listed);
}

async fn a_snapshot_that_a_record_refers_to_stays(place: Arc<Place>) {
    let store = place.open().await;
    let project = store.add_project("a", &new_project("p")).await.unwrap();
    let id = snapshot_of(&store, &blobs(&place, &store), &project).await;
    let new = NewRecord {
        project_id: Some(project.project_id),
        snapshot: Some(id.clone()),
        ..record_of("a", RunKind::Project)
    };
    store.enqueue(&new, 1).await.unwrap();
    let deleted = store.delete_snapshot("a", project.project_id, &id).await;
    assert!(matches!(deleted, Err(StoreError::InUse { what: "snapshot", .. })), "{deleted:?}");
    assert_eq!(store.snapshot_files("a", project.project_id, &id).await.unwrap().len(), 3);
    place.sql("DELETE FROM runs").await;
    assert!(!store.delete_snapshot("b", project.project_id, &id).await.unwrap());
    assert!(store.delete_snapshot("a", project.project_id, &id).await.unwrap());
    assert!(store.snapshot("a", project.project_id, &id).await.unwrap().is_none());
    assert!(store.snapshot_files("a", project.project_id, &id).await.unwrap().is_empty());
}

async fn a_project_goes_with_what_it_consists_of(place: Arc<Place>) {
    let store = place.open().await;
    let project = store.add_project("a", &new_project("p")).await.unwrap();
    let id = snapshot_of(&store, &blobs(&place, &store), &project).await;
    let project_id = project.project_id;
    let new = NewRecord { project_id: Some(project_id), ..record_of("a", RunKind::Project) };
    store.enqueue(&new, 1).await.unwrap();
    let deleted = store.delete_project("a", project_id).await;
    assert!(matches!(deleted, Err(StoreError::InUse { what: "project", .. })), "{deleted:?}");
    store.request_cancel("a", new.run_id).await.unwrap();
    assert!(store.delete_project("a", project_id).await.unwrap());
    assert!(store.project("a", "p").await.unwrap().is_none());
    assert!(store.snapshot("a", project_id, &id).await.unwrap().is_none());
    assert!(store.record("a", new.run_id).await.unwrap().is_some(), "records stay");
}
