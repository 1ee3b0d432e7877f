//! Projects: where their repositories may be, and their runs.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    messages::{call, refusal, told},
    stdio::Client,
};
use crate::{
    fixture::{Before, PATIENCE, StateDir},
    repository::make,
};

const MODEL: &str = "\
import os
print('sold:', open('/data/sales.csv').read())
result = {'sold': 7}
open('/outputs/note.txt', 'w').write('noted')
open('/outputs/stdout', 'w').write('no stream')
";
const SLOW: &str = "import time\nprint('begun', flush=True)\ntime.sleep(300)\n";

/// A repository with two models.
fn repository(path: PathBuf) -> PathBuf {
    let pipeline = "PIPELINE = ['sales']\n";
    let files = [("run.py", pipeline), ("model/sales.py", MODEL), ("model/slow.py", SLOW)];
    make(&path, &files);
    path
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
    let content = |client: &mut Client, name: &str| {
        let output = json!({"run_id": run["run_id"], "output_name": name});
        told(&client.call("get_run_output", output))["content"].as_str().unwrap().to_owned()
    };
    assert_eq!(content(&mut client, "stdout"), run["stdout"].as_str().unwrap());
    assert_eq!(content(&mut client, "outputs/stdout"), "no stream");
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
fn what_projects_cannot_do_is_told_with_what_to_do() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let repository = repository(state.path("here/repository"));
    let mut client = Client::begin_in(&repository, &state, "full");
    told(&create(&mut client, &repository));
    let run = |more: Value| {
        let mut all = json!({"scope": "project", "mode": "async", "project_name": "p"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let unknown = "00000000-0000-7000-8000-000000000000";
    let exe = json!({"kind": "file_upload", "file_name": "a.exe", "content": "MZ"});
    let empty = json!({"kind": "file_upload", "file_name": "a.csv", "content": ""});
    let ingest = |spec: &Value| json!({"project_name": "p", "source_name": "s", "spec": spec});
    let table = [
        ("run", run(json!({"timeout_seconds": 600})), "at most 300 seconds", "change the"),
        ("run", run(json!({"timeout_seconds": 0})), "more than 0", "change the"),
        ("run", run(json!({"project_name": "q"})), "no project", "list what there is"),
        ("list_runs", json!({"project": "p", "project_name": "q"}), "two", "change the"),
        ("get_run", json!({"run_id": unknown}), "no run", "list what there is"),
        ("ingest_data_source", ingest(&exe), "spec.file_name: the suffix is one of csv", "change"),
        ("ingest_data_source", ingest(&empty), "\"s.csv\" is empty", "send CSV"),
        ("create_project", json!({"project_name": "p", "source": repository}), "already", "choose"),
    ];
    for (name, arguments, message, hint) in table {
        let refused = refusal(&client.call(name, arguments.clone()));
        let said = |field: &str| refused[field].as_str().unwrap().to_owned();
        assert!(said("message").contains(message), "{name} {arguments}: {refused}");
        assert!(said("hint").starts_with(hint), "{name} {arguments}: {refused}");
    }
    let same = client.call("list_runs", json!({"project": "p", "project_name": "p"}));
    assert_eq!(told(&same)["runs"], json!([]));
    client.hang_up();
    assert_eq!(client.end(), Some(0));
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
