//! What tools do, whichever way they are called.

use std::{env, fs, path::Path};

use serde_json::{Value, json};

use super::{
    messages::{refusal, told},
    stdio::Client,
};
use crate::fixture::{Before, StateDir};

/// Every tool as clients are shown it.
const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/serve/mcp/tools.json");

#[test]
fn the_tools_are_those_of_the_golden_file() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "full");
    let listed = client.result("tools/list", &json!({}));
    let text = format!("{}\n", serde_json::to_string_pretty(&listed["tools"]).unwrap());
    if env::var_os("CELLBLOCK_BLESS").is_some_and(|value| value == "1") {
        fs::write(GOLDEN, &text).unwrap();
    }
    let golden = fs::read_to_string(Path::new(GOLDEN)).unwrap_or_default();
    assert!(
        text == golden,
        "{GOLDEN} is out of date: CELLBLOCK_BLESS=1 cargo test -p cellblock --test serve mcp \
         writes it anew"
    );
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn each_profile_has_its_own() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "minimal");
    let listed = client.result("tools/list", &json!({}));
    let names: Vec<_> =
        listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["execute_code", "run_command", "read_file", "write_file"]);
    let id = client.ask("tools/call", &json!({"name": "list_files", "arguments": {}}));
    assert_eq!(client.answer(&id)["error"]["code"], -32602);
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn code_keeps_its_variables_and_its_failures_are_results() {
    let (before, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "default");
    let first = client.call("execute_code", json!({"code": "x = 6\nprint('made')"}));
    let first = told(&first);
    assert_eq!((&first["stdout"], &first["outcome"]), (&json!("made\n"), &json!("exited")));
    let session = first["session_id"].clone();
    let second = json!({"code": "x * 7", "session_id": session});
    let second = client.call("execute_code", second);
    assert_eq!(told(&second)["result"], "42");
    assert!(second["content"][0]["text"].as_str().unwrap().starts_with("[result]\n42\n[exited"));
    let raised = client.call("execute_code", json!({"code": "1 / 0", "session_id": session}));
    assert_eq!(told(&raised)["error"]["name"], "ZeroDivisionError");
    let shell = json!({"command": "echo out; echo err >&2; exit 3", "session_id": session});
    let shell = client.call("run_command", shell);
    let shell = told(&shell);
    assert_eq!((&shell["stdout"], &shell["stderr"]), (&json!("out\n"), &json!("err\n")));
    assert_eq!(shell["exit_code"], 3);
    let bash = json!({"code": "echo $((6 * 7))", "language": "bash", "session_id": session});
    assert_eq!(told(&client.call("execute_code", bash))["stdout"], "42\n");
    let slow = json!({"code": "while True: pass", "timeout_seconds": 1, "session_id": session});
    assert_eq!(told(&client.call("execute_code", slow))["outcome"], "timed_out");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
    before.nothing_is_left();
}

#[test]
fn what_cannot_be_done_is_told_with_what_to_do() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "full");
    let unknown = "00000000-0000-7000-8000-000000000000";
    let table = [
        ("execute_code", json!({}), "code"),
        ("execute_code", json!({"code": "1", "colour": "red"}), "colour"),
        ("execute_code", json!({"code": 1}), "code"),
        ("execute_code", json!({"code": "1", "timeout_seconds": -1}), "timeout_seconds"),
        ("execute_code", json!({"code": "1", "timeout_seconds": 1e9}), "timeout_seconds"),
        ("execute_code", json!({"code": "1", "wait_seconds": 0}), "wait_seconds"),
        ("execute_code", json!({"code": "1", "language": "klingon"}), "klingon"),
        ("execute_code", json!({"code": "1", "environment": "nowhere"}), "nowhere"),
        ("execute_code", json!({"code": "1", "session_id": unknown}), "session"),
        ("execute_code", json!({"code": "1", "session_id": "../x"}), "session"),
        ("execute_code", json!({"code": "1", "run_id": unknown}), "code"),
        ("execute_code", json!({"run_id": unknown}), "run_id"),
        ("run_command", json!({"session_id": unknown}), "command"),
        ("read_file", json!({"session_id": unknown, "path": "a"}), "session"),
        ("close_session", json!({"session_id": unknown}), "session"),
    ];
    for (name, arguments, part) in table {
        let refused = client.call(name, arguments.clone());
        let message = refusal(&refused)["message"].clone();
        assert!(message.as_str().unwrap().contains(part), "{name} {arguments}: {message}");
    }
    assert_eq!(told(&client.call("list_sessions", json!({})))["sessions"], json!([]));
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn files_are_written_read_edited_listed_and_deleted() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "full");
    let session = told(&client.call("execute_code", json!({"code": "pass"})))["session_id"].clone();
    let with = |more: Value| {
        let mut all = json!({"session_id": session, "path": "d/a b.txt"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let text: String = (1..=30).map(|line| format!("line {line}\n")).collect();
    let written = client.call("write_file", with(json!({"content": text})));
    assert_eq!(told(&written)["is_new"], true);
    let part = client.call("read_file", with(json!({"offset": 10, "limit": 2})));
    let part = told(&part);
    assert_eq!(
        (&part["content"], &part["next_offset"]),
        (&json!("line 10\nline 11\n"), &json!(12))
    );
    let edit = json!({"old_str": "line 7\n", "new_str": "seven\n"});
    told(&client.call("edit_file", with(edit)));
    let ambiguous = with(json!({"old_str": "line", "new_str": "x"}));
    refusal(&client.call("edit_file", ambiguous));
    let uri = format!("cellblock://sessions/{}/files/d/a%20b.txt", session.as_str().unwrap());
    let read = client.result("resources/read", &json!({"uri": uri}));
    assert!(read["contents"][0]["text"].as_str().unwrap().contains("seven\n"), "{read}");
    let listed = client.result("resources/list", &json!({}));
    let uris: Vec<_> =
        listed["resources"].as_array().unwrap().iter().map(|found| &found["uri"]).collect();
    assert_eq!(uris, [&json!("health://status"), &json!(uri)]);
    let found = client.call("list_files", json!({"session_id": session, "recursive": true}));
    assert_eq!(told(&found)["files"][1]["path"], "d/a b.txt");
    told(&client.call("delete_file", with(json!({}))));
    refusal(&client.call("read_file", with(json!({}))));
    for path in ["../../etc/hostname", "/etc/hostname", "a\0b", ""] {
        let out = json!({"session_id": session, "path": path, "content": "x"});
        refusal(&client.call("write_file", out));
    }
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn pictures_are_images_and_other_bytes_are_links() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "default");
    let code = "
data = b'\\x89PNG\\r\\n\\x1a\\n' + bytes(20)
open('p.png', 'wb').write(data)
open('b.bin', 'wb').write(bytes(range(256)))
class Picture:
    def _repr_png_(self):
        return data
Picture()";
    let shown = client.call("execute_code", json!({"code": code}));
    let session = told(&shown)["session_id"].clone();
    assert_eq!(told(&shown)["image_count"], 1, "{shown}");
    assert_eq!(shown["content"][1]["mimeType"], "image/png");
    let links: Vec<_> = shown["content"].as_array().unwrap().iter().skip(2).collect();
    assert_eq!(links.len(), 2, "{shown}");
    let read = client.call("read_file", json!({"session_id": session, "path": "p.png"}));
    assert_eq!(read["content"][1]["type"], "image");
    let read = client.call("read_file", json!({"session_id": session, "path": "b.bin"}));
    let uri = &read["content"][1]["uri"];
    let held = client.result("resources/read", &json!({"uri": uri}));
    let blob = held["contents"][0]["blob"].as_str().unwrap();
    assert!(blob.starts_with("AAECAwQF"), "{held}");
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}

#[test]
fn long_output_is_a_resource() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let mut client = Client::begin(&state, "default");
    let code = "print('a' + 'x' * 100_000 + 'z')";
    let long = client.call("execute_code", json!({"code": code}));
    assert_eq!(told(&long)["stdout_truncated"], true);
    assert!(told(&long)["stdout"].as_str().unwrap().len() < 20_000);
    let uri = &long["content"][1]["uri"];
    let whole = client.result("resources/read", &json!({"uri": uri}));
    assert_eq!(whole["contents"][0]["text"].as_str().unwrap().len(), 100_003);
    client.hang_up();
    assert_eq!(client.end(), Some(0));
}
