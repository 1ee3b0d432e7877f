//! Messages of both generations of the protocol.

use serde_json::{Value, json};

/// The revision that needs no session.
pub(super) const STATELESS: &str = "2026-07-28";

pub(super) fn initialize(version: &str) -> Value {
    let params = json!({
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    });
    request(json!("init"), "initialize", &params)
}

pub(super) fn request(id: Value, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// A request that says all of itself.
pub(super) fn stateless(id: u64, method: &str, mut params: Value) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params["_meta"] = meta;
    request(json!(id), method, &params)
}

pub(super) fn call(name: &str, arguments: Value) -> Value {
    json!({"name": name, "arguments": arguments})
}

/// The error that a tool told.
#[track_caller]
pub(super) fn refusal(result: &Value) -> Value {
    assert_eq!(result["isError"], true, "{result}");
    assert_eq!(result.get("structuredContent"), None, "{result}");
    let text = result["content"][0]["text"].as_str().unwrap();
    let told: Value = serde_json::from_str(text).unwrap();
    assert!(told["message"].is_string() && told["hint"].is_string(), "{told}");
    told
}

/// What a tool answered for programs.
#[track_caller]
pub(super) fn told(result: &Value) -> &Value {
    assert_eq!(result["isError"], false, "{result}");
    assert!(result["content"][0]["text"].is_string(), "{result}");
    &result["structuredContent"]
}
