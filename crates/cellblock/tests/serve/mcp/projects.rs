//! Projects: where their repositories may be, and their runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    messages::{call, refusal, told},
    stdio::Client,
};
use crate::fixture::{Before, PATIENCE, StateDir};

const MODEL: &str = "\
import os
print('sold:', open('/data/sales.csv').read())
result = {'sold': 7}
open('/outputs/note.txt', 'w').write('noted')
";
const SLOW: &str = "import time\nprint('begun', flush=True)\ntime.sleep(300)\n";

/// A repository with two models.
fn repository(path: PathBuf) -> PathBuf {
    fs::create_dir_all(path.join("model")).unwrap();
    fs::write(path.join("run.py"), "PIPELINE = ['sales']\n").unwrap();
    fs::write(path.join("model/sales.py"), MODEL).unwrap();
    fs::write(path.join("model/slow.py"), SLOW).unwrap();
    let author = ["-c", "user.name=test", "-c", "user.email=test@localhost"];
    git(&path, &["init", "--quiet", "--initial-branch", "main"]);
    git(&path, &["add", "--all"]);
    git(&path, &[&author[..], &["commit", "--quiet", "--message", "a state"]].concat());
    path
}

fn git(directory: &Path, words: &[&str]) {
    let mut command = Command::new("git");
    command.args(words).current_dir(directory).env("HOME", directory);
    assert!(command.status().unwrap().success(), "{words:?}");
}

fn create(client: &mut Client, repository: &Path) -> Value {
    client.call("create_project", json!({"project_name": "p", "source": repository}))
}

#[test]
fn repositories_below_the_directory_where_it_was_started_are_registered() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let (here, inside) = (state.path("here"), repository(state.path("here/inside")));
    let outside = repository(state.path("outside"));
    let mut client = Client::begin_in(&here, &state, "full");
    assert_eq!(refusal(&create(&mut client, &outside))["error"], "policy_refused");
    assert_eq!(told(&create(&mut client, &inside))["name"], "p");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    // From the topmost everything would be below.
    let mut client = Client::begin_in(Path::new("/"), &state, "full");
    assert_eq!(refusal(&create(&mut client, &outside))["error"], "policy_refused");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_project_is_run_on_its_data_and_run_again() {
    let (before, state) = (Before::take(), StateDir::make());
    let repository = repository(state.path("here/repository"));
    let mut client = Client::begin_in(&repository, &state, "bridge");
    told(&create(&mut client, &repository));
    let spec = json!({"kind": "file_upload", "file_name": "a.csv", "content": "n\n7\n"});
    let data = json!({"project_name": "p", "source_name": "sales", "spec": spec});
    let snapshot = told(&client.call("ingest_data_source", data))["data_snapshot_ref"].clone();
    let wanted = json!({"scope": "project", "mode": "sync", "project_name": "p"});
    let run = client.call("run", wanted);
    let run = told(&run);
    assert_eq!(run["status"], "success", "{run}");
    assert!(run["stdout"].as_str().unwrap().contains("sold: n\n7\n"), "{run}");
    assert_eq!(run["data_snapshot_ref"], snapshot);
    assert_eq!(run["outputs"]["note.txt"], "noted");
    let output = json!({"run_id": run["run_id"], "output_name": "note.txt"});
    assert_eq!(told(&client.call("get_run_output", output))["content"], "noted");
    let again = client.call("rerun", json!({"run_id": run["run_id"]}));
    assert_eq!(told(&again)["identical"], true, "{again}");
    let listed = client.call("list_runs", json!({"project": "p"}));
    assert_eq!(told(&listed)["runs"].as_array().unwrap().len(), 2);
    let used = json!({"project_name": "p", "data_snapshot_ref": snapshot});
    assert_eq!(refusal(&client.call("delete_snapshot", used))["error"], "conflict");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    before.nothing_is_left();
}

#[test]
fn a_run_whose_call_is_taken_back_is_cancelled() {
    let (before, state) = (Before::take(), StateDir::make());
    let repository = repository(state.path("repository"));
    let mut client = Client::begin_in(&repository, &state, "bridge");
    told(&create(&mut client, &repository));
    let wanted =
        json!({"scope": "model", "mode": "sync", "project_name": "p", "model_name": "slow"});
    let id = client.ask("tools/call", &call("run", wanted));
    let run = until(&mut client, "running");
    client.say(&json!({
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": id},
    }));
    assert_eq!(until(&mut client, "cancelled"), run);
    let id = client.ask("tools/call", &call("rerun", json!({"run_id": run})));
    let again = until(&mut client, "running");
    client.say(&json!({
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": id},
    }));
    let end = client.call("get_run", json!({"run_id": again, "wait_seconds": 30}));
    assert_eq!(told(&end)["status"], "cancelled");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    before.nothing_is_left();
}

/// An assistant that asks for failed runs is told of lost ones, which it sees as failed.
#[track_caller]
pub(crate) fn are_told_as_failed(state: &StateDir, lost: usize) {
    let mut client = Client::begin(state, "bridge");
    let listed = client.call("list_runs", json!({"status": "failed"}));
    let failed = told(&listed)["runs"].as_array().unwrap().clone();
    assert_eq!(failed.len(), lost);
    for run in failed {
        assert_eq!(run["status"], "failed");
        assert!(run["error_message"].as_str().unwrap().contains("died"), "{run}");
    }
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

/// The id of the only run, when it has come to a status.
#[track_caller]
fn until(client: &mut Client, status: &str) -> Value {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let listed = client.call("list_runs", json!({"status": status}));
        if let [run] = told(&listed)["runs"].as_array().unwrap().as_slice() {
            return run["run_id"].clone();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no run is {status}");
}
