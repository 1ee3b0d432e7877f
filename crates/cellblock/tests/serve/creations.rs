//! Creations of projects that are sent twice under one key.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    fixture::{Answer, Before, Server, StateDir, wait_until},
    repository,
};

const SLOW: &str = "import time\ntime.sleep(2)\n";

fn under(server: &Server, key: &str, path: &str, body: &Value) -> Answer {
    let headers = format!("idempotency-key: {key}\r\n");
    server.ask_with(("POST", path), &headers, &body.to_string())
}

/// Sends a request twice; what it made is what it made the first time.
#[track_caller]
fn twice(server: &Server, path: &str, body: &Value, id: &str) -> Value {
    let [first, second] = [(); 2].map(|()| under(server, "a", path, body));
    assert!(matches!(first.status, 200..=202), "{first:?}");
    assert_eq!(second.status, first.status, "{second:?}");
    assert!(second.head.contains("idempotency-replayed: true"), "{second:?}");
    let (first, second) = (first.json(), second.json());
    assert!(first.pointer(id).is_some_and(Value::is_string), "{first}");
    assert_eq!(first.pointer(id), second.pointer(id));
    first
}

fn count(server: &Server) -> usize {
    let records = server.ask("GET", "/v1/records?project=p", "").json();
    records["records"].as_array().unwrap().len()
}

#[test]
fn what_is_sent_twice_under_one_key_happens_once() {
    let (before, state) = (Before::take(), StateDir::make());
    let repository = state.path("repositories/p");
    repository::make(&repository, &[("model/m.py", "result = {'n': 1}\n")]);
    let repositories = state.path("repositories").to_str().unwrap().to_owned();
    let server = Server::start(&state, &[("CELLBLOCK_REPOSITORIES", &repositories)]);
    let new = json!({"name": "p", "repository": repository});
    twice(&server, "/v1/projects", &new, "/project_id");
    let other = under(&server, "a", "/v1/projects", &json!({"name": "q", "repository": "x"}));
    assert_eq!(other.status, 409, "{other:?}");
    let request_id = other.json()["request_id"].as_str().unwrap().to_owned();
    assert!(!request_id.is_empty() && other.head.contains(&request_id), "{other:?}");
    assert_eq!(server.ask("PUT", "/v1/projects/p/sources/a.csv", "n\n1\n").status, 201);
    twice(&server, "/v1/projects/p/snapshots", &json!({}), "/snapshot_id");
    let wanted = json!({"scope": "model", "model": "m"});
    let run = twice(&server, "/v1/projects/p/runs", &wanted, "/record/run_id");
    assert_eq!(count(&server), 1);
    let rerun = format!("/v1/records/{}/rerun", run["record"]["run_id"].as_str().unwrap());
    let again = twice(&server, &rerun, &json!({}), "/record/run_id");
    assert_ne!(again["record"]["run_id"], run["record"]["run_id"]);
    assert_eq!(count(&server), 2);
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}

#[test]
fn who_went_away_gets_the_answer_of_what_went_on() {
    let (before, state) = (Before::take(), StateDir::make());
    let repository = state.path("repositories/p");
    repository::make(&repository, &[("model/slow.py", SLOW)]);
    let repositories = state.path("repositories").to_str().unwrap().to_owned();
    let server = Server::start(&state, &[("CELLBLOCK_REPOSITORIES", &repositories)]);
    let new = json!({"name": "p", "repository": repository});
    assert_eq!(server.ask("POST", "/v1/projects", &new.to_string()).status, 201);
    let wanted = json!({"scope": "model", "model": "slow"});
    leave(&server, &wanted.to_string());
    let mut told = None;
    wait_until("it is answered", || {
        let answer = under(&server, "a", "/v1/projects/p/runs", &wanted);
        // Until then it is being carried out.
        assert!(matches!(answer.status, 200 | 409), "{answer:?}");
        told = (answer.status == 200).then(|| answer.json());
        told.is_some()
    });
    assert_eq!(told.unwrap()["record"]["status"], "success");
    assert_eq!(count(&server), 1);
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}

/// Asks for a run, and goes away when there is one.
fn leave(server: &Server, body: &str) {
    let address = server.address();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /v1/projects/p/runs HTTP/1.1\r\nhost: {address}\r\nidempotency-key: a\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    wait_until("it is asked for", || count(server) == 1);
    stream.set_nonblocking(true).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "it was answered before its client went away");
}
