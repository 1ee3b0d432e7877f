//! Bytes by their digest: in a directory, and in a real S3.

use std::{io, sync::Arc};

use api::{ArtifactInfo, Outcome, RunKind};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use record::{BlobError, BlobSettings, Blobs, Closing, Swept};

use crate::{
    fixture::{Place, block_on, missing, on_both, record_of},
    s3::Server,
};

on_both! {
    bytes_are_kept_once,
    no_more_is_kept_than_may_be,
    what_breaks_off_is_not_kept,
    damage_is_noticed,
    what_nothing_refers_to_goes,
    what_a_dead_sweep_left_goes,
    bytes_that_are_being_removed_are_kept_anew,
}

/// More than is held in memory.
const LARGE: usize = 20 * 1024 * 1024 + 1;

fn settings(place: &Place) -> BlobSettings {
    BlobSettings::directory(place.directory.path().join("blobs"))
}

async fn open(place: &Place) -> (record::Store, Blobs) {
    let store = place.open().await;
    let blobs = Blobs::open(&settings(place), &store).unwrap();
    (store, blobs)
}

fn chunks(total: usize) -> impl stream::Stream<Item = io::Result<Bytes>> {
    let chunk = Bytes::from((0..u8::MAX).cycle().take(100_000).collect::<Vec<u8>>());
    let whole = stream::iter(std::iter::repeat_n(chunk.clone(), total / chunk.len()).map(Ok));
    whole.chain(stream::iter([Ok(chunk.slice(..total % chunk.len()))]))
}

/// Paths of files below a directory.
fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

async fn keep_and_read(blobs: &Blobs) {
    let small = blobs.put_bytes("abc").await.unwrap();
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((small.sha256.as_str(), small.size_bytes), (known, 3));
    assert_eq!(blobs.put_bytes("abc").await.unwrap(), small);
    assert_eq!(blobs.read(known, 3).await.unwrap(), b"abc");
    let large = blobs.put(chunks(LARGE), LARGE as u64).await.unwrap();
    assert_eq!(large.size_bytes, LARGE as u64);
    let mut reader = blobs.get(&large.sha256).await.unwrap();
    assert_eq!(reader.size_bytes(), LARGE as u64);
    let mut read = 0;
    while let Some(chunk) = reader.next().await {
        read += chunk.unwrap().len();
    }
    assert_eq!(read, LARGE);
    let empty = blobs.put_bytes("").await.unwrap();
    assert_eq!(blobs.read(&empty.sha256, 0).await.unwrap(), b"");
    let over = blobs.read(known, 2).await;
    assert!(matches!(over, Err(BlobError::TooLarge { limit_bytes: 2 })), "{over:?}");
    for nothing in ["0".repeat(64), "../../etc/passwd".to_owned(), known.to_uppercase()] {
        let missing = blobs.read(&nothing, 9).await;
        assert!(matches!(missing, Err(BlobError::Missing { .. })), "{missing:?}");
    }
}

async fn bytes_are_kept_once(place: Arc<Place>) {
    let (_store, blobs) = open(&place).await;
    keep_and_read(&blobs).await;
    let files = files(&place.directory.path().join("blobs"));
    assert_eq!(files.len(), 3, "{files:?}");
    let kept = "ba/78/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert!(files.iter().any(|file| file.ends_with(kept)), "{files:?}");
}

async fn no_more_is_kept_than_may_be(place: Arc<Place>) {
    let (_store, blobs) = open(&place).await;
    for total in [11, LARGE] {
        let limit_bytes = total as u64 - 1;
        let over = blobs.put(chunks(total), limit_bytes).await;
        assert!(matches!(over, Err(BlobError::TooLarge { .. })), "{over:?}");
    }
    assert!(files(&place.directory.path().join("blobs")).is_empty(), "not a part of it");
}

async fn what_breaks_off_is_not_kept(place: Arc<Place>) {
    let (_store, blobs) = open(&place).await;
    let broken = chunks(LARGE).chain(stream::iter([Err(io::Error::other("gone"))]));
    let put = blobs.put(broken, u64::MAX).await;
    assert!(matches!(put, Err(BlobError::Source(_))), "{put:?}");
    assert!(files(&place.directory.path().join("blobs")).is_empty(), "not a part of it");
}

async fn damage_is_noticed(place: Arc<Place>) {
    let (_store, blobs) = open(&place).await;
    let kept = blobs.put_bytes("abcdef").await.unwrap();
    let file = files(&place.directory.path().join("blobs")).remove(0);
    for damaged in ["abcdeg", "abc", "abcdefg", ""] {
        std::fs::write(&file, damaged).unwrap();
        let read = blobs.read(&kept.sha256, 100).await;
        assert!(matches!(read, Err(BlobError::Damaged { .. })), "{damaged}: {read:?}");
    }
}

async fn what_nothing_refers_to_goes(place: Arc<Place>) {
    let (store, blobs) = open(&place).await;
    let (used, unused) =
        (blobs.put_bytes("u").await.unwrap(), blobs.put_bytes("nn").await.unwrap());
    let output = blobs.put_bytes("o").await.unwrap();
    let new = record_of("a", RunKind::Run);
    store.open_run(&new).await.unwrap();
    let mut closing = Closing::ended(Outcome::Exited { code: 0 });
    closing.stdout.sha256 = Some(output.sha256.clone());
    closing.artifacts.push(ArtifactInfo {
        name: "u".to_owned(),
        sha256: used.sha256.clone(),
        size_bytes: 1,
        media_type: "text/plain".to_owned(),
    });
    store.close_run(new.run_id, &closing, None).await.unwrap();
    assert_eq!(blobs.sweep().await.unwrap(), Swept::default(), "it is new");
    place.sql("UPDATE blobs SET touched_at = 1").await;
    assert_eq!(blobs.sweep().await.unwrap(), Swept { blobs: 1, bytes: 2 });
    assert!(matches!(blobs.read(&unused.sha256, 9).await, Err(BlobError::Missing { .. })));
    for kept in [used, output] {
        blobs.read(&kept.sha256, 9).await.unwrap();
    }
    assert_eq!(blobs.put_bytes("nn").await.unwrap(), unused);
    assert_eq!(blobs.read(&unused.sha256, 9).await.unwrap(), b"nn", "it is back");
}

async fn what_a_dead_sweep_left_goes(place: Arc<Place>) {
    let (_store, blobs) = open(&place).await;
    blobs.put_bytes("x").await.unwrap();
    place.sql("UPDATE blobs SET touched_at = 1, doomed_at = 1").await;
    assert_eq!(blobs.sweep().await.unwrap(), Swept { blobs: 1, bytes: 1 });
    assert!(files(&place.directory.path().join("blobs")).is_empty());
}

async fn bytes_that_are_being_removed_are_kept_anew(place: Arc<Place>) {
    let (_store, blobs) = open(&place).await;
    let kept = blobs.put_bytes("x").await.unwrap();
    place.sql("UPDATE blobs SET touched_at = 1, doomed_at = 1").await;
    let putting = tokio::spawn({
        let blobs = blobs.clone();
        async move { blobs.put_bytes("x").await.unwrap() }
    });
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(!putting.is_finished(), "it waits for the bytes to be gone");
    blobs.sweep().await.unwrap();
    assert_eq!(putting.await.unwrap(), kept);
    assert_eq!(blobs.read(&kept.sha256, 1).await.unwrap(), b"x");
}

#[test]
fn bytes_are_kept_in_s3() {
    let Some(mut server) = Server::start() else { return missing("SeaweedFS (weed)") };
    block_on(async {
        let store = Place::file();
        let store = store.open().await;
        let blobs = Blobs::open(&server.settings(), &store).unwrap();
        server.wait(async || blobs.put_bytes("is it there?").await.is_ok()).await;
        keep_and_read(&blobs).await;
        let mut settings = server.settings();
        for (name, value) in &mut settings.options {
            if name == "AWS_SECRET_ACCESS_KEY" {
                *value = "wrong".to_owned();
            }
        }
        let put = Blobs::open(&settings, &store).unwrap().put_bytes("y").await;
        assert!(matches!(put, Err(BlobError::Object { .. })), "{put:?}");
    });
}
