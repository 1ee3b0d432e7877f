//! Limits that a caller sets: each ends or refuses what exceeds it, and what was
//! written until then is kept.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::fixture::{has_control, python, shell};

#[test]
fn a_timeout_keeps_what_was_written() {
    let begun = Instant::now();
    shell("echo partial; sleep 60", &["-t", "1s"]).gives(
        "partial\n",
        "cellblock: timed out after 1 s (wall time)\n",
        124,
    );
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(15), "{took:?}");
}

#[test]
fn a_timeout_ends_detached_and_stopped_processes() {
    let code = "(setsid sh -c 'sleep 60' &) ; kill -STOP $$";
    shell(code, &["-t", "500ms"]).gives("", "cellblock: timed out after 0.5 s (wall time)\n", 124);
}

#[test]
fn a_run_ends_with_its_program_not_with_what_that_left_running() {
    let begun = Instant::now();
    shell("setsid sleep 60 >/dev/null 2>&1 & echo done", &[]).prints("done\n");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn processor_time_is_limited() {
    let came = python("while True: pass", &["--cpu-time", "1s", "-t", "20s"]).came();
    assert_eq!(came.status, 124, "{came:?}");
    assert_eq!(came.stderr, "cellblock: timed out after 1 s (processor time)\n");
}

#[test]
fn memory_is_limited() {
    if !has_control("memory") {
        return;
    }
    let message = "cellblock: out of memory: it needed more than 64M (`--memory` sets it)\n";
    let code = "print('begun', flush=True); x = bytearray(512 << 20); print(len(x))";
    python(code, &["-m", "64M"]).gives("begun\n", message, 137);
}

#[test]
fn memory_of_one_process_is_limited_everywhere() {
    let code = "x = bytearray(512 << 20); print(len(x))";
    let came = python(code, &["-m", "64M"]).came();
    assert!(came.status != 0 && came.stdout.is_empty(), "{came:?}");
}

#[test]
fn memory_within_the_limit_is_there() {
    python("x = bytearray(150 << 20); print(len(x) >> 20)", &["-m", "256M"]).prints("150\n");
}

#[test]
fn processes_are_limited() {
    let code = "
import os, time
children = 0
try:
    while children < 200:
        if os.fork() == 0:
            time.sleep(60)
        children += 1
except OSError as error:
    print(error.errno)
print(children < 20, flush=True)
os._exit(0)
";
    python(code, &["--pids", "16"]).prints("11\nTrue\n");
}

#[test]
fn open_files_are_limited() {
    let code = "
files = []
try:
    for _ in range(1000): files.append(open('/dev/null'))
except OSError as error:
    print(error.errno, len(files) < 32)
";
    python(code, &["--open-files", "32"]).prints("24 True\n");
}

#[test]
fn file_size_is_limited() {
    let code = "
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    with open('f', 'wb', buffering=0) as f:
        for _ in range(100): f.write(b'x' * 65536)
except OSError as error:
    print(error.errno)
import os
print(os.path.getsize('f'))
";
    python(code, &["--file-size", "1M"]).prints("27\n1048576\n");
}

#[test]
fn the_workspace_is_limited_in_bytes_and_files() {
    let code = "
import os
def fill(path):
    try:
        with open(path, 'wb', buffering=0) as f:
            while True: f.write(b'x' * 65536)
    except OSError as error:
        return error.errno
print(fill('f'), os.path.getsize('f') <= 4 << 20)
";
    python(code, &["--workspace-size", "4M"]).prints("28 True\n");
    let code = "
count = 0
try:
    while True:
        open(f'f{count}', 'w').close()
        count += 1
except OSError as error:
    print(error.errno, count < 64)
";
    python(code, &["--workspace-files", "64"]).prints("28 True\n");
}

#[test]
fn output_is_limited_to_its_start_and_its_end() {
    let code = "print('<' + 'x' * 998 + '>', end='')";
    let note = "cellblock: 980 bytes of standard output were left out (`--output-limit` sets it)\n";
    python(code, &["--output-limit", "20"]).gives("<xxxxxxxxxxxxxxxxxx>", note, 0);
}

#[test]
fn output_without_a_limit_is_whole() {
    let came = shell("head -c 5000000 /dev/zero | tr '\\0' x", &[]).came();
    assert_eq!((came.stdout.len(), came.status), (5_000_000, 0));
}

#[test]
fn processor_share_is_limited() {
    // It hangs on the same control groups, and is reported only when it is asked for.
    if !has_control("memory") {
        return;
    }
    let code = "
import time
begun, used = time.monotonic(), time.process_time()
while time.monotonic() - begun < 1: pass
print((time.process_time() - used) < 0.6)
";
    python(code, &["--cpus", "0.25"]).prints("True\n");
}

#[test]
fn limits_come_also_from_env_vars_and_files() {
    let message = "cellblock: timed out after 0.4 s (wall time)\n";
    shell("sleep 60", &[]).var("CELLBLOCK_TIMEOUT", "400ms").gives("", message, 124);
    shell("sleep 60", &[])
        .file(".config/cellblock/config.toml", "timeout = '400ms'")
        .gives("", message, 124);
    shell("echo fast", &["-t", "20s"]).var("CELLBLOCK_TIMEOUT", "1ms").prints("fast\n");
}

/// The cgroups that a process made for its sandbox, in whatever hierarchy.
fn leaves(below: &Path, owner: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let (path, count) = (entry.path(), found.len());
        leaves(&path, owner, found);
        let is_ours = entry.file_name().to_string_lossy().contains(&format!("-{owner}-"));
        // One with others in it is the owner's, which limits nothing.
        if is_ours && found.len() == count {
            found.push(path);
        }
    }
}

#[test]
fn a_cgroup_forbids_more_than_it_limits() {
    if !has_control("memory") {
        return;
    }
    let mut child = shell("echo up; read word", &[]).command().spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    let mut found = Vec::new();
    leaves(Path::new("/sys/fs/cgroup"), child.id(), &mut found);
    assert!(!found.is_empty());
    for leaf in found {
        for entry in fs::read_dir(&leaf).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let is_forbidden =
                matches!(name.as_str(), "notify_on_release" | "cgroup.max.descendants")
                    || name.starts_with("hugetlb.")
                        && (name.ends_with(".max") || name.ends_with("limit_in_bytes"));
            let text = || fs::read_to_string(entry.path()).unwrap();
            if is_forbidden {
                assert_eq!(text(), "0\n", "{:?}", entry.path());
            }
            if name == "devices.list" {
                let devices = ["1:3", "1:5", "1:7", "1:8", "1:9", "5:2", "136:*"];
                assert_eq!(text(), devices.map(|device| format!("c {device} rw\n")).concat());
            }
        }
    }
    drop(child.stdin.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Whether the kernel gives out cookies of its core scheduler.
fn has_core_scheduling() -> bool {
    let code =
        "import ctypes as c; n = c.c_ulong(); exit(c.CDLL(None).prctl(62, 0, 0, 0, c.byref(n)))";
    let asked = std::process::Command::new("python3").args(["-c", code]).status();
    asked.unwrap().success()
}

#[test]
fn cores_are_shared_with_nobody_where_the_operator_asks_for_it() {
    let asked = |args| shell("echo runs", args).var("CELLBLOCK_CORE_SCHEDULING", "true");
    let report =
        |json: &serde_json::Value| json["enforcement"]["controls"]["core-scheduling"].clone();
    assert_eq!(report(&shell("", &["--json"]).came().json()), serde_json::Value::Null);
    if has_core_scheduling() {
        let json = asked(&["--json"]).came().json();
        assert_eq!(report(&json)["level"], "full", "{json}");
        return;
    }
    asked(&[]).refused(125, &["core-scheduling", "hint"]);
    let json = asked(&["--json", "--allow-missing", "core-scheduling"]).came().json();
    assert_eq!((&json["stdout"], &report(&json)["level"]), (&"runs\n".into(), &"none".into()));
}
