//! HTTP: both generations, whose sessions they are, and what is refused.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use rustix::process::Signal;
use serde_json::json;

use super::{
    http::{Client, messages, standard},
    messages::{call, initialize, refusal, stateless, told},
};
use crate::fixture::{Before, Server, StateDir, key};

const LONG: &str = "import time\ntime.sleep(600)";

#[test]
fn a_session_of_the_protocol_lives_until_it_is_deleted() {
    let (before, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let client = Client::new(&server, None).begin();
    let notice = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(client.post(&notice).status, 202);
    let tools = client.result("tools/list", &json!({}));
    assert_eq!(tools["tools"][0]["name"], "run");
    let run = call("execute_code", json!({"code": "6 * 7"}));
    assert_eq!(told(&client.result("tools/call", &run))["result"], "42");
    assert_eq!(client.send("DELETE", "").status, 202);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(client.post(&ping).status, 404);
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}

#[test]
fn a_request_that_says_all_of_itself_needs_no_session() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let ask = |headers: &str, message: &serde_json::Value| {
        server.ask_with(("POST", "/mcp"), headers, &message.to_string())
    };
    let found =
        ask(&standard("server/discover", None), &stateless(1, "server/discover", json!({})));
    assert_eq!(found.status, 200, "{found:?}");
    assert!(!found.head.contains("mcp-session-id"));
    let run = stateless(2, "tools/call", call("execute_code", json!({"code": "6 * 7"})));
    let answer = ask(&standard("tools/call", Some("execute_code")), &run);
    let answer = messages(&answer).pop().unwrap();
    assert_eq!(told(&answer["result"])["result"], "42");
    assert_eq!(answer["result"]["resultType"], "complete");
    let wrong = ask(&standard("tools/call", Some("read_file")), &run);
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let gone = server.ask_with(("GET", "/mcp"), &standard("ping", None), "");
    assert_eq!(gone.status, 405);
    let unknown = stateless(3, "no/such", json!({}));
    assert_eq!(ask(&standard("no/such", None), &unknown).status, 404);
}

#[test]
fn what_one_tenant_has_another_does_not_see() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let [one, two, reader] = [("one", "run"), ("two", "run"), ("one", "read")]
        .map(|(tenant, scope)| key(&state, tenant, scope));
    let server = Server::start(&state, &[]);
    let nobody = Client::new(&server, None).post(&initialize("2025-11-25"));
    assert_eq!(nobody.status, 401);
    assert!(nobody.head.contains("www-authenticate: bearer"), "{nobody:?}");
    let client = Client::new(&server, Some(&one)).with_tools("full").begin();
    let run = call("execute_code", json!({"code": "secret = 1"}));
    let session = told(&client.result("tools/call", &run))["session_id"].clone();
    let other = Client::new(&server, Some(&two)).with_tools("full").begin();
    let steal = call("execute_code", json!({"code": "secret", "session_id": session}));
    assert_eq!(refusal(&other.result("tools/call", &steal))["error"], "not_found");
    let listed = other.result("tools/call", &call("list_sessions", json!({})));
    assert_eq!(told(&listed)["sessions"], json!([]));
    let uri = format!("cellblock://sessions/{}/files/a", session.as_str().unwrap());
    let read =
        json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}});
    assert!(messages(&other.post(&read))[0]["error"].is_object());
    let looking = Client::new(&server, Some(&reader)).begin();
    assert_eq!(refusal(&looking.result("tools/call", &steal))["error"], "forbidden");
    let kept = call("execute_code", json!({"code": "secret", "session_id": session}));
    assert_eq!(told(&client.result("tools/call", &kept))["result"], "1");
}

#[test]
fn a_session_of_the_protocol_is_its_tenants_alone() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let (one, two) = (key(&state, "one", "run"), key(&state, "two", "run"));
    let server = Server::start(&state, &[]);
    let begun = Client::new(&server, Some(&one)).post(&initialize("2025-11-25"));
    let seat = begun.head.lines().find(|line| line.starts_with("mcp-session-id: ")).unwrap();
    let thief = Client::new(&server, Some(&two)).with(seat);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(thief.post(&ping).status, 404);
    thief.send("DELETE", "");
    let owner = Client::new(&server, Some(&one)).with(seat);
    assert_eq!(owner.post(&ping).status, 200);
}

#[test]
fn what_is_no_message_of_a_client_is_refused() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    let client = || Client::new(&server, None);
    for body in ["", "{", "[]", "null", "\0", "{\"jsonrpc\":\"1.0\"}", &"[".repeat(200_000)] {
        let status = client().send("POST", body).status;
        assert!((400..500).contains(&status), "{status} {body:.20}");
    }
    let begin = initialize("2025-11-25");
    assert_eq!(client().with("origin: http://evil.example").post(&begin).status, 403);
    assert_eq!(client().with("origin: null").post(&begin).status, 403);
    assert_eq!(client().with_tools("everything").post(&begin).status, 400);
    assert_eq!(client().send("PUT", "{}").status, 405);
    assert_eq!(client().send("GET", "").status, 400);
    let unknown = client().with("mcp-session-id: 00000000-0000-0000-0000-000000000000");
    assert_eq!(unknown.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).status, 404);
    let long = format!("{{\"padding\": \"{}\"}}", "x".repeat(17 << 20));
    assert_eq!(client().send("POST", &long).status, 413);
    assert_eq!(client().post(&begin).status, 200);
}

#[test]
fn who_goes_away_takes_a_stateless_call_back() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[]);
    for with_progress in [false, true] {
        let mut run = stateless(1, "tools/call", call("execute_code", json!({"code": LONG})));
        run["params"]["arguments"]["timeout_seconds"] = json!(900);
        if with_progress {
            run["params"]["_meta"]["progressToken"] = json!(7);
        }
        let body = run.to_string();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let headers = standard("tools/call", Some("execute_code"));
        write!(
            stream,
            "POST /mcp HTTP/1.1\r\nhost: {}\r\n{headers}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            server.address(),
            body.len()
        )
        .unwrap();
        server.wait_for_runs(1);
        if with_progress {
            // Its answer has begun.
            let mut begun = [0; 15];
            stream.read_exact(&mut begun).unwrap();
            assert_eq!(&begun, b"HTTP/1.1 200 OK");
        }
        drop(stream);
        server.wait_for_runs(0);
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn a_client_that_only_listens_holds_nobody_up() {
    let (before, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[("CELLBLOCK_DRAIN_TIMEOUT", "1h")]);
    let begun = Client::new(&server, None).post(&initialize("2025-11-25"));
    let seat = begun.head.lines().find(|line| line.starts_with("mcp-session-id: ")).unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "GET /mcp HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n{seat}\r\n\r\n",
        server.address()
    )
    .unwrap();
    let mut head = [0; 15];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
    before.nothing_is_left();
}
