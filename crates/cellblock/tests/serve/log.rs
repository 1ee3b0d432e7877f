//! What the server says of what it does.

use rustix::process::Signal;
use serde_json::Value;

use crate::fixture::{Before, Server, StateDir, python};

#[test]
fn every_request_is_a_line_of_json_without_anything_of_the_clients() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[("CELLBLOCK_LOG_FORMAT", "json")]);
    // What is no header at all is refused before it is a request.
    let broken = server.ask_with(("GET", "/health"), "user-agent: \x1b[2Jforged\r\n", "");
    assert_eq!(broken.status, 400, "{broken:?}");
    let odd = "user-agent: \u{9b}2J%s'; DROP TABLE--\r\nreferer: http://\u{9d}0;x\u{9c}/\r\n\
               accept-language: forged\\n{}\r\nx-request-id: mine-1\r\n\
               authorization: Bearer cbk_000000000000_secret\r\n";
    server.ask_with(("POST", "/v1/runs?label=hidden"), odd, &python("print('SECRET' * 2)"));
    server.ask("GET", "/no/such/hidden/path", "");
    server.signal(Signal::TERM);
    let (status, log) = server.end();
    assert_eq!(status, Some(0));
    for hidden in ["\x1b", "\u{9b}", "DROP", "forged", "SECRET", "secret", "hidden", "cbk_"] {
        assert!(!log.contains(hidden), "{hidden:?} in {log}");
    }
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<_> = lines.iter().filter(|line| line["message"] == "request").collect();
    assert_eq!(requests.len(), 2, "{log}");
    let first = requests[0];
    assert_eq!((&first["request_id"], &first["method"]), (&"mine-1".into(), &"POST".into()));
    assert_eq!((&first["route"], &first["tenant"]), (&"/v1/runs".into(), &"local".into()));
    assert!(first["status"].is_u64() && first["duration_us"].is_u64(), "{first}");
    assert_eq!((&requests[1]["route"], &requests[1]["status"]), (&"-".into(), &404.into()));
    assert!(first["timestamp"].is_string() && first["level"] == "INFO", "{first}");
}

#[test]
fn the_level_says_what_is_logged() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::start(&state, &[("LOG_LEVEL", "WARNING"), ("LOG_FORMAT", "json")]);
    server.ask("GET", "/health", "");
    server.signal(Signal::TERM);
    assert_eq!(server.end(), (Some(0), String::new()));
}

#[test]
fn who_does_not_read_the_log_holds_nobody_up() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let server = Server::unread(&state, &[]);
    // A pipe holds some hundred lines.
    for _ in 0..2000 {
        assert_eq!(server.ask("GET", "/health", "").status, 200);
    }
    server.signal(Signal::TERM);
    assert_eq!(server.end().0, Some(0));
}
