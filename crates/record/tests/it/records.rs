//! Records: what goes in comes back, and they are closed once.

use std::{collections::BTreeMap, sync::Arc};

use api::{
    ArtifactInfo, Control, ControlReport, Enforcement, EnforcementLevel, ErrorBody, ErrorCode,
    Outcome, OutputHead, ProjectId, RunId, RunKind, RunStatus, SessionId, Usage,
};
use record::{BlobSettings, Blobs, Closed, Closing, Found, HEAD_BYTES_MAX, NewRecord, StoreError};
use serde_json::json;

use crate::fixture::{Place, on_both, record_of};

on_both! {
    what_goes_in_comes_back,
    a_record_is_closed_once,
    of_many_that_close_a_record_one_does,
    an_id_is_taken_once,
    a_record_is_found_by_the_beginning_of_its_id,
    what_is_too_large_is_refused_whole,
    an_artifact_without_its_bytes_is_refused_whole,
}

fn full_record() -> NewRecord {
    NewRecord {
        project_id: Some(ProjectId::generate()),
        project: Some("budget".to_owned()),
        model: Some("revenue".to_owned()),
        scope: Some("model".to_owned()),
        branch: Some("main\0with NUL".to_owned()),
        commit_sha: Some("c0ffee".to_owned()),
        snapshot: Some("5a".to_owned()),
        session_id: Some(SessionId::generate()),
        rerun_of: Some(RunId::generate()),
        code_digest: Some("c1".to_owned()),
        environment: Some("bare".to_owned()),
        environment_digest: None,
        policy_digest: Some("d1".to_owned()),
        request: Some(json!({"parameters": {"text": "a\0b", "n": [1, 2.5, null]}})),
        ..record_of("acme", RunKind::Project)
    }
}

fn full_closing(artifact: ArtifactInfo) -> Closing {
    let controls = BTreeMap::from([(
        Control::UserNamespace,
        ControlReport { level: EnforcementLevel::Full, detail: "map".to_owned() },
    )]);
    Closing {
        enforcement: Some(Enforcement { backend: "native".to_owned(), controls }),
        usage: Some(Usage { wall_time_ms: 12, cpu_time_ms: Some(3), ..Usage::default() }),
        stdout: OutputHead {
            head: "é\0".repeat(HEAD_BYTES_MAX),
            total_bytes: u64::from(u32::MAX) * 4,
            sha256: Some(artifact.sha256.clone()),
        },
        stderr: OutputHead { head: "oh".to_owned(), total_bytes: 2, sha256: None },
        error: Some(ErrorBody {
            code: ErrorCode::Internal,
            message: "m\0".to_owned(),
            hint: None,
            retryable: true,
        }),
        result: Some(json!({"net": 1.5, "s": "\u{0}"})),
        artifacts: vec![artifact],
        environment_digest: Some("e2".to_owned()),
        ..Closing::ended(Outcome::Exited { code: 3 })
    }
}

async fn what_goes_in_comes_back(place: Arc<Place>) {
    let store = place.open().await;
    let blobs = Blobs::open(&BlobSettings::directory(place.directory.path().join("b")), &store);
    let kept = blobs.unwrap().put_bytes("a,b\n").await.unwrap();
    let artifact = ArtifactInfo {
        name: "out/t.csv".to_owned(),
        sha256: kept.sha256,
        size_bytes: 4,
        media_type: "text/csv".to_owned(),
    };
    let new = full_record();
    store.open_run(&new).await.unwrap();
    let open = store.record("acme", new.run_id).await.unwrap().unwrap();
    assert_eq!((open.status, open.attempt, open.ended_at), (RunStatus::Running, 1, None));
    let closing = full_closing(artifact.clone());
    assert_eq!(store.close_run(new.run_id, &closing, None).await.unwrap(), Closed::Now);

    let closed = store.record("acme", new.run_id).await.unwrap().unwrap();
    assert_eq!(closed.status, RunStatus::Failed);
    assert_eq!(closed.kind, RunKind::Project);
    assert_eq!(closed.requested_by, "a key");
    assert_eq!(closed.project_id, new.project_id);
    assert_eq!(closed.model, new.model);
    assert_eq!(closed.branch.as_deref(), Some("main\u{fffd}with NUL"));
    assert_eq!(closed.session_id, new.session_id);
    assert_eq!(closed.rerun_of, new.rerun_of);
    assert_eq!(
        (&closed.code_digest, &closed.policy_digest),
        (&new.code_digest, &new.policy_digest)
    );
    assert_eq!(closed.environment_digest.as_deref(), Some("e2"), "learnt late");
    assert_eq!(closed.request, new.request);
    assert_eq!((closed.outcome, closed.exit_code), (closing.outcome, Some(3)));
    assert_eq!((&closed.enforcement, closed.usage), (&closing.enforcement, closing.usage));
    assert!(closed.stdout.head.len() <= HEAD_BYTES_MAX * 2 && closed.stdout.head.starts_with('é'));
    assert_eq!(closed.stdout.total_bytes, closing.stdout.total_bytes);
    assert_eq!((&closed.stderr, &closed.error), (&closing.stderr, &closing.error));
    assert_eq!((&closed.result, closed.artifacts), (&closing.result, vec![artifact]));
    assert!(closed.queued_at <= closed.started_at.unwrap());
    assert!(closed.started_at <= closed.ended_at);
}

async fn a_record_is_closed_once(place: Arc<Place>) {
    let store = place.open().await;
    let new = record_of("acme", RunKind::Run);
    store.open_run(&new).await.unwrap();
    let first = Closing::ended(Outcome::Exited { code: 0 });
    assert_eq!(store.close_run(new.run_id, &first, None).await.unwrap(), Closed::Now);
    let before = store.record("acme", new.run_id).await.unwrap();
    let second = Closing::ended(Outcome::OutOfMemory);
    let closed = store.close_run(new.run_id, &second, None).await.unwrap();
    assert_eq!(closed, Closed::AlreadyClosed(RunStatus::Success));
    assert_eq!(store.record("acme", new.run_id).await.unwrap(), before);
    let nobodys = store.close_run(RunId::generate(), &second, None).await;
    assert!(matches!(nobodys, Err(StoreError::Missing { what: "run" })), "{nobodys:?}");
}

async fn of_many_that_close_a_record_one_does(place: Arc<Place>) {
    let stores = [place.open().await, place.open().await];
    let new = record_of("acme", RunKind::Run);
    stores[0].open_run(&new).await.unwrap();
    let closers = (0..16).map(|code| {
        let (store, run_id) = (stores[code % 2].clone(), new.run_id);
        let closing = Closing::ended(Outcome::Exited { code: i32::try_from(code).unwrap() });
        tokio::spawn(async move { store.close_run(run_id, &closing, None).await.unwrap() })
    });
    let mut now = 0;
    for closer in closers.collect::<Vec<_>>() {
        now += u32::from(closer.await.unwrap() == Closed::Now);
    }
    assert_eq!(now, 1);
}

async fn an_id_is_taken_once(place: Arc<Place>) {
    let store = place.open().await;
    let new = record_of("acme", RunKind::Run);
    store.open_run(&new).await.unwrap();
    let again = store.open_run(&NewRecord { tenant: "other".to_owned(), ..new.clone() }).await;
    assert!(matches!(again, Err(StoreError::Exists { what: "run" })), "{again:?}");
    assert!(store.record("other", new.run_id).await.unwrap().is_none());
    assert!(store.record("acme", new.run_id).await.unwrap().is_some());
}

async fn a_record_is_found_by_the_beginning_of_its_id(place: Arc<Place>) {
    let store = place.open().await;
    let ids = ["0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a", "0190f3c2-7b1f-7c43-9d0a-1f2e3d4c5b6a"];
    for id in ids {
        let new = NewRecord { run_id: id.parse().unwrap(), ..record_of("acme", RunKind::Run) };
        store.open_run(&new).await.unwrap();
    }
    let found = async |tenant: &str, text: &str| match store.run(tenant, text).await {
        Ok(Found::One(record)) => record.run_id.to_string(),
        Ok(Found::None) => "none".to_owned(),
        Ok(Found::Ambiguous) => "ambiguous".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(found("acme", ids[0]).await, ids[0]);
    assert_eq!(found("acme", "0190F3C2-7B1F").await, ids[1]);
    assert_eq!(found("acme", "0190f3c27b1e").await, ids[0]);
    assert_eq!(found("acme", "0190").await, "ambiguous");
    assert_eq!(found("acme", "0190f3c3").await, "none");
    assert_eq!(found("other", ids[0]).await, "none");
    for wrong in ["", "019", "0190%", "0190_", "' OR 1", "0190\0"] {
        assert!(found("acme", wrong).await.starts_with("not the beginning"), "{wrong:?}");
    }
}

async fn what_is_too_large_is_refused_whole(place: Arc<Place>) {
    let store = place.open().await;
    let large = NewRecord {
        request: Some(json!("x".repeat(record::REQUEST_BYTES_MAX))),
        ..record_of("acme", RunKind::Run)
    };
    let opened = store.open_run(&large).await;
    assert!(matches!(opened, Err(StoreError::TooLarge { what: "request", .. })), "{opened:?}");
    assert!(store.record("acme", large.run_id).await.unwrap().is_none());

    let new = record_of("acme", RunKind::Run);
    store.open_run(&new).await.unwrap();
    let mut closing = Closing::ended(Outcome::Exited { code: 0 });
    closing.result = Some(json!("x".repeat(record::RESULT_BYTES_MAX)));
    let closed = store.close_run(new.run_id, &closing, None).await;
    assert!(matches!(closed, Err(StoreError::TooLarge { what: "result", .. })), "{closed:?}");
    let there = store.record("acme", new.run_id).await.unwrap().unwrap();
    assert_eq!(there.status, RunStatus::Running);
}

async fn an_artifact_without_its_bytes_is_refused_whole(place: Arc<Place>) {
    let store = place.open().await;
    let new = record_of("acme", RunKind::Run);
    store.open_run(&new).await.unwrap();
    let mut closing = Closing::ended(Outcome::Exited { code: 0 });
    closing.artifacts.push(ArtifactInfo {
        name: "x".to_owned(),
        sha256: "0".repeat(64),
        size_bytes: 1,
        media_type: "text/plain".to_owned(),
    });
    let closed = store.close_run(new.run_id, &closing, None).await;
    assert!(matches!(closed, Err(StoreError::Missing { what: "blob" })), "{closed:?}");
    let there = store.record("acme", new.run_id).await.unwrap().unwrap();
    assert_eq!((there.status, there.artifacts.len()), (RunStatus::Running, 0));
}
