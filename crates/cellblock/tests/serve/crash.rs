//! What is there after the server was killed.

use std::{fs, io::Read};

use rustix::process::Signal;

use crate::fixture::{Before, Server, StateDir, command, is_empty};

#[test]
fn a_killed_server_leaves_nothing_for_the_next_one() {
    let (before, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let session = server.ask("POST", "/v1/sessions", "{}").json();
    let id = session["session_id"].as_str().unwrap();
    let command = r#"{"shell":"setsid sleep 1000 & sleep 1000","background":true}"#;
    let begun = server.ask("POST", &format!("/v1/sessions/{id}/commands"), command);
    assert_eq!(begun.status, 201, "{begun:?}");
    let run = r#"{"shell":"setsid sleep 1000 & sleep 1000","mode":"async",
                 "files":[{"path":"a","content":"b"}]}"#;
    assert_eq!(server.ask("POST", "/v1/runs", run).status, 202);
    server.wait_for_runs(1);
    assert!(!is_empty(&state.path("state/scratch")));
    let killed = server.pid();
    server.signal(Signal::KILL);
    assert_eq!(server.end().0, None);

    let next = Server::start(&state, &[]);
    assert!(is_empty(&state.path("state/scratch")));
    assert_eq!(next.ask("GET", "/ready", "").status, 200);
    assert_eq!(next.ask("GET", &format!("/v1/sessions/{id}"), "").status, 404);
    before.wait_for_no_cgroup_of(killed);
    next.signal(Signal::TERM);
    assert_eq!(next.end().0, Some(0));
    before.nothing_is_left();
}

#[test]
fn a_second_server_on_the_same_directory_is_refused() {
    let (before, state) = (Before::take(), StateDir::make());
    let first = Server::start(&state, &[]);
    fs::create_dir_all(state.path("state/scratch/kept")).unwrap();
    let mut second = command(&state, &[]).spawn().unwrap();
    let mut said = String::new();
    second.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(125));
    assert!(said.starts_with("cellblock: another server uses the state directory"), "{said}");
    assert!(said.contains("--state-dir"), "{said}");
    assert!(!is_empty(&state.path("state/scratch")));
    first.signal(Signal::TERM);
    assert_eq!(first.end().0, Some(0));
    before.nothing_is_left();
}
