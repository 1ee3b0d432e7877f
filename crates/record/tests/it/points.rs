//! Killed at named points: at each system call by which something becomes durable or is
//! asked of a server, and between each step and its acknowledgement.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, Stdio},
};

use record::{Location, Store};

use crate::{
    fixture::{Place, block_on, missing},
    walk::Walk,
    witness::{self, Told, judge, tell},
};

/// How often a process is killed for each database.
const KILLS: u32 = 30;

/// Names the database, and the directory of blobs, to the process that is killed.
const CHILD: &str = "CELLBLOCK_TEST_POINTS_CHILD";
const DIRECTORY: &str = "CELLBLOCK_TEST_POINTS_DIRECTORY";

/// By which files come, change, become durable and go; and by which a witness is told.
const ON_FILES: &[&str] = &[
    "openat",
    "mkdir",
    "write",
    "writev",
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "fallocate",
    "link",
    "linkat",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
];

/// By which a server is asked and answers; and by which a witness is told.
const ON_SOCKETS: &[&str] =
    &["connect", "write", "writev", "sendto", "sendmsg", "read", "readv", "recvfrom", "recvmsg"];

/// A system call, and the how manieth of its thread's it is.
pub(crate) type Point = (String, usize);

/// The process that is killed: this test, executed once more.
#[test]
fn child() {
    let Ok(location) = std::env::var(CHILD) else { return };
    let directory = std::env::var_os(DIRECTORY).unwrap();
    // All of it in one thread, whose calls are always the same.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&Location::parse(&location).unwrap()).await.unwrap();
        Walk::new(&store, Path::new(&directory), &tell).go().await.unwrap();
        store.close().await;
    });
}

/// What makes `strace` write down some calls.
pub(crate) fn traced(calls: &[&str]) -> String {
    let names: Vec<String> = calls.iter().map(|call| format!("?{call}")).collect();
    format!("trace={}", names.join(","))
}

/// What makes it kill whoever makes one.
pub(crate) fn killed_at((call, when): &Point) -> [String; 2] {
    [format!("trace={call}"), format!("inject={call}:signal=SIGKILL:when={when}")]
}

/// How often one thread makes each call at most, by what `strace` wrote down.
pub(crate) fn counts(trace: &str) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            *counts.entry((thread, name)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((_, name), count) in counts {
        let known = most.entry(name.to_owned()).or_insert(0);
        *known = count.max(*known);
    }
    most
}

/// As many points as there are to be kills: of each call some that are spread over all.
pub(crate) fn chosen(counts: &BTreeMap<String, usize>, kills: u32) -> Vec<Point> {
    let kills = kills as usize;
    let of_share = |share: usize| counts.values().map(|count| share.min(*count)).sum::<usize>();
    let all = of_share(usize::MAX);
    let share = (1..).find(|share| of_share(*share) >= kills.min(all)).unwrap();
    let of_call = |(call, count): (&String, &usize)| {
        let (call, count) = (call.clone(), *count);
        let some = share.min(count);
        // Not the last of some: threads do not make the same number each time.
        (0..some).map(move |number| (call.clone(), number * count / some + 1))
    };
    let points: Vec<Point> = counts.iter().flat_map(of_call).collect();
    points.into_iter().cycle().take(kills).collect()
}

/// How a walk under `strace` ended.
struct Walked {
    told: Told,
    was_killed: bool,
}

/// Walks in a process of its own under `strace`, which is told what to do to it.
fn walk_traced(place: &Place, options: &[String]) -> Walked {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]);
    strace.args(options.iter().flat_map(|option| ["-e", option]));
    let done = strace
        .arg("-o")
        .arg(place.directory.path().join("trace"))
        .arg(std::env::current_exe().unwrap())
        .args(["points::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, place.text())
        .env(DIRECTORY, place.directory.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // It dies of what killed the process that it traced.
    let was_killed = done.status.signal().is_some();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(was_killed || done.status.success(), "{options:?}: {said}");
    let mut told = Told::new();
    let lines =
        String::from_utf8_lossy(&done.stdout).lines().map(str::to_owned).collect::<Vec<_>>();
    witness::note(lines, &mut told);
    Walked { told, was_killed }
}

/// Kills at points, each time at a new place.
fn kill_at_points(calls: &[&str], new_place: impl Fn() -> Place) {
    let place = new_place();
    let whole = walk_traced(&place, &[traced(calls)]);
    let counts = counts(&fs::read_to_string(place.directory.path().join("trace")).unwrap());
    block_on(judge(&place, &whole.told));
    assert!(!whole.was_killed && whole.told.len() == 7, "{:?}", whole.told);
    assert!(counts["writev"] > 20, "{counts:?}");
    let points = chosen(&counts, witness::kills(KILLS));
    let mut killed = 0;
    for point in &points {
        let place = new_place();
        let walked = walk_traced(&place, &killed_at(point));
        killed += u32::from(walked.was_killed);
        block_on(judge(&place, &walked.told));
    }
    eprintln!("killed at {killed} of {} points of {counts:?}", points.len());
    assert!(killed as usize * 2 > points.len());
}

fn has_strace() -> bool {
    let found = Command::new("strace").arg("--version").output().is_ok();
    if !found {
        missing("strace");
    }
    found
}

#[test]
fn a_process_that_is_killed_at_a_point_loses_nothing_in_a_file() {
    if has_strace() {
        kill_at_points(ON_FILES, Place::file);
    }
}

#[test]
fn a_process_that_is_killed_at_a_point_loses_nothing_in_postgres() {
    let Some(server) = Place::postgres().filter(|_| has_strace()) else {
        return missing("PostgreSQL");
    };
    let number = Cell::new(0);
    kill_at_points(ON_SOCKETS, || {
        let number = number.replace(number.get() + 1);
        block_on(server.new_database(number))
    });
}

#[test]
fn points_are_spread_over_all_there_are() {
    let counts = counts("1 a(1) = 2\n1 a(1) = 2\n2  a(\n2 b() = 0\n1 <... a resumed> = 1\nx\n");
    assert_eq!(counts, BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]));
    let point = |call: &str, when| (call.to_owned(), when);
    assert_eq!(chosen(&counts, 3), [point("a", 1), point("a", 2), point("b", 1)]);
    assert_eq!(chosen(&counts, 4)[3], point("a", 1));
    let many = BTreeMap::from([("c".to_owned(), 9)]);
    assert_eq!(chosen(&many, 3), [point("c", 1), point("c", 4), point("c", 7)]);
}
