//! What goes on beside the carrying out of runs.

use std::{sync::Arc, time::Duration};

use api::{RunKind, RunStatus};
use record::{BlobSettings, Blobs, Owner, Retention, Settings, Started, Upkeep};

use crate::fixture::{Place, on_both, record_of};

on_both! {
    what_the_dead_left_is_settled_unasked,
}

/// Longer than a look takes on a busy machine.
const LOOKS_MAX: u32 = 600;

async fn what_the_dead_left_is_settled_unasked(place: Arc<Place>) {
    let settings = Settings { lease: Duration::from_millis(300), ..Settings::default() };
    let dead = place.open_with(settings.clone()).await;
    let [direct, started, claimed] =
        [RunKind::Run, RunKind::Project, RunKind::Project].map(|kind| record_of("a", kind));
    dead.open_run(&direct).await.unwrap();
    dead.enqueue(&started, 1).await.unwrap();
    dead.enqueue(&claimed, 1).await.unwrap();
    let claims = dead.claim(&Owner::generate(), 2).await.unwrap();
    let fence = &claims.iter().find(|claim| claim.run_id == started.run_id).unwrap().fence;
    assert_eq!(dead.start_run(fence).await.unwrap(), Started::Now { attempt: 1 });
    dead.close().await;

    let store = place.open_with(settings).await;
    let blobs = BlobSettings::directory(place.directory.path().join("blobs"));
    let blobs = Blobs::open(&blobs, &store).unwrap();
    let upkeep = Upkeep::new(store.clone(), blobs, Retention::default());
    let going_on = tokio::spawn(async move { upkeep.go_on().await });
    let status = async |id| store.record("a", id).await.unwrap().unwrap().status;
    for id in [started.run_id, direct.run_id] {
        let mut looks = 0;
        while status(id).await != RunStatus::Lost {
            looks += 1;
            assert!(looks < LOOKS_MAX, "nobody settles it");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    // It waits again, and whoever is alive may have it.
    assert_eq!(status(claimed.run_id).await, RunStatus::Pending);
    let again = store.claim(&Owner::generate(), 2).await.unwrap();
    assert_eq!(again.iter().map(|claim| claim.run_id).collect::<Vec<_>>(), [claimed.run_id]);
    going_on.abort();
}
