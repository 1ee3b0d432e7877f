//! What is taken comes back, whoever goes away and whenever; and nobody starves.

use std::collections::HashMap;

use proptest::prelude::*;
use tokio::task::{JoinHandle, yield_now};

use super::*;

const PLENTY: u64 = 1 << 40;

fn tenant(name: &str) -> TenantId {
    name.parse().unwrap()
}

/// No limits but those that a test sets.
fn config() -> QuotaConfig {
    QuotaConfig {
        tenant: TenantQuota {
            sessions_max: PLENTY,
            runs_max: PLENTY,
            waiting_max: PLENTY,
            runs_per_minute: PLENTY,
            workspace_bytes_max: PLENTY,
            streams_max: PLENTY,
        },
        tenants: BTreeMap::new(),
        runs_max: PLENTY,
        waiting_max: PLENTY,
        wait_max: Duration::from_secs(20),
        sessions_max: PLENTY,
        connections_max: PLENTY,
    }
}

/// Somebody who waits for room, and is in the queue when this returns.
async fn wait(quotas: &Quotas, name: &str) -> JoinHandle<Result<RunPermit, QuotaError>> {
    let before = quotas.total().waiting;
    let (quotas, id) = (quotas.clone(), tenant(name));
    let asked = quotas.clone();
    let waiting = tokio::spawn(async move { asked.acquire_run(&id).await });
    while quotas.total().waiting == before && !waiting.is_finished() {
        yield_now().await;
    }
    waiting
}

#[track_caller]
fn refused(
    result: Result<impl std::fmt::Debug, QuotaError>,
    what: QuotaKind,
    owner: QuotaOwner,
    status: u16,
) -> QuotaError {
    let error = result.unwrap_err();
    assert_eq!((error.what, error.owner, error.status()), (what, owner, status), "{error}");
    error
}

#[tokio::test]
async fn tenants_take_turns_whatever_each_has_waiting() {
    let quotas = Quotas::new(QuotaConfig { runs_max: 1, ..config() });
    let mut permit = quotas.acquire_run(&tenant("busy")).await.unwrap();
    let mut busy = Vec::new();
    for _ in 0..20 {
        busy.push(wait(&quotas, "busy").await);
    }
    let quiet = wait(&quotas, "quiet").await;
    for grants in 0..2 {
        drop(permit);
        if grants == 1 {
            assert!(quiet.await.unwrap().is_ok(), "one that asks once waits for one other");
            break;
        }
        permit = busy.remove(0).await.unwrap().unwrap();
    }
    for waiting in busy {
        drop(waiting.await.unwrap().unwrap());
    }
    assert_eq!(quotas.total(), Usage::default());
}

#[tokio::test]
async fn one_tenants_full_share_is_not_in_the_others_way() {
    let mut config = config();
    config.tenant.runs_max = 1;
    config.wait_max = Duration::from_millis(50);
    let quotas = Quotas::new(QuotaConfig { runs_max: 2, ..config });
    let first = quotas.acquire_run(&tenant("a")).await.unwrap();
    let waiting = wait(&quotas, "a").await;
    let other = quotas.acquire_run(&tenant("b")).await.unwrap();
    refused(waiting.await.unwrap(), QuotaKind::Runs, QuotaOwner::Tenant, 429);
    let third = quotas.acquire_run(&tenant("c")).await;
    refused(third, QuotaKind::Runs, QuotaOwner::Server, 503);
    drop((first, other));
    assert_eq!(quotas.total(), Usage::default());
}

#[tokio::test]
async fn queues_have_an_end() {
    let mut config = config();
    config.tenant.waiting_max = 2;
    let quotas = Quotas::new(QuotaConfig { runs_max: 1, waiting_max: 3, ..config });
    let running = quotas.acquire_run(&tenant("a")).await.unwrap();
    let waiting = [wait(&quotas, "a").await, wait(&quotas, "a").await, wait(&quotas, "b").await];
    let full = quotas.acquire_run(&tenant("a")).await;
    refused(full, QuotaKind::Waiting, QuotaOwner::Tenant, 429);
    let full = quotas.acquire_run(&tenant("b")).await;
    refused(full, QuotaKind::Waiting, QuotaOwner::Server, 503);
    for waiting in waiting {
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
    }
    assert_eq!(quotas.total(), Usage { runs: 1, ..Usage::default() });
    drop(running);
    assert_eq!(quotas.total(), Usage::default());
}

#[tokio::test]
async fn too_many_a_minute_are_told_when_to_come_back() {
    let mut config = config();
    config.tenant.runs_per_minute = 3;
    let quotas = Quotas::new(config);
    for _ in 0..3 {
        drop(quotas.acquire_run(&tenant("a")).await.unwrap());
    }
    let refusal = quotas.acquire_run(&tenant("a")).await;
    let error = refused(refusal, QuotaKind::RunsPerMinute, QuotaOwner::Tenant, 429);
    let after = error.retry_after.unwrap();
    assert!(after > Duration::from_secs(10) && after <= Duration::from_secs(20), "{after:?}");
    assert_eq!(error.to_string(), "the tenant has reached its limit of 3 runs a minute");
    // They are counted with those that wait elsewhere.
    refused(quotas.count_run(&tenant("a")), QuotaKind::RunsPerMinute, QuotaOwner::Tenant, 429);
    quotas.count_run(&tenant("c")).unwrap();
    assert!(quotas.acquire_run(&tenant("b")).await.is_ok());
    assert_eq!(quotas.state().remembered(), 3, "what was begun counts for a minute");
}

#[test]
fn sessions_streams_and_connections_have_limits() {
    let mut config = config();
    config.tenant.sessions_max = 2;
    config.tenant.workspace_bytes_max = 100;
    config.tenant.streams_max = 1;
    let quotas = Quotas::new(QuotaConfig { sessions_max: 3, connections_max: 1, ..config });
    let (a, b, c) = (tenant("a"), tenant("b"), tenant("c"));
    let hopeless = quotas.acquire_session(&a, 101);
    let error = refused(hopeless, QuotaKind::WorkspaceBytes, QuotaOwner::Tenant, 403);
    assert_eq!(error.retry_after, None);
    let first = quotas.acquire_session(&a, 60).unwrap();
    let more = quotas.acquire_session(&a, 41);
    refused(more, QuotaKind::WorkspaceBytes, QuotaOwner::Tenant, 429);
    let second = quotas.acquire_session(&a, 40).unwrap();
    refused(quotas.acquire_session(&a, 0), QuotaKind::Sessions, QuotaOwner::Tenant, 429);
    let third = quotas.acquire_session(&b, 100).unwrap();
    refused(quotas.acquire_session(&c, 1), QuotaKind::Sessions, QuotaOwner::Server, 503);
    drop(first);
    let fourth = quotas.acquire_session(&c, 1).unwrap();
    assert_eq!(quotas.usage(&a), Usage { sessions: 1, workspace_bytes: 40, ..Usage::default() });
    let stream = quotas.acquire_stream(&a).unwrap();
    refused(quotas.acquire_stream(&a), QuotaKind::Streams, QuotaOwner::Tenant, 429);
    let connection = quotas.acquire_connection().unwrap();
    refused(quotas.acquire_connection(), QuotaKind::Connections, QuotaOwner::Server, 503);
    drop((second, third, fourth, stream, connection));
    assert_eq!((quotas.total(), quotas.state().remembered()), (Usage::default(), 0));
}

#[test]
fn tenants_without_use_are_forgotten() {
    let quotas = Quotas::new(config());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let kept = quotas.acquire_stream(&tenant("kept")).unwrap();
    for number in 0..1000 {
        let id = tenant(&format!("t{number}"));
        drop(runtime.block_on(quotas.acquire_run(&id)).unwrap());
    }
    assert!(quotas.state().remembered() <= 130, "{}", quotas.state().remembered());
    assert_eq!(quotas.usage(&tenant("kept")).streams, 1);
    drop(kept);
}

#[test]
fn counts_come_back_from_callers_that_go_away_at_any_point() {
    let mut config = config();
    config.tenant.runs_max = 2;
    let quotas = Quotas::new(QuotaConfig { runs_max: 3, ..config });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build();
    runtime.unwrap().block_on(async {
        let callers: Vec<_> = (0..600_u64)
            .map(|number| {
                let quotas = quotas.clone();
                tokio::spawn(async move {
                    let id = tenant(&format!("t{}", number % 4));
                    let patience = Duration::from_micros(number * 37 % 3000);
                    let work = Duration::from_micros(number * 11 % 500);
                    let _ = tokio::time::timeout(patience, async {
                        let _permit = quotas.acquire_run(&id).await.unwrap();
                        let used = quotas.usage(&id);
                        assert!(used.runs <= 2 && quotas.total().runs <= 3, "{used:?}");
                        tokio::time::sleep(work).await;
                    })
                    .await;
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        assert_eq!(quotas.total(), Usage::default());
        drop(quotas.acquire_run(&tenant("t0")).await.unwrap());
    });
}

#[derive(Clone, Debug)]
enum Step {
    Session(u8, u64),
    Stream(u8),
    Run(u8),
    Connection,
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u8..3, 0_u64..60).prop_map(|(tenant, bytes)| Step::Session(tenant, bytes)),
        (0_u8..3).prop_map(Step::Stream),
        (0_u8..3).prop_map(Step::Run),
        Just(Step::Connection),
        any::<usize>().prop_map(Step::Drop),
    ]
}

/// What a test holds: the permit, and what it is to count for.
type Held = (Box<dyn std::any::Any>, String, Usage);

fn take(quotas: &Quotas, runtime: &tokio::runtime::Runtime, step: &Step) -> Option<Held> {
    let name = |number: &u8| format!("t{number}");
    let none = Usage::default();
    match step {
        Step::Session(number, bytes) => {
            let permit = quotas.acquire_session(&tenant(&name(number)), *bytes).ok()?;
            let usage = Usage { sessions: 1, workspace_bytes: *bytes, ..none };
            Some((Box::new(permit), name(number), usage))
        }
        Step::Stream(number) => {
            let permit = quotas.acquire_stream(&tenant(&name(number))).ok()?;
            Some((Box::new(permit), name(number), Usage { streams: 1, ..none }))
        }
        Step::Run(number) => {
            let permit = runtime.block_on(quotas.acquire_run(&tenant(&name(number)))).ok()?;
            Some((Box::new(permit), name(number), Usage { runs: 1, ..none }))
        }
        Step::Connection => {
            let permit = quotas.acquire_connection().ok()?;
            Some((Box::new(permit), String::new(), Usage { connections: 1, ..none }))
        }
        Step::Drop(_) => None,
    }
}

fn add(sum: &mut Usage, other: Usage) {
    sum.sessions += other.sessions;
    sum.runs += other.runs;
    sum.workspace_bytes += other.workspace_bytes;
    sum.streams += other.streams;
    sum.connections += other.connections;
}

proptest! {
    #[test]
    fn counts_are_always_those_of_what_is_held(steps in prop::collection::vec(step(), 0..120)) {
        let tenant_quota = TenantQuota {
            sessions_max: 3,
            runs_max: 2,
            // Nobody waits: a run is granted or refused at once.
            waiting_max: 0,
            runs_per_minute: PLENTY,
            workspace_bytes_max: 100,
            streams_max: 2,
        };
        let quotas = Quotas::new(QuotaConfig {
            tenant: tenant_quota,
            runs_max: 4,
            sessions_max: 6,
            connections_max: 3,
            ..config()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut held: Vec<Held> = Vec::new();
        for step in &steps {
            match step {
                Step::Drop(at) if !held.is_empty() => drop(held.swap_remove(at % held.len())),
                step => held.extend(take(&quotas, &runtime, step)),
            }
            let (mut total, mut each) = (Usage::default(), HashMap::<_, Usage>::new());
            for (_, name, usage) in &held {
                add(&mut total, *usage);
                add(each.entry(name.clone()).or_default(), *usage);
            }
            prop_assert_eq!(quotas.total(), total);
            prop_assert!(total.runs <= 4 && total.sessions <= 6 && total.connections <= 3);
            for number in 0..3 {
                let name = format!("t{number}");
                let used = quotas.usage(&tenant(&name));
                prop_assert_eq!(used, each.get(&name).copied().unwrap_or_default());
                prop_assert!(used.sessions <= 3 && used.workspace_bytes <= 100 && used.runs <= 2);
            }
        }
        held.clear();
        prop_assert_eq!(quotas.total(), Usage::default());
        prop_assert!(quotas.state().remembered() <= 3);
    }
}

#[tokio::test]
async fn a_tenant_that_is_named_has_what_is_its_own() {
    let mut config = config();
    config.tenant.sessions_max = 1;
    config.tenants.insert(tenant("big"), TenantQuota { sessions_max: 2, ..config.tenant });
    let quotas = Quotas::new(config);
    let held = ["big", "big", "small"].map(|name| quotas.acquire_session(&tenant(name), 0));
    assert!(held.iter().all(Result::is_ok), "{held:?}");
    for (name, limit) in [("big", 2), ("small", 1)] {
        let more = quotas.acquire_session(&tenant(name), 0);
        let error = refused(more, QuotaKind::Sessions, QuotaOwner::Tenant, 429);
        assert_eq!(error.limit, limit);
    }
}
