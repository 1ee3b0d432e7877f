//! Standard streams: how it begins, what it survives, how it ends.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::json;

use super::{
    messages::{STATELESS, call, initialize, stateless, told},
    stdio::Client,
};
use crate::fixture::{Before, Server, StateDir};

const LONG: &str = "import time\nkept = 1\ntime.sleep(600)";

#[test]
fn every_revision_with_a_handshake_is_agreed_to() {
    let (_alone, state) = (Before::take(), StateDir::make());
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::start(&state, "default");
        client.say(&initialize(version));
        let answer = client.answer(&json!("init"));
        assert_eq!(answer["result"]["protocolVersion"], version);
        assert_eq!(answer["result"]["serverInfo"]["name"], "cellblock");
        assert!(answer["result"]["capabilities"]["tools"].is_object());
        assert!(answer["result"]["instructions"].as_str().unwrap().contains("session_id"));
        assert_eq!(client.result("ping", &json!({})), json!({}));
        client.hang_up();
        assert_eq!(client.end(), Some(0));
    }
}

#[test]
fn the_revision_without_a_handshake_is_spoken() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::start(&state, "default");
    client.say(&stateless(1, "server/discover", json!({})));
    let found = client.answer(&json!(1));
    let versions = found["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!(STATELESS)), "{found}");
    let run = call("execute_code", json!({"code": "6 * 7"}));
    client.say(&stateless(2, "tools/call", run));
    let answer = client.answer(&json!(2));
    assert_eq!(told(&answer["result"])["result"], "42");
    assert_eq!(answer["result"]["resultType"], "complete");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn garbage_ends_nothing() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::start(&state, "default");
    let odd = [
        "",
        "{",
        "hello",
        "\u{0}",
        "[]",
        "null",
        "{}",
        "[1,2]",
        "\"x\"",
        "{\"jsonrpc\":\"1.0\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{}}",
        "Content-Length: 2",
    ];
    let garbage = |count: usize| {
        let lines = (0..count).map(|number| format!("{}\n", odd[number % odd.len()]));
        lines.collect::<String>().into_bytes()
    };
    client.say_bytes(&garbage(10_000));
    client.say_bytes(b"\xff\xfe\x80\n");
    client.say(&initialize("2025-11-25"));
    assert!(client.answer(&json!("init"))["result"].is_object());
    client.say_bytes(&garbage(10_000));
    let deep = "[".repeat(100_000);
    client.say_bytes(format!("{deep}\n").as_bytes());
    assert_eq!(client.result("ping", &json!({})), json!({}));
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_message_that_is_too_long_is_refused_and_no_more() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "default");
    let code = "#".repeat(17 << 20);
    let long = call("execute_code", json!({"code": code}));
    let asked = client.ask("tools/call", &long);
    let refused = client.answer(&asked);
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("16777216 bytes"), "{message}");
    client.say_bytes(&[b"[".repeat(17 << 20), b"\n".to_vec()].concat());
    let refused = client.answer(&json!(null));
    assert_eq!((&refused["error"]["code"], refused.get("id")), (&json!(-32600), None));
    let fits = call("execute_code", json!({"code": format!("{}\n1", "#".repeat(1 << 20))}));
    let fits = client.result("tools/call", &fits);
    assert_eq!(told(&fits)["result"], "1");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn who_does_not_want_to_wait_asks_again() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "default");
    let code = "import time\ntime.sleep(3)\nprint('done')";
    let early = client.call("execute_code", json!({"code": code, "wait_seconds": 0.5}));
    let early = told(&early).clone();
    assert_eq!((&early["status"], &early["outcome"]), (&json!("running"), &json!(null)));
    let again = client.call("execute_code", json!({"run_id": early["run_id"]}));
    let again = told(&again);
    assert_eq!((&again["status"], &again["stdout"]), (&json!("ended"), &json!("done\n")));
    assert_eq!(again["session_id"], early["session_id"]);
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_takes_long_is_told_of_and_can_be_taken_back() {
    let (before, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "default");
    let session = told(&client.call("execute_code", json!({"code": "1"})))["session_id"].clone();
    let mut long = call("execute_code", json!({"code": LONG, "session_id": session}));
    long["_meta"] = json!({"progressToken": "p"});
    long["arguments"]["timeout_seconds"] = json!(900);
    let id = client.ask("tools/call", &long);
    let progress = client.hear(Duration::from_secs(15)).unwrap();
    assert_eq!(progress["method"], "notifications/progress");
    assert_eq!(progress["params"]["progressToken"], "p");
    client.say(&json!({
        "jsonrpc": "2.0",
        "method": "notifications/cancelled",
        "params": {"requestId": id, "reason": "enough"},
    }));
    let began = Instant::now();
    let next = client.call("execute_code", json!({"code": "kept", "session_id": session}));
    assert_eq!(told(&next)["result"], "1", "{next}");
    assert!(began.elapsed() < Duration::from_secs(60));
    assert!(client.aside.iter().all(|message| message["id"] != id), "{:?}", client.aside);
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    before.nothing_is_left();
}

#[test]
fn it_ends_with_its_input_or_when_it_is_told_to() {
    let (before, state) = (Before::take(), StateDir::make());
    let mut client = Client::start(&state, "default");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    for is_told in [false, true] {
        let mut client = Client::begin(&state, "default");
        client.ask("tools/call", &call("execute_code", json!({"code": LONG})));
        let other = client.call("execute_code", json!({"code": "1"}));
        told(&other);
        if is_told {
            client.signal(Signal::TERM);
        } else {
            client.hang_up();
        }
        assert_eq!(client.end(), Some(0));
        before.nothing_is_left();
    }
}

#[test]
fn it_works_beside_a_server() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let mut client = Client::begin(&state, "default");
    assert_eq!(told(&client.call("execute_code", json!({"code": "1 + 1"})))["result"], "2");
    let status = client.result("resources/read", &json!({"uri": "health://status"}));
    assert!(status["contents"][0]["text"].as_str().unwrap().contains("\"sessions\":1"));
    assert_eq!(server.ask("GET", "/ready", "").status, 200);
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    sleep(Duration::from_millis(10));
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}
