//! What one tenant has that others have not.

use std::fs;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::fixture::{Before, Server, StateDir, command, key, program};

fn write(state: &StateDir, text: &str) -> String {
    let path = state.path("config.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_tenant_has_the_limits_of_its_table_and_is_told_so() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let keys = ["big", "small"].map(|tenant| key(&state, tenant, "run"));
    let [big, small] = keys.map(|key| format!("authorization: Bearer {key}\r\n"));
    let text = "tenant_sessions_max = 1\ntenant_runs_per_minute = 500\n\
                [tenants.big]\nsessions_max = 3\nruns_max = 5\nworkspace_size = '1T'\n";
    let server = Server::start(&state, &[("CELLBLOCK_CONFIG", &write(&state, text))]);
    let told = |headers: &str| {
        server.ask_with(("GET", "/v1/limits"), headers, "").json()["tenant"].clone()
    };
    let expected = json!({"sessions_max": 3, "runs_max": 5, "waiting_max": 64,
        "runs_per_minute": 500, "workspace_bytes_max": 1_u64 << 40, "streams_max": 64});
    assert_eq!(told(&big), expected);
    assert_eq!(told(&small)["sessions_max"], 1);
    assert_eq!(told(&small)["runs_max"], 16);
    let make = |headers: &str| server.ask_with(("POST", "/v1/sessions"), headers, "{}").status;
    assert_eq!([make(&big), make(&big), make(&big), make(&big)], [201, 201, 201, 429]);
    assert_eq!([make(&small), make(&small)], [201, 429]);
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn who_needs_no_key_has_all_that_there_is_unless_named() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let told = server.ask("GET", "/v1/limits", "").json()["tenant"].clone();
    assert_eq!((&told["sessions_max"], &told["runs_per_minute"]), (&Value::Null, &Value::Null));
    drop(server);
    let path = write(&state, "[tenants.local]\nruns_per_minute = 1\n");
    let server = Server::start(&state, &[("CELLBLOCK_CONFIG", &path)]);
    let run = || server.ask("POST", "/v1/runs", r#"{"shell": "true"}"#);
    assert_eq!(run().status, 200);
    let refused = run();
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.head.contains("retry-after: "), "{refused:?}");
}

#[test]
fn a_server_does_not_start_with_limits_that_make_no_sense() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let table = [
        ("[tenants.acme]\nruns_max = 0", "tenants.acme.runs_max from file"),
        ("[tenants.acme]\nruns = 1", "the keys are sessions_max, runs_max, runs_per_minute"),
        ("[tenants.ACME]\nruns_max = 1", "tenants.ACME from file"),
        ("tenants = 'acme'", "expected a table such as [tenants.acme]"),
    ];
    for (text, expected) in table {
        let path = write(&state, text);
        let came = command(&state, &[("CELLBLOCK_CONFIG", &path)]).output().unwrap();
        let said = String::from_utf8(came.stderr).unwrap();
        assert!(!came.status.success() && said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn config_show_has_every_tenant() {
    let state = StateDir::make();
    let path = write(&state, "[tenants.acme]\nruns_max = 7\nworkspace_size = '2G'\n");
    let mut command = program(&state, &[("CELLBLOCK_CONFIG", &path)]);
    let came = command.args(["config", "show"]).output().unwrap();
    let said = String::from_utf8(came.stdout).unwrap();
    let row = |key: &str| {
        let line = said.lines().find(|line| line.starts_with(key)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("tenants.acme.runs_max"), format!("7 file {path}"));
    assert_eq!(row("tenants.acme.workspace_size"), format!("2G file {path}"));
}
