//! What runs over HTTP leave in the records, and what is told where that fails.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fixture::{Before, Server, StateDir};

const CODE: &str = "import os\nos.mkdir('d')\n\
                    open('a.json', 'w').write('{\"x\": 1}')\nopen('d/b', 'w').write('b')";

fn run(server: &Server) -> Value {
    let request = json!({"language": "python", "code": CODE, "outputs": ["a.json", "d"]});
    let answer = server.ask("POST", "/v1/runs", &request.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn record(server: &Server, run: &Value) -> Value {
    server.ask("GET", &format!("/v1/records/{}", run["run_id"].as_str().unwrap()), "").json()
}

#[test]
fn files_that_come_back_are_in_the_record() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let run = run(&server);
    let record = record(&server, &run);
    assert_eq!((&record["status"], &record["error"]), (&json!("success"), &json!(null)));
    let (files, artifacts) = (&run["result"]["files"], &record["artifacts"]);
    for (place, name) in ["a.json", "d/b"].into_iter().enumerate() {
        assert_eq!(
            (&files[place]["path"], &artifacts[place]["name"]),
            (&name.into(), &name.into())
        );
        for known in ["sha256", "size_bytes"] {
            assert_eq!(files[place][known], artifacts[place][known], "{record}");
        }
    }
    let outputs = format!("/v1/records/{}/outputs", run["run_id"].as_str().unwrap());
    let all = server.ask("GET", &outputs, "").json();
    assert_eq!(all["a.json"]["json"], json!({"x": 1}), "{all}");
    let one = server.ask("GET", &format!("{outputs}/content?name=d/b"), "");
    assert_eq!((one.status, one.body.as_str()), (200, "b"));
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_run_whose_files_cannot_be_kept_is_not_lost() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let blobs = state.path("state/blobs");
    fs::remove_dir_all(&blobs).unwrap();
    fs::write(&blobs, "no directory").unwrap();
    let run = run(&server);
    assert_eq!(run["result"]["files"][1]["content_base64"], "Yg==", "{run}");
    assert_eq!(run["result"]["outcome"], "exited");
    let record = record(&server, &run);
    assert_eq!((&record["status"], record.get("artifacts")), (&json!("success"), None));
    assert_eq!(record["error"]["code"], "internal", "{record}");
    let message = record["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("what the run left is not kept"), "{message}");
    server.signal(Signal::TERM);
    let (status, log) = server.end();
    assert_eq!(status, Some(0));
    assert!(log.contains("what a run left is not kept"), "{log}");
}

#[test]
fn turns_that_were_answered_are_in_the_records_at_once() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let session = server.ask("POST", "/v1/sessions", "{}").json();
    let session_id = session["session_id"].as_str().unwrap();
    for number in 1..=3 {
        let turns = format!("/v1/sessions/{session_id}/turns");
        let turn = server.ask("POST", &turns, r#"{"code": "print(1)"}"#).json();
        let id = turn["turn_id"].as_str().unwrap_or_else(|| panic!("{turn}"));
        let record = server.ask("GET", &format!("/v1/records/{id}"), "").json();
        assert_eq!((&record["status"], &record["kind"]), (&"success".into(), &"turn".into()));
        let listed = format!("/v1/records?session_id={session_id}");
        let listed = server.ask("GET", &listed, "").json();
        let records = listed["records"].as_array().unwrap();
        assert!(records.len() == number && records[0]["run_id"] == id, "{listed}");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}
