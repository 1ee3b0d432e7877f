//! How the server ends.

use rustix::process::Signal;

use crate::fixture::{Before, Server, StateDir, python, wait_until};

const LONG: &str = "import time; time.sleep(1000)";

fn is_ending(server: &Server) -> bool {
    server.ask("GET", "/ready", "").status == 503
}

#[test]
fn what_is_under_way_ends_and_nothing_new_begins() {
    let (before, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let session = server.ask("POST", "/v1/sessions", "{}");
    assert_eq!(session.status, 201, "{session:?}");
    let id = session.json()["session_id"].as_str().unwrap().to_owned();
    let run = server.asking("/v1/runs", python("import time; time.sleep(3); print('whole')"));
    server.wait_for_runs(1);
    server.signal(Signal::TERM);
    wait_until("it says that it ends", || is_ending(&server));
    assert_eq!(server.ask("GET", "/health", "").status, 200);
    let commands = format!("/v1/sessions/{id}/commands");
    let command = r#"{"shell":"true","background":true}"#;
    let new = [
        ("/v1/runs", python("1")),
        ("/v1/sessions", "{}".to_owned()),
        (&format!("/v1/sessions/{id}/turns"), r#"{"code":"1"}"#.to_owned()),
        (&commands, command.to_owned()),
    ];
    for (path, body) in new {
        let refused = server.ask("POST", path, &body);
        assert_eq!((refused.status, &refused.json()["error"]["code"]), (503, &"busy".into()));
        assert!(refused.head.contains("\r\nretry-after: "), "{refused:?}");
    }
    let run = run.join().unwrap().json();
    assert_eq!(run["result"]["stdout"]["head"], "whole\n", "{run}");
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}

#[test]
fn what_takes_too_long_is_cut_off_and_told_so() {
    let (before, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[("CELLBLOCK_DRAIN_TIMEOUT", "300ms")]);
    let run = server.asking("/v1/runs", python(LONG));
    server.wait_for_runs(1);
    server.signal(Signal::TERM);
    let run = run.join().unwrap().json();
    assert_eq!(run["result"]["outcome"], "cancelled", "{run}");
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (before, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[("CELLBLOCK_DRAIN_TIMEOUT", "1h")]);
    let id = server.ask("POST", "/v1/sessions", "{}").json()["session_id"].clone();
    let path = format!("/v1/sessions/{}/turns", id.as_str().unwrap());
    let turn = server.asking(path.leak(), serde_json::json!({ "code": LONG }).to_string());
    server.wait_for_runs(1);
    server.signal(Signal::TERM);
    wait_until("it says that it ends", || is_ending(&server));
    server.signal(Signal::INT);
    let turn = turn.join().unwrap();
    assert_eq!(turn.json()["outcome"], "cancelled", "{turn:?}");
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}
