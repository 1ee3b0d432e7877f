//! The JSON of a run: every key, and the streams as plain text.

use crate::fixture::{python, shell};

const KEYS: [&str; 18] = [
    "digests",
    "enforcement",
    "error",
    "exit_code",
    "files",
    "limit",
    "outcome",
    "phase",
    "return_code",
    "run_id",
    "signal",
    "stderr",
    "stderr_bytes",
    "stderr_truncated",
    "stdout",
    "stdout_bytes",
    "stdout_truncated",
    "usage",
];

#[test]
fn a_result_has_all_keys_on_one_line() {
    let came = shell("echo out; echo err >&2; exit 3", &["--json"]).came();
    assert_eq!((came.status, came.stderr.as_str()), (3, ""));
    assert_eq!(came.stdout.matches('\n').count(), 1);
    let json = came.json();
    let mut keys: Vec<_> = json.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, KEYS);
    assert_eq!(json["outcome"], "exited");
    assert_eq!(json["exit_code"], 3);
    assert_eq!(json["return_code"], 3);
    assert_eq!(json["signal"], serde_json::Value::Null);
    assert_eq!(json["stdout"], "out\n");
    assert_eq!(json["stderr"], "err\n");
    assert_eq!((&json["stdout_bytes"], &json["stderr_bytes"]), (&4.into(), &4.into()));
    assert_eq!(json["stdout_truncated"], false);
    assert_eq!(json["error"], serde_json::Value::Null);
    assert_eq!(json["enforcement"]["backend"], "native");
    assert_eq!(json["enforcement"]["controls"]["syscall-filter"]["level"], "full");
    assert!(json["usage"]["wall_time_ms"].is_u64());
    assert_eq!(json["digests"]["code"].as_str().map(str::len), Some(64));
}

#[test]
fn equal_code_under_equal_policy_has_equal_digests() {
    let digests = |args: &[&str]| shell("echo 1", args).came().json()["digests"].clone();
    assert_eq!(digests(&["--json"]), digests(&["--json"]));
    assert_ne!(digests(&["--json"])["policy"], digests(&["--json", "--pids", "9"])["policy"]);
}

#[test]
fn endings_are_told_by_kind() {
    let json = |code: &str, args: &[&str]| {
        let came = shell(code, &[args, &["--json"]].concat()).came();
        assert_eq!(came.stderr, "");
        (came.json(), came.status)
    };
    let (timed_out, status) = json("echo partial; sleep 60", &["-t", "2s"]);
    assert_eq!(timed_out["outcome"], "timed_out");
    assert_eq!(timed_out["limit"], "wall_time");
    assert_eq!(timed_out["stdout"], "partial\n");
    assert_eq!((&timed_out["return_code"], status), (&124.into(), 124));
    assert_eq!(timed_out["exit_code"], serde_json::Value::Null);
    let (killed, status) = json("kill -KILL $$", &[]);
    assert_eq!((&killed["outcome"], &killed["signal"]), (&"signaled".into(), &9.into()));
    assert_eq!((&killed["return_code"], status), (&137.into(), 137));
}

#[test]
fn memory_running_out_is_told_apart_from_a_signal() {
    if !crate::fixture::has_control("memory") {
        return;
    }
    let came = python("x = bytearray(512 << 20)", &["-m", "64M", "--json"]).came();
    let json = came.json();
    assert_eq!(json["outcome"], "out_of_memory");
    assert_eq!(json["signal"], serde_json::Value::Null);
    assert_eq!(came.status, 137);
}

#[test]
fn long_output_keeps_head_and_tail_and_counts_the_rest() {
    let code = "print('<' + 'x' * 998 + '>', end='')";
    let json = python(code, &["--output-limit", "20", "--json"]).came().json();
    assert_eq!(json["stdout"], "<xxxxxxxxx\n[... 980 bytes omitted ...]\nxxxxxxxxx>");
    assert_eq!(json["stdout_bytes"], 1000);
    assert_eq!(
        (&json["stdout_truncated"], &json["stderr_truncated"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let json = shell("printf 'a\\377b'", &["--json"]).came().json();
    assert_eq!(json["stdout"], "a\u{fffd}b");
    assert_eq!(json["stdout_bytes"], 3);
}

#[test]
fn files_are_listed_with_size_and_digest() {
    let call = shell("printf abc > f", &["--download", "f:got", "--json"]);
    let json = call.came().json();
    assert_eq!(json["files"][0]["path"], "f");
    assert_eq!(json["files"][0]["size_bytes"], 3);
    assert_eq!(
        json["files"][0]["sha256"],
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(call.read("got"), "abc");
}

#[test]
fn a_compile_step_is_told_by_phase() {
    if !crate::fixture::has_language("c") {
        return;
    }
    let came = crate::fixture::run(&["--json", "a.c"]).file("a.c", "int main(void) {").came();
    let json = came.json();
    assert_eq!((&json["phase"], &json["outcome"]), (&"compile".into(), &"exited".into()));
    assert!(json["stderr"].as_str().is_some_and(|text| text.contains("a.c:1")), "{json}");
}
