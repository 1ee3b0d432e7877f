//! Every system call of a set-up, failing.

use std::{
    collections::VecDeque,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use testkit::leaks::Snapshot;

use crate::{
    calls,
    gate::{alone, has_tools, is_full, is_root},
    judge::judge,
    scene::{Scene, id_lock, leaves},
    traced::{At, Fault, Injection},
};

/// Runs at the same time.
const WORKERS: usize = 3;

/// The kinds of faults are tried one after another: each counts what is left of
/// all of its runs.
#[test]
fn whatever_goes_wrong_nothing_runs_unconfined_and_nothing_is_left() {
    let _alone = alone();
    if !has_tools(&["strace"]) || !is_root() {
        return;
    }
    let scene = Scene::new();
    assert_eq!(Injection::none(At::Host).run(&scene).status, Some(0));
    let untouched = scene.fingerprint().unwrap();
    assert!(untouched.ends_with("MARKER\n"), "{untouched}");
    let (host, mut init) = (calls::counts(At::Host), calls::counts(At::Init));
    let mut child = calls::counts_of_child();
    // Their failure is an abort, from which a first process that is traced does not die.
    for call in ["poll", "rt_sigaction"] {
        init.remove(call);
        child.remove(call);
    }
    child.retain(|call, count| *count > init.get(call).copied().unwrap_or(0));
    let mut wrong = Vec::new();
    for (title, injections) in [
        ("errors of the host side", calls::errors(At::Host, &host)),
        ("errors of init", calls::errors(At::Init, &init)),
        ("errors before the program", calls::errors(At::Inside, &child)),
        ("the host side killed", calls::with(At::Host, &host, Fault::Kill)),
        ("init killed", calls::with(At::Init, &init, Fault::Kill)),
        ("a slow host side", some(calls::with(At::Host, &host, Fault::Delay))),
        ("a slow init", some(calls::with(At::Init, &init, Fault::Delay))),
    ] {
        wrong.extend(try_all(title, injections, &untouched));
    }
    assert!(wrong.is_empty(), "{} went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Delays are to widen races, of which there are few.
fn some(mut injections: Vec<Injection>) -> Vec<Injection> {
    let step = if is_full() { 1 } else { 3 };
    let mut number = 0;
    injections.retain(|_| {
        number += 1;
        number % step == 0
    });
    injections
}

fn try_all(title: &str, injections: Vec<Injection>, untouched: &str) -> Vec<String> {
    let (count, started) = (injections.len(), Instant::now());
    let (before, scene) = (Snapshot::take(), Scene::new());
    let queue = Mutex::new(VecDeque::from(injections));
    let found = Mutex::new((Vec::new(), Vec::new(), 0));
    let next = || queue.lock().unwrap().pop_front();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(injection) = next() {
                    let scene = Scene::new();
                    let ending = injection.run(&scene);
                    let wrong = judge(&injection, &scene, &ending, untouched);
                    let mut found = found.lock().unwrap();
                    found.0.push(ending.host);
                    found.2 += usize::from(ending.was_hit());
                    for what in wrong {
                        let said = format!("{}{}", ending.stdout, ending.stderr);
                        let said: String = said.chars().take(400).collect();
                        found.1.push(format!("{injection:?}: {what}\n    {said}"));
                    }
                }
            });
        }
    });
    let (hosts, mut wrong, hits) = found.into_inner().unwrap();
    // A start takes away what its killed predecessors left.
    assert_eq!(Injection::none(At::Host).run(&scene).status, Some(0));
    for host in hosts {
        wrong.extend(leaves(host).iter().map(|leaf| format!("{title}: not swept: {leaf:?}")));
        let lock = scene.is_new(&id_lock(host));
        wrong.extend(lock.then(|| format!("{title}: a lock was not swept")));
    }
    let left = Snapshot::settled_beyond(&before);
    let ours = left.iter().filter(|line| line.starts_with("process") || line.starts_with("mount"));
    wrong.extend(ours.map(|line| format!("{title}: {line}")));
    println!("{title}: {hits} of {count} hit, {:.0?}", started.elapsed());
    assert!(hits * 2 > count || count == 0, "{title}: {hits} of {count} hit");
    assert!(started.elapsed() < Duration::from_secs(3600));
    wrong
}
