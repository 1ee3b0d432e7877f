//! The document that describes the routes, as clients that are made from it read it.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::Value;

use crate::fixture::{Before, Server, StateDir};

/// What makes something, and may be sent twice.
const CREATIONS: [&str; 9] = [
    "/v1/projects",
    "/v1/projects/{project}/runs",
    "/v1/projects/{project}/snapshots",
    "/v1/projects/{project}/sources",
    "/v1/records/{run_id}/rerun",
    "/v1/runs",
    "/v1/sessions",
    "/v1/sessions/{session_id}/commands",
    "/v1/sessions/{session_id}/turns",
];

/// The names of an operation's parameters that are in a place.
fn names(operation: &Value, place: &str) -> BTreeSet<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let there = parameters.filter(|parameter| parameter["in"] == place);
    there.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
}

/// The names that stand in a path.
fn named(path: &str) -> BTreeSet<String> {
    let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parts.map(str::to_owned).collect()
}

/// What is sent and answered, by media type.
fn bodies(operation: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let answers = operation["responses"].as_object().into_iter().flat_map(|all| all.values());
    let all = answers.chain([&operation["requestBody"]]);
    all.filter_map(|one| one["content"].as_object()).flatten()
}

fn parameter<'a>(operation: &'a Value, name: &str) -> &'a Value {
    let parameters = operation["parameters"].as_array().unwrap();
    parameters.iter().find(|parameter| parameter["name"] == name).unwrap()
}

#[test]
fn the_document_says_where_parameters_are() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let document = server.ask("GET", "/openapi.json", "").json();
    let paths = document["paths"].as_object().unwrap();
    let mut once = BTreeSet::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            assert_eq!(names(operation, "path"), named(path), "{method} {path}");
            if names(operation, "header").contains("Idempotency-Key") {
                assert_eq!(method, "post", "{path}");
                assert_eq!(parameter(operation, "Idempotency-Key")["required"], false);
                once.insert(path.as_str());
            }
        }
    }
    assert_eq!(once, BTreeSet::from(CREATIONS));
    for (path, name, is_required) in [
        ("/v1/records", "limit", false),
        ("/v1/records", "status", false),
        ("/v1/records/{run_id}", "wait_ms", false),
        ("/v1/records/{run_id}/compare", "with", true),
        ("/v1/records/{run_id}/outputs/content", "name", true),
        ("/v1/projects", "cursor", false),
        ("/v1/sessions/{session_id}/files/content", "path", true),
        ("/sessions/{session_id}/files/list", "path", false),
    ] {
        let found = parameter(&paths[path]["get"], name);
        assert_eq!(
            (&found["in"], &found["required"]),
            (&"query".into(), &is_required.into()),
            "{path}: {found}"
        );
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn clients_can_be_made_from_the_document() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let document = server.ask("GET", "/openapi.json", "").json();
    let paths = document["paths"].as_object().unwrap();
    let mut calls = BTreeSet::new();
    for operation in paths.values().flat_map(|methods| methods.as_object().unwrap().values()) {
        let call = operation["operationId"].as_str().unwrap();
        assert!(calls.insert(call), "two operations are called {call}");
        for (kind, body) in bodies(operation) {
            let is_list = body["schema"]["type"] == "array";
            assert!(!is_list || kind == "application/json", "{call}: {kind} is no list");
        }
    }
}
