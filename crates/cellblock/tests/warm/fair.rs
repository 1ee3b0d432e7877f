//! Who has many sandboxes gets no more of the processors than who has one.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use api::{Control, PolicySpec, RunResult, StartSpec};
use engine::{Asker, Cancel, Engine, Input, RunIo, TrustDomain};

use crate::fixture::{Heard, Tests, on_engine, python, spec, text, without_pool};

pub(crate) const TESTS: Tests = &[
    ("processors_are_shared_between_owners_of_fresh_sandboxes", || share(StartSpec::Exec)),
    ("processors_are_shared_between_owners_of_forked_sandboxes", || share(StartSpec::Fork)),
];

/// Sandboxes of the owner that has many.
const MANY: usize = 6;
/// How long all may take to get ready, also on a machine that is busy with other things.
const READY: Duration = Duration::from_secs(6);
/// How long all want every processor.
const BUSY: Duration = Duration::from_millis(1500);
/// What the owner of one sandbox has to get of what both get, in percent: half, but for
/// what the last to be ready has missed.
const SHARE_MIN: u64 = 40;

fn share(start: StartSpec) {
    on_engine(without_pool(), |engine| async move {
        let begin = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + READY;
        let code = busy(begin, begin + BUSY);
        let (many, one) = (TrustDomain::new("many"), TrustDomain::new("one"));
        // The one is last, so that it is never ahead of the others.
        let crowd = (0..MANY).map(|_| &many).chain([&one]);
        let engine = Arc::new(engine);
        let runs = crowd.map(|domain| {
            let (engine, domain, code) = (Arc::clone(&engine), domain.clone(), code.clone());
            tokio::spawn(async move { run(&engine, &domain, &code, start).await })
        });
        let mut results = Vec::new();
        for run in runs.collect::<Vec<_>>() {
            results.push(run.await.unwrap());
        }
        let (last, others) = results.split_last().unwrap();
        let control = &last.enforcement.controls[&Control::Cpu];
        if !control.detail.contains("shared between owners") {
            let is_required = std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_some();
            assert!(!is_required, "no cgroup shares the processors here: {control:?}");
            return;
        }
        let all: Vec<u64> = others.iter().map(got).collect();
        let (one, many) = (got(last), all.iter().sum::<u64>());
        assert!(one * 100 >= SHARE_MIN * (one + many), "{one} us beside {many}: {all:?}");
    });
}

/// Keeps every processor busy from one moment to another, by the clock of the day (the
/// others begin with a sandbox), and has each process print the processor time that it
/// got between them. Twice as many processes as processors, so that whoever is moved
/// about leaves none of them idle.
fn busy(begin: Duration, end: Duration) -> String {
    let (begin, end) = (begin.as_secs_f64(), end.as_secs_f64());
    format!(
        "import os, time\n\
         children = []\n\
         for _ in range(2 * len(os.sched_getaffinity(0)) - 1):\n    \
             children.append(os.fork())\n    \
             if not children[-1]: break\n\
         time.sleep(max(0, {begin} - time.time()))\n\
         before = time.process_time_ns()\n\
         while time.time() < {end}: pass\n\
         os.write(1, b'%d\\n' % ((time.process_time_ns() - before) // 1000))\n\
         if all(children):\n    \
             for child in children: os.waitpid(child, 0)\n"
    )
}

async fn run(engine: &Engine, domain: &TrustDomain, code: &str, start: StartSpec) -> RunResult {
    let policy = PolicySpec { start: Some(start), ..spec() };
    let mut events = Heard::default();
    let io = RunIo {
        events: &mut events,
        stdin: Input::Empty,
        cancel: Cancel::new(),
        asker: Asker::default(),
    };
    engine.run_for(domain, python(code, policy), io).await.unwrap()
}

/// The processor time that it got, in microseconds.
fn got(result: &RunResult) -> u64 {
    assert_eq!(result.outcome, api::Outcome::Exited { code: 0 }, "{result:?}");
    text(&result.stdout).lines().map(|line| line.parse::<u64>().unwrap()).sum()
}
