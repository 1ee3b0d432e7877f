//! Limits of turns, and the outcomes that tell of them.

use std::path::Path;

use api::{LimitsSpec, Outcome, RunResult, TimeLimit};
use engine::Session;

use crate::fixture::{Tests, carry, is_without_cgroups, shell, text, turn, value, with_limits};

const FINE: Outcome = Outcome::Exited { code: 0 };
const HUNGRY: &str = "exec python3 -c 'bytearray(300 << 20)'";

async fn line(session: &Session, line: &str) -> RunResult {
    carry(session, &shell(line)).await.unwrap().result
}

pub(crate) const TESTS: Tests = &[
    ("time_that_is_over_ends_a_turn", time_that_is_over_ends_a_turn),
    ("processor_time_is_counted_for_each_turn", processor_time_is_counted_for_each_turn),
    ("memory_that_is_used_up_ends_the_kernel", memory_that_is_used_up_ends_the_kernel),
    (
        "memory_that_is_used_up_once_ends_nothing_later",
        memory_that_is_used_up_once_ends_nothing_later,
    ),
    ("commands_outlive_a_kernel_that_memory_ended", commands_outlive_a_kernel_that_memory_ended),
    ("output_is_bounded_and_counted", output_is_bounded_and_counted),
    ("too_many_displays_are_a_limit", too_many_displays_are_a_limit),
    ("limits_are_those_that_were_asked_for", limits_are_those_that_were_asked_for),
];

fn time_that_is_over_ends_a_turn() {
    let limits = LimitsSpec { wall_time_ms: Some(500), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        turn(&session, "a = 1").await;
        let timed_out = Outcome::TimedOut { limit: TimeLimit::WallTime };
        let result = turn(&session, "print('begun', flush=True)\nwhile True: pass").await;
        assert_eq!((result.outcome, result.state_lost), (timed_out, false), "{result:?}");
        assert_eq!(text(&result.stdout), "begun\n");
        assert_eq!(value(&turn(&session, "a").await), Some("1"));
        let code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass";
        let result = turn(&session, code).await;
        assert_eq!((result.outcome, result.state_lost), (timed_out, true), "{result:?}");
        assert_eq!(value(&turn(&session, "'a' in globals()").await), Some("False"));
    });
}

fn processor_time_is_counted_for_each_turn() {
    if is_without_cgroups() {
        return;
    }
    let limits = LimitsSpec { cpu_time_ms: Some(700), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        let work = "import time\nend = time.process_time() + 0.4\n\
                    while time.process_time() < end: pass";
        for _ in 0..4 {
            let result = turn(&session, work).await;
            assert_eq!(result.outcome, Outcome::Exited { code: 0 }, "{result:?}");
        }
        let result = turn(&session, "while True: pass").await;
        let timed_out = Outcome::TimedOut { limit: TimeLimit::CpuTime };
        assert_eq!((result.outcome, result.state_lost), (timed_out, false), "{result:?}");
        assert_eq!(value(&turn(&session, "1").await), Some("1"));
    });
}

fn memory_that_is_used_up_ends_the_kernel() {
    if is_without_cgroups() {
        return;
    }
    let limits = LimitsSpec { memory_bytes: Some(96 << 20), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        let result = turn(&session, "x = bytearray(300 << 20)").await;
        assert_eq!((result.outcome, result.state_lost), (Outcome::OutOfMemory, true), "{result:?}");
        assert_eq!(value(&turn(&session, "1").await), Some("1"));
        let result = turn(&session, "x = bytearray(300 << 20)").await;
        assert_eq!(result.outcome, Outcome::OutOfMemory);
    });
}

fn memory_that_is_used_up_once_ends_nothing_later() {
    if is_without_cgroups() {
        return;
    }
    let limits = LimitsSpec { memory_bytes: Some(96 << 20), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        turn(&session, "open('kept', 'w').write('here')").await;
        let result = turn(&session, "x = bytearray(300 << 20)").await;
        assert_eq!(result.outcome, Outcome::OutOfMemory, "{result:?}");
        for _ in 0..2 {
            let result = line(&session, "cat kept").await;
            assert_eq!((result.stdout.head.as_str(), result.outcome), ("here", FINE), "{result:?}");
        }
        let result = line(&session, HUNGRY).await;
        assert_eq!(result.outcome, Outcome::OutOfMemory, "{result:?}");
        let result = line(&session, "cat kept").await;
        assert_eq!((result.stdout.head.as_str(), result.outcome), ("here", FINE), "{result:?}");
    });
}

fn commands_outlive_a_kernel_that_memory_ended() {
    if is_without_cgroups() {
        return;
    }
    let limits = LimitsSpec { memory_bytes: Some(128 << 20), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        // So large that the host kernel takes it and not the command.
        turn(&session, "open('kept', 'w').write('here')\nx = bytearray(80 << 20)").await;
        let result = line(&session, HUNGRY).await;
        assert_eq!(result.outcome, Outcome::OutOfMemory, "{result:?}");
        let result = line(&session, "cat kept").await;
        assert_eq!((result.stdout.head.as_str(), result.outcome), ("here", FINE), "{result:?}");
        session.write(Path::new("more"), b"more".to_vec()).await.unwrap();
        session.delete(Path::new("more")).await.unwrap();
        let result = turn(&session, "open('kept').read(), 'x' in globals()").await;
        assert_eq!((value(&result), result.state_lost), (Some("('here', False)"), true));
    });
}

fn output_is_bounded_and_counted() {
    let limits = LimitsSpec { output_bytes: Some(1000), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        let result = turn(&session, "print('x' * 5_000_000)").await;
        assert_eq!(result.stdout.total_bytes, 5_000_001);
        assert_eq!(text(&result.stdout).len(), 1000);
        assert_eq!(result.stdout.omitted_bytes, 4_999_001);
        assert_eq!(text(&turn(&session, "print('y')").await.stdout), "y\n");
    });
}

fn too_many_displays_are_a_limit() {
    with_limits(LimitsSpec::default(), |session| async move {
        let result = turn(&session, "while True: display(1)").await;
        assert_eq!((result.outcome, result.state_lost), (Outcome::OutputLimited, true));
        assert_eq!(value(&turn(&session, "1").await), Some("1"));
    });
}

fn limits_are_those_that_were_asked_for() {
    const HELD: &str = "import resource, threading\n\
        go, threads = threading.Event(), 0\n\
        try:\n    \
            while threads < 350:\n        \
                threading.Thread(target=go.wait, daemon=True).start(); threads += 1\n\
        except RuntimeError: pass\n\
        go.set()\n\
        def both(name): return resource.getrlimit(getattr(resource, 'RLIMIT_' + name))\n\
        both('NOFILE'), both('FSIZE'), both('NPROC'), threads in (20, 350)";
    // Above and below what is usual.
    let table = [
        (400, 2048, 1 << 30, "((2048, 2048), (1073741824, 1073741824), (401, 401), True)"),
        (20, 32, 4096, "((32, 32), (4096, 4096), (21, 21), True)"),
    ];
    for (pids, open_files, file_size_bytes, held) in table {
        let limits = LimitsSpec {
            pids: Some(pids),
            open_files: Some(open_files),
            file_size_bytes: Some(file_size_bytes),
            memory_bytes: Some(8 << 30),
            ..LimitsSpec::default()
        };
        with_limits(limits, |session| async move {
            let result = turn(&session, HELD).await;
            assert_eq!(value(&result), Some(held), "{result:?}");
        });
    }
}
