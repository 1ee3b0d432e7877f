//! The host side killed at any moment, and sandboxes that do not want to end.

use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use testkit::leaks::Snapshot;

use crate::{
    gate::{alone, has_tools, is_full},
    scene::{Scene, binary, id_lock, inmates, leaves},
    traced::{children, pid, soon, state, until},
};

/// What the end of a sandbox may take in a test: the claim is half a second, the
/// rest is for a machine that is busy with other things.
const END_TIME_MAX: Duration = Duration::from_secs(2);

fn start(scene: &Scene, arguments: &[&str]) -> Child {
    let mut command = scene.command(binary());
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A moment within the run, the same in every run of the test.
fn moment(number: u64) -> Duration {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    Duration::from_micros(mixed % 60_000)
}

#[test]
fn a_killed_host_side_takes_everything_with_it_and_the_next_start_sweeps() {
    let _alone = alone();
    let before = Snapshot::take();
    let scene = Scene::new();
    let share = format!("{}:/data", scene.path("data").display());
    let code = "(setsid sleep 600 &) ; sleep 600 & echo x > /data/started; wait";
    let arguments = ["run", "-l", "sh", "-v", share.as_str(), "-c", code];
    let count: u64 = if is_full() { 1000 } else { 200 };
    let (mut hosts, mut started) = (Vec::new(), 0_u64);
    for number in 0..count {
        let mut child = start(&scene, &arguments);
        thread::sleep(moment(number));
        child.kill().unwrap();
        child.wait().unwrap();
        let host = child.id();
        let killed = Instant::now();
        assert!(soon(|| inmates(host).is_empty()), "run {number} left {:?}", inmates(host));
        assert!(killed.elapsed() < END_TIME_MAX, "run {number} took {:?}", killed.elapsed());
        hosts.push(host);
        started += u64::from(fs::remove_file(scene.path("data/started")).is_ok());
    }
    println!("{started} of {count} had come to run the program");
    assert!(started > 0 && started < count, "the moments are not spread: {started}");
    assert!(start(&scene, &["run", "-l", "sh", "-c", "true"]).wait().unwrap().success());
    for host in hosts {
        assert!(leaves(host).is_empty(), "not swept: {:?}", leaves(host));
        assert!(!scene.is_new(&id_lock(host)), "not swept: {:?}", id_lock(host));
    }
    assert_eq!(scene.temporary(), 0);
    let left = Snapshot::settled_beyond(&before);
    let ours = left.iter().filter(|line| line.starts_with("process") || line.starts_with("mount"));
    assert_eq!(ours.count(), 0, "{left:?}");
}

/// A sandbox that runs this code, once that has said that it is under way.
fn under_way(scene: &Scene, code: &str) -> Child {
    let share = format!("{}:/data", scene.path("data").display());
    let child = start(scene, &["run", "-l", "bash", "-v", &share, "--pids", "1000", "-c", code]);
    until(|| scene.path("data/started").exists(), "the program to get under way");
    child
}

/// Asks the host side to end, and measures how long everything takes to be gone.
fn end(title: &str, scene: &Scene, mut child: Child) {
    let host = child.id();
    let asked = Instant::now();
    kill_process(pid(host), Signal::TERM).unwrap();
    let status = child.wait().unwrap();
    let took = asked.elapsed();
    println!("{title}: gone after {took:.0?}");
    assert!(took < END_TIME_MAX, "{title}: it took {took:?}");
    assert!(!status.success(), "{title}: {status}");
    assert_eq!(inmates(host), [""; 0], "{title}");
    assert!(leaves(host).is_empty(), "{title}: {:?}", leaves(host));
    assert_eq!(scene.temporary(), 0);
}

#[test]
fn whatever_a_sandbox_is_full_of_its_end_is_quick_and_complete() {
    let _alone = alone();
    let before = Snapshot::take();
    for (title, code) in [
        ("stopped", "sleep 600 & kill -STOP $!; echo x > /data/started; kill -STOP $$; sleep 600"),
        (
            "daemons",
            "for i in 1 2 3; do (setsid bash -c '(trap \"\" TERM HUP INT; sleep 600) &') & done; \
             sleep 0.2; echo x > /data/started; sleep 600",
        ),
        (
            "five hundred",
            "for ((i = 0; i < 500; i++)); do sleep 600 & done; echo x > /data/started; wait",
        ),
        (
            "zombies",
            "for ((i = 0; i < 100; i++)); do true & done; echo x > /data/started; \
             exec sleep 600",
        ),
        ("deaf", "trap '' TERM HUP INT QUIT; echo x > /data/started; while :; do :; done"),
    ] {
        let scene = Scene::new();
        let child = under_way(&scene, code);
        end(title, &scene, child);
    }
    let left = Snapshot::settled_beyond(&before);
    let ours = left.iter().filter(|line| line.starts_with("process") || line.starts_with("mount"));
    assert_eq!(ours.count(), 0, "{left:?}");
}

#[test]
fn an_init_that_the_host_has_stopped_ends_all_the_same() {
    let _alone = alone();
    let scene = Scene::new();
    let child = under_way(&scene, "echo x > /data/started; sleep 600");
    let init = children(child.id());
    assert_eq!(init.len(), 1);
    // As whoever may signal it: its user, or root.
    if kill_process(pid(init[0]), Signal::STOP).is_ok() {
        until(|| state(init[0]) == Some('T'), "init to stop");
    }
    end("init stopped", &scene, child);
}

#[test]
fn a_frozen_sandbox_ends_all_the_same() {
    let _alone = alone();
    let scene = Scene::new();
    let child = under_way(&scene, "echo x > /data/started; sleep 600");
    let leaf = leaves(child.id()).into_iter().find(|leaf| leaf.join("cgroup.freeze").exists());
    let Some(leaf) = leaf else {
        // Version 1 has a hierarchy of its own for that, which is not ours to use.
        return end("not frozen", &scene, child);
    };
    fs::write(leaf.join("cgroup.freeze"), "1").unwrap();
    let events = leaf.join("cgroup.events");
    until(|| fs::read_to_string(&events).unwrap().contains("frozen 1"), "the freezer");
    end("frozen", &scene, child);
}

#[test]
fn the_tools_of_these_tests_are_here() {
    let _alone = alone();
    assert!(has_tools(&["bash", "setsid"]));
    assert!(Path::new("/proc/self/task").exists());
}
