//! The pool, expiry, and who shares what.

use std::{collections::BTreeSet, fs, time::Duration};

use api::Outcome;
use engine::{Cancel, CloseReason, SessionRequest, TrustDomain, WarmConfig};
use policy::Ceiling;
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Builder;

use crate::fixture::{
    Heard, Tests, engine, on_engine, request, try_turn, turn, turn_with, value, without_pool,
};

pub(crate) const TESTS: Tests = &[
    (
        "a_ready_sandbox_is_taken_and_never_given_back",
        a_ready_sandbox_is_taken_and_never_given_back,
    ),
    ("the_pool_grows_with_demand", the_pool_grows_with_demand),
    ("what_waits_too_long_is_thrown_away", what_waits_too_long_is_thrown_away),
    ("sessions_do_not_see_each_other", sessions_do_not_see_each_other),
    ("trust_domains_have_zygotes_of_their_own", trust_domains_have_zygotes_of_their_own),
    ("files_outlive_the_zygote", files_outlive_the_zygote),
    ("files_outlive_everything_that_is_killed", files_outlive_everything_that_is_killed),
    ("sandboxes_outlive_the_thread_that_made_them", sandboxes_outlive_the_thread_that_made_them),
    ("files_outlive_who_waits_for_a_kernel", files_outlive_who_waits_for_a_kernel),
    ("a_restart_goes_before_turns_that_wait", a_restart_goes_before_turns_that_wait),
    ("a_turn_ends_with_its_session", a_turn_ends_with_its_session),
    ("a_turn_that_waits_is_cancelled_at_once", a_turn_that_waits_is_cancelled_at_once),
    ("a_worn_zygote_is_replaced", a_worn_zygote_is_replaced),
    ("an_unused_session_is_closed_and_a_running_turn_never", an_unused_session_is_closed),
];

fn a_ready_sandbox_is_taken_and_never_given_back() {
    on_engine(WarmConfig::default(), |engine| async move {
        let request = request();
        engine.prewarm(&request, 2).await.unwrap();
        assert_eq!(engine.warm_stats().ready, 2);
        let mut seen = BTreeSet::new();
        for number in 0..4 {
            let session = engine.create_session(request.clone()).await.unwrap();
            let mark =
                turn(&session, "open('mark', 'x').close(); import random; random.random()").await;
            assert!(seen.insert(value(&mark).unwrap().to_owned()), "{number}: {mark:?}");
            session.close().await;
        }
        let stats = engine.warm_stats();
        assert!(stats.hits >= 2, "{stats:?}");
        assert_eq!((stats.hits + stats.misses, stats.parked, stats.sessions), (4, 1, 0));
    });
}

fn the_pool_grows_with_demand() {
    on_engine(WarmConfig::default(), |engine| async move {
        let first = engine.create_session(request()).await.unwrap();
        assert!(!first.info().was_ready);
        while engine.warm_stats().ready == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let second = engine.create_session(request()).await.unwrap();
        assert!(second.info().was_ready);
    });
}

fn what_waits_too_long_is_thrown_away() {
    let config = WarmConfig { ready_age_max: Duration::from_millis(300), ..WarmConfig::default() };
    on_engine(config, |engine| async move {
        engine.prewarm(&request(), 1).await.unwrap();
        tokio::time::sleep(Duration::from_millis(400)).await;
        let session = engine.create_session(request()).await.unwrap();
        let stats = engine.warm_stats();
        assert!(stats.discarded >= 1, "{stats:?}");
        assert_eq!(value(&turn(&session, "1").await), Some("1"));
    });
}

fn sessions_do_not_see_each_other() {
    on_engine(without_pool(), |engine| async move {
        let one = engine.create_session(request()).await.unwrap();
        let other = engine.create_session(request()).await.unwrap();
        turn(&one, "secret = 1; open('secret.txt', 'w').close(); open('/tmp/s', 'w').close()")
            .await;
        let seen = "import os; ('secret' in globals(), os.listdir('.'), os.listdir('/tmp'), \
                    [p for p in os.listdir('/proc') if p.isdigit()])";
        assert_eq!(value(&turn(&other, seen).await), Some("(False, [], [], ['1'])"));
    });
}

fn trust_domains_have_zygotes_of_their_own() {
    on_engine(without_pool(), |engine| async move {
        for name in ["a", "b", "a"] {
            let trust_domain = TrustDomain::new(name);
            let request = SessionRequest { trust_domain, ..request() };
            engine.create_session(request).await.unwrap();
        }
        let stats = engine.warm_stats();
        assert_eq!((stats.parked, stats.zygotes, stats.sessions), (2, 2, 3));
    });
}

fn a_worn_zygote_is_replaced() {
    let config = WarmConfig { zygote_forks_max: 2, ..without_pool() };
    on_engine(config, |engine| async move {
        let mut sessions = Vec::new();
        while engine.warm_stats().parked < 2 {
            sessions.push(engine.create_session(request()).await.unwrap());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for session in &sessions {
            assert_eq!(value(&turn(session, "1").await), Some("1"));
        }
        assert_eq!(engine.warm_stats().zygotes, 1);
    });
}

fn files_outlive_the_zygote() {
    let config = WarmConfig { zygote_forks_max: 1, ..without_pool() };
    on_engine(config, |engine| async move {
        let session = engine.create_session(request()).await.unwrap();
        turn(&session, "open('kept.txt', 'w').write('kept')").await;
        while engine.warm_stats().parked < 2 {
            engine.create_session(request()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        session.restart().await.unwrap();
        let kept = turn(&session, "open('kept.txt').read()").await;
        assert_eq!(value(&kept), Some("'kept'"), "{kept:?}");
    });
}

fn files_outlive_everything_that_is_killed() {
    const ROUNDS: usize = 10;
    // Other tests may run in this process, too.
    let name = format!("kept-{}", std::process::id());
    on_engine(without_pool(), |engine| async move {
        let session = engine.create_session(request()).await.unwrap();
        for round in 0..ROUNDS {
            let code = format!(
                "import ctypes; ctypes.CDLL(None).prctl(15, b'{name}')\n\
                 open('kept.txt', 'w').write('{round}')"
            );
            turn(&session, &code).await;
            // The zygote's manager, and with it the zygote and the session's kernel.
            kill_process(eldest_above(&named(&name).unwrap()), Signal::KILL).unwrap();
            while named(&name).is_some() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if round % 2 == 0 {
                session.restart().await.unwrap();
            } else {
                // It may begin before the end of its kernel is known, and die with it.
                turn(&session, "1").await;
            }
            let kept = turn(&session, "open('kept.txt').read()").await;
            assert_eq!(value(&kept), Some(format!("'{round}'").as_str()), "{kept:?}");
        }
    });
}

fn sandboxes_outlive_the_thread_that_made_them() {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let made = std::thread::scope(|scope| {
        let making = async {
            let engine = engine(Ceiling::own_machine(), without_pool());
            let session = engine.create_session(request()).await.unwrap();
            (engine, session)
        };
        let handle = runtime.handle();
        scope.spawn(move || handle.block_on(making)).join().unwrap()
    });
    let (engine, session) = made;
    runtime.block_on(async {
        // What would end would have been told to by now.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let result = turn(&session, "1").await;
        assert_eq!((value(&result), result.state_lost), (Some("1"), false), "{result:?}");
        assert_eq!(engine.warm_stats().parked, 1);
        engine.create_session(request()).await.unwrap();
        assert_eq!(engine.warm_stats().parked, 1);
    });
}

fn files_outlive_who_waits_for_a_kernel() {
    const ROUNDS: u64 = 24;
    on_engine(without_pool(), |engine| async move {
        let session = engine.create_session(request()).await.unwrap();
        for round in 0..ROUNDS {
            turn(&session, &format!("open('kept.txt', 'w').write('{round}')")).await;
            // Broken off earlier and later on the way to another kernel.
            let patience = Duration::from_micros(400 * round);
            let _ = tokio::time::timeout(patience, session.restart()).await;
            let kept = turn(&session, "open('kept.txt').read()").await;
            assert_eq!(value(&kept), Some(format!("'{round}'").as_str()), "{kept:?}");
        }
    });
}

const SLEEP: &str = "import time; time.sleep(100)";

fn a_restart_goes_before_turns_that_wait() {
    on_engine(without_pool(), |engine| async move {
        let session = engine.create_session(request()).await.unwrap();
        let later = |millis| tokio::time::sleep(Duration::from_millis(millis));
        let under_way = turn(&session, SLEEP);
        let waiting = async {
            later(200).await;
            turn(&session, SLEEP).await
        };
        let restarting = async {
            later(400).await;
            let restarted = session.restart();
            tokio::time::timeout(Duration::from_secs(30), restarted).await.unwrap().unwrap();
            while !session.interrupt() {
                later(10).await;
            }
        };
        let (under_way, waiting, ()) = tokio::join!(under_way, waiting, restarting);
        assert_eq!(under_way.outcome, Outcome::Cancelled, "{under_way:?}");
        assert_eq!(waiting.outcome, Outcome::Cancelled, "{waiting:?}");
    });
}

fn a_turn_ends_with_its_session() {
    const ROUNDS: u64 = 24;
    on_engine(without_pool(), |engine| async move {
        for round in 0..ROUNDS {
            let session = engine.create_session(request()).await.unwrap();
            let other = session.clone();
            let begun = tokio::spawn(async move {
                try_turn(&other, SLEEP, Cancel::new(), &mut Heard::default()).await
            });
            tokio::time::sleep(Duration::from_micros(100 * round)).await;
            session.close().await;
            // It was killed, or never began.
            if let Ok(result) = begun.await.unwrap() {
                assert_eq!(result.outcome, Outcome::Cancelled, "{result:?}");
            }
        }
    });
}

fn a_turn_that_waits_is_cancelled_at_once() {
    on_engine(without_pool(), |engine| async move {
        let session = engine.create_session(request()).await.unwrap();
        let waiting = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let cancel = Cancel::new();
            cancel.cancel();
            let result = turn_with(&session, "1", cancel, &mut Heard::default()).await;
            // The one under way still is.
            assert!(session.interrupt());
            result
        };
        let (under_way, waiting) = tokio::join!(turn(&session, SLEEP), waiting);
        assert_eq!(under_way.outcome, Outcome::Cancelled, "{under_way:?}");
        assert_eq!((waiting.outcome, value(&waiting)), (Outcome::Cancelled, None), "{waiting:?}");
    });
}

/// The number of the process of a name, if there is one.
fn named(name: &str) -> Option<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let mut numbers = entries.filter_map(|entry| entry.file_name().into_string().ok());
    numbers.find(|pid| status_of(pid, "Name:") == name)
}

fn status_of(pid: &str, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field).map(str::trim));
    line.unwrap_or_default().to_owned()
}

/// The child of this process that another process descends from.
fn eldest_above(pid: &str) -> Pid {
    let mut pid = pid.to_owned();
    let ours = std::process::id().to_string();
    loop {
        let parent = status_of(&pid, "PPid:");
        if parent == ours {
            return Pid::from_raw(pid.parse().unwrap()).unwrap();
        }
        pid = parent;
    }
}

fn an_unused_session_is_closed() {
    on_engine(without_pool(), |engine| async move {
        let request = SessionRequest {
            idle_time: Some(Duration::from_millis(400)),
            lifetime: Some(Duration::from_secs(1)),
            ..request()
        };
        let session = engine.create_session(request).await.unwrap();
        let result = turn(&session, "import time; time.sleep(2.5); 'through'").await;
        assert_eq!(value(&result), Some("'through'"), "{result:?}");
        tokio::time::sleep(Duration::from_millis(1800)).await;
        assert_eq!(session.info().closed, Some(CloseReason::Age));
        assert!(engine.session(session.id()).is_none());
    });
}
