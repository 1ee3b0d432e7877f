//! Records of runs at the prompt: where they are asked for, and nowhere else.

use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::fixture::{Call, cellblock};

/// Beyond the time for which a process that says nothing is taken for alive.
const LEASE_TIME_MAX: Duration = Duration::from_secs(90);

/// A state directory of a test's own, which nobody has made yet.
struct State {
    place: Call,
}

impl State {
    fn new() -> Self {
        Self { place: cellblock(&[]) }
    }

    fn path(&self) -> PathBuf {
        self.place.path("state")
    }

    /// A call that finds it by its env var.
    fn call(&self, args: &[&str]) -> Call {
        cellblock(args).var("CELLBLOCK_STATE_DIR", self.path().to_str().unwrap())
    }

    fn python(&self, code: &str, args: &[&str]) -> Call {
        self.call(&[&["run", "--record", "-l", "python", "-c", code], args].concat())
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let came = self.call(&[args, &["--json"]].concat()).came();
        assert_eq!((came.stderr.as_str(), came.status), ("", 0), "{came:?}");
        came.json()
    }

    /// The records, the first first.
    #[track_caller]
    fn records(&self) -> Vec<Value> {
        let mut records = self.json(&["runs", "list"])["records"].as_array().unwrap().clone();
        records.reverse();
        records
    }

    /// The only record, with everything that is in it.
    #[track_caller]
    fn record(&self) -> Value {
        let records = self.records();
        assert_eq!(records.len(), 1, "{records:?}");
        self.json(&["runs", "get", records[0]["run_id"].as_str().unwrap()])
    }
}

/// What is told of each record by these names.
fn told(records: &[Value], names: &[&str]) -> Vec<String> {
    let word = |record: &Value, name: &&str| record[name].as_str().unwrap_or("-").to_owned();
    let line = |record| names.iter().map(|name| word(record, name)).collect::<Vec<_>>().join(" ");
    records.iter().map(line).collect()
}

#[test]
fn nothing_is_opened_for_a_run_that_leaves_no_record() {
    let state = State::new();
    state.call(&["run", "-l", "sh", "-c", "echo a"]).prints("a\n");
    state.call(&["run", "--record=false", "-l", "sh", "-c", "echo a"]).prints("a\n");
    state.call(&["session"]).stdin("print(1)").prints("1\n");
    state.call(&["doctor"]).came();
    assert!(!state.path().exists());
}

#[test]
fn a_run_leaves_a_record_of_how_it_ended() {
    let state = State::new();
    let code = "import sys\nprint('out' * 2000)\nprint('err', file=sys.stderr)";
    state.python(code, &["-q"]).gives(&format!("{}\n", "out".repeat(2000)), "err\n", 0);
    let record = state.record();
    let words = [("kind", "run"), ("status", "success"), ("requested_by", "local")];
    for (name, word) in words.into_iter().chain([("environment", "bare")]) {
        assert_eq!(record[name], word, "{record}");
    }
    for digest in ["code_digest", "policy_digest"] {
        assert_eq!(record[digest].as_str().map(str::len), Some(64), "{record}");
    }
    assert_eq!(record["exit_code"], 0);
    assert_eq!(record["stdout"]["total_bytes"], 6001);
    assert_eq!(record["stdout"]["head"], "out".repeat(2000)[..4096]);
    assert_eq!(record["stderr"]["head"], "err\n");
    assert!(record["usage"]["wall_time_ms"].is_u64(), "{record}");
    assert!(record["enforcement"].is_object() && record["ended_at"].is_string(), "{record}");
    let run = record["run_id"].as_str().unwrap();
    state.call(&["runs", "output", run, "stderr"]).prints("err\n");

    assert_eq!(state.python("raise SystemExit(3)", &[]).came().status, 3);
    assert_eq!(state.python("while True: pass", &["-t", "300ms"]).came().status, 124);
    assert_eq!(state.python("import os; os.kill(os.getpid(), 11)", &[]).came().status, 139);
    let asked = state.call(&["exec", "--record", "no-such-program"]).came();
    assert_eq!(asked.status, 127, "{asked:?}");
    let expected = ["run success", "run failed", "run timed_out", "run failed", "run failed"];
    assert_eq!(told(&state.records(), &["kind", "status"]), expected);
}

#[test]
fn records_are_asked_for_like_everything_else() {
    let state = State::new();
    let code = ["run", "-l", "sh", "-c", "echo a"];
    state.call(&code).var("CELLBLOCK_RECORD", "true").prints("a\n");
    let with_file = [&code[..1], &["--config-file", "c.toml"], &code[1..]].concat();
    state.call(&with_file).file("c.toml", "record = true").prints("a\n");
    let dir = state.path();
    let named = [&code[..1], &["--record", "--state-dir", dir.to_str().unwrap()], &code[1..]];
    cellblock(&named.concat()).prints("a\n");
    assert_eq!(state.records().len(), 3);
    state.call(&code).var("CELLBLOCK_RECORD", "perhaps").refused(2, &["record from env var"]);
}

#[test]
fn files_that_are_brought_back_stay_with_the_record() {
    let state = State::new();
    let code = "import os\nos.mkdir('d')\nopen('a.json', 'w').write('{}')\n\
                open('d/b.txt', 'w').write('b' * 10)\nopen('large', 'w').truncate(11 << 20)";
    let downloads = ["--download", "a.json", "--download", "d", "--download", "a.json:again"];
    let call = state.python(code, &[&downloads[..], &["--download", "large"]].concat());
    let came = call.came();
    assert_eq!((came.stdout.as_str(), came.status), ("", 0), "{came:?}");
    let left_out = "1 files were left out of the record";
    assert!(came.stderr.contains(left_out), "{came:?}");
    assert_eq!((call.read("a.json"), call.read("again")), ("{}".to_owned(), "{}".to_owned()));
    let record = state.record();
    let artifacts = record["artifacts"].as_array().unwrap();
    let expected = ["a.json application/json", "d/b.txt text/plain"];
    assert_eq!(told(artifacts, &["name", "media_type"]), expected);
    let digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    assert_eq!((&artifacts[0]["sha256"], &artifacts[0]["size_bytes"]), (&digest.into(), &2.into()));
    assert_eq!(
        (&record["status"], &record["error"]["code"]),
        (&"success".into(), &"too_large".into())
    );
    let run = record["run_id"].as_str().unwrap();
    state.call(&["runs", "output", run, "d/b.txt"]).prints("bbbbbbbbbb");
}

#[test]
fn turns_and_commands_of_a_session_leave_records() {
    let state = State::new();
    let cells = "x = 1\nprint(x)\n# %%\nimport os\nos._exit(1)\n";
    let came = state.call(&["session", "--record", "-q"]).stdin(cells).came();
    assert_eq!((came.stdout.as_str(), came.status), ("1\n", 1), "{came:?}");
    let records = state.records();
    assert_eq!(told(&records, &["kind", "status"]), ["turn success", "turn failed"]);
    assert!(records[0]["session_id"].is_string());
    assert_eq!(records[0]["session_id"], records[1]["session_id"]);
}

#[test]
fn the_verbs_of_others_leave_records_too() {
    let state = State::new();
    let recorded = |args: &[&str]| state.call(args).var("CELLBLOCK_RECORD", "true").came();
    assert_eq!(recorded(&["check"]).status, 0);
    assert!(!state.path().exists());
    let came = recorded(&["execute-python", "--json", "-s", "print(1)"]);
    assert_eq!((&came.json()["stdout"], came.status), (&"1\n".into(), 0), "{came:?}");
    assert_eq!(told(&state.records(), &["kind", "status"]), ["run success"]);
}

#[test]
fn a_run_whose_process_is_killed_is_found_lost() {
    let state = State::new();
    let call = state.python("import time\nprint('up', flush=True)\ntime.sleep(600)", &[]);
    let mut child = call.command().stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while !state.path().join("records.sqlite").exists() || state.records().is_empty() {
        assert!(began.elapsed() < LEASE_TIME_MAX, "it is not recorded that it runs");
        sleep(Duration::from_millis(100));
    }
    assert_eq!(told(&state.records(), &["kind", "status"]), ["run running"]);
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = Instant::now();
    while told(&state.records(), &["status"]) == ["running"] {
        assert!(killed.elapsed() < LEASE_TIME_MAX, "it is taken for alive");
        sleep(Duration::from_secs(1));
    }
    assert_eq!(told(&state.records(), &["status"]), ["lost"]);
    assert!(state.record()["error"]["message"].as_str().unwrap().contains("died"));
}

#[test]
fn nothing_runs_that_cannot_be_recorded() {
    let write = "open('here', 'w')";
    let broken: [fn(&State); 2] = [
        |state| fs::write(state.path(), "a file").unwrap(),
        |state| {
            fs::create_dir(state.path()).unwrap();
            fs::write(state.path().join("records.sqlite"), "nonsense ".repeat(1000)).unwrap();
        },
    ];
    for (breaks, words) in broken.into_iter().zip(["state directory", "records.sqlite"]) {
        let state = State::new();
        breaks(&state);
        let call = state.python(write, &["-w", "."]).refused(125, &[words]);
        assert!(!call.path("here").exists());
        let session = state.call(&["session", "--record"]).stdin("print(1)");
        session.refused(125, &[words]);
    }
}
