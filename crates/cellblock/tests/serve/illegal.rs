//! Requests about projects that cannot be answered as they are meant, and what is said.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    fixture::{Before, Server, StateDir, program},
    repository,
};

/// A server with a project that has data and a run.
fn prepared(state: &StateDir) -> (Server, Value) {
    let repository = state.path("repositories/p");
    repository::make(&repository, &[("model/m.py", "print('said')\n")]);
    let repositories = state.path("repositories").to_str().unwrap().to_owned();
    let server = Server::start(state, &[("CELLBLOCK_REPOSITORIES", &repositories)]);
    let new = json!({"name": "p", "repository": repository});
    assert_eq!(server.ask("POST", "/v1/projects", &new.to_string()).status, 201);
    assert_eq!(server.ask("PUT", "/v1/projects/p/sources/a.csv", "n\n1\n").status, 201);
    let wanted = json!({"scope": "model", "model": "m"}).to_string();
    let run = server.ask("POST", "/v1/projects/p/runs", &wanted);
    assert_eq!(run.status, 200, "{run:?}");
    (server, run.json()["record"].clone())
}

#[track_caller]
fn refused(server: &Server, (method, path): (&str, &str), body: &str, told: (u16, &str)) {
    let (status, part) = told;
    let answer = server.ask(method, path, body);
    assert_eq!(answer.status, status, "{method} {path} {body}: {answer:?}");
    let error = answer.json()["error"].clone();
    let message = error["message"].as_str().unwrap_or_default();
    assert!(message.contains(part), "{method} {path} {body}: {error}");
}

#[test]
fn what_cannot_be_is_refused_in_plain_words() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let (server, record) = prepared(&state);
    let events = format!("/v1/records/{}/events", record["run_id"].as_str().unwrap());
    let far = format!("{events}?from=99999999999");
    let table = [
        (("GET", "/v1/projects/p/snapshots/zzz"), "", (404, "no snapshot \"zzz\"")),
        (("PUT", "/v1/projects/p/sources/%ff.csv"), "n\n", (400, "not text in UTF-8")),
        (("GET", "/v1/sessions/%ff"), "", (400, "not text in UTF-8")),
        (("PUT", "/v1/projects/p/sources/a.exe"), "MZ", (415, ".xlsm, .parquet, .json")),
        (("PUT", "/v1/projects/p/sources/b"), "n\n1\n", (415, ".csv, .tsv")),
        (("PUT", "/v1/projects/p/sources/b.csv"), "", (415, "\"b.csv\" is empty")),
        (("PUT", "/v1/projects/p/sources/b.xlsx"), "n\n", (415, "suffix of XLSX and holds CSV")),
        (("GET", "/v1/projects/p/versions?limit=51"), "", (400, "from 1 to 50")),
        (("GET", "/v1/projects/p/versions?limit=0"), "", (400, "from 1 to 50")),
        (("GET", "/v1/projects/p/versions?skip=99999999999"), "", (400, "from 0 to 1000000")),
        (("GET", "/v1/records?limit=many"), "", (400, "limit: it has to be a whole number")),
        (("GET", "/v1/records?status=gone"), "", (400, "status: unknown value `gone`")),
        (("GET", "/v1/records?colour=red"), "", (400, "unknown parameter `colour`")),
        (("GET", far.as_str()), "", (400, "from has to be from 0 to 10001")),
    ];
    for (request, body, told) in table {
        refused(&server, request, body, told);
    }
    // What was refused as data is not there, and what was taken is under its name.
    assert_eq!(server.ask("DELETE", "/v1/projects/p/sources/a.csv", "").status, 204);
    let sources = server.ask("GET", "/v1/projects/p/sources", "").json()["sources"].clone();
    assert_eq!(sources, json!([]));
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_run_is_given_what_it_asks_for_or_refused() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let (server, record) = prepared(&state);
    let time = "more than 0 and at most 300 seconds";
    for (more, part) in [
        (json!({"wall_time_ms": 0}), time),
        (json!({"wall_time_ms": 300_001}), time),
        (json!({"wall_time_ms": 600_000}), time),
        (json!({"wall_time_ms": u64::MAX}), time),
        (json!({"attempts_max": 0}), "attempts_max has to be from 1 to 10"),
        (json!({"attempts_max": 11}), "attempts_max has to be from 1 to 10"),
    ] {
        let mut wanted = json!({"scope": "model", "model": "m", "mode": "async"});
        wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let runs = ("POST", "/v1/projects/p/runs");
        refused(&server, runs, &wanted.to_string(), (422, part));
    }
    let mut command = program(&state, &[]);
    command.args(["runs", "run", "p", "--model", "m", "-t", "10m", "--state-dir"]);
    let refused_there = command.arg(state.path("state")).output().unwrap();
    assert!(!refused_there.status.success(), "{refused_there:?}");
    assert!(String::from_utf8_lossy(&refused_there.stderr).contains(time), "{refused_there:?}");
    let listed = server.ask("GET", "/v1/records", "").json();
    assert_eq!(listed["records"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(server.ask("DELETE", "/v1/projects/p", "").status, 204);
    let rerun = format!("/v1/records/{}/rerun", record["run_id"].as_str().unwrap());
    refused(&server, ("POST", &rerun), "", (422, "the project of the run is gone"));
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn who_has_more_events_than_there_are_begins_at_the_end() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let (server, record) = prepared(&state);
    let events = |query: &str| {
        let path = format!("/v1/records/{}/events{query}", record["run_id"].as_str().unwrap());
        let answer = server.ask_with(("GET", &path), "accept: application/x-ndjson\r\n", "");
        let lines = answer.body.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let all = events("");
    let end = all.last().unwrap();
    assert_eq!(end["type"], "run.completed", "{all:?}");
    assert!(all.len() > 1, "{all:?}");
    for query in ["?from=500", "?from=10001"] {
        let found = events(query);
        assert_eq!((found.len(), &found[0]["seq"]), (1, &end["seq"]), "{query}: {found:?}");
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}
