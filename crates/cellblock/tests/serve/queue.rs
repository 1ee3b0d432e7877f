//! A tenant's queue of project runs when it is full, as a client meets it.

use serde_json::Value;

use crate::{
    fixture::{Before, Server, StateDir, key, wait_until},
    repository,
};

/// Longer than the test.
const LONG: &str = "import time\ntime.sleep(600)\n";

#[test]
fn a_full_queue_refuses_one_more_and_takes_it_when_there_is_room() {
    let (_alone, state) = (Before::take(), StateDir::make());
    let repository = state.path("repository");
    repository::make(&repository, &[("model/long.py", LONG)]);
    let [one, other] = ["one", "other"].map(|tenant| key(&state, tenant, "run"));
    let directory = repository.to_str().unwrap();
    let vars = [("CELLBLOCK_WORKERS", "1"), ("CELLBLOCK_REPOSITORIES", directory)];
    let server = Server::start(&state, &vars);
    let ask = |key: &str, request: (&str, &str), body: &str| {
        server.ask_with(request, &format!("authorization: Bearer {key}\r\n"), body)
    };
    let run = |key: &str| {
        let body = r#"{"scope": "model", "model": "long", "mode": "async"}"#;
        ask(key, ("POST", "/v1/projects/p/runs"), body)
    };
    for key in [&one, &other] {
        let new = serde_json::json!({"name": "p", "repository": repository}).to_string();
        let added = ask(key, ("POST", "/v1/projects"), &new);
        assert_eq!(added.status, 201, "{added:?}");
    }
    let status = |id: &Value| {
        let path = format!("/v1/records/{}", id.as_str().unwrap());
        ask(&one, ("GET", &path), "").json()["status"].clone()
    };
    let first = run(&one).json()["record"]["run_id"].clone();
    wait_until("it has begun", || status(&first) == "running");
    let limits = ask(&one, ("GET", "/v1/limits"), "").json();
    let limit = limits["tenant"]["waiting_max"].as_u64().unwrap();
    for number in 0..limit {
        let queued = run(&one);
        assert_eq!(queued.status, 202, "{number}: {queued:?}");
    }

    let refused = run(&one);
    assert_eq!(refused.status, 429, "{refused:?}");
    assert!(refused.head.contains("retry-after: "), "{refused:?}");
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&limit.to_string()), "{message}");
    let listed = ask(&one, ("GET", "/v1/records?limit=500"), "").json();
    let kept = listed["records"].as_array().unwrap().len() as u64;
    assert_eq!(kept, limit + 1, "what is refused is no record");

    // It is that tenant's own queue that is full.
    assert_eq!(run(&other).status, 202);

    let path = format!("/v1/records/{}/cancel", first.as_str().unwrap());
    assert_eq!(ask(&one, ("POST", &path), "").status, 200);
    wait_until("there is room", || run(&one).status == 202);
}
