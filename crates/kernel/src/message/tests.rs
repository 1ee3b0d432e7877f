//! Bodies: what is read, what is passed over, what is refused.

use serde_json::json;

use super::*;

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap()
}

/// A body that is complete, and what reads it.
type Case = (GuestKind, Value, fn(&[u8]) -> Option<Violation>);

fn cases() -> [Case; 10] {
    [
        (GuestKind::Call, json!({"call": 1, "name": "echo", "input": "{}"}), |body| {
            call(body).err()
        }),
        (
            GuestKind::Ready,
            json!({"protocol": 1, "python": "3.11.7", "implementation": "cpython",
                   "ipython": false, "pid": 1}),
            |body| hello(body).err(),
        ),
        (
            GuestKind::Display,
            json!({"data": {"text/plain": "x"}, "metadata": {}, "display_id": null,
                   "update": false}),
            |body| display(body).err(),
        ),
        (
            GuestKind::Result,
            json!({"data": {"text/plain": "x"}, "metadata": {}, "count": 3}),
            |body| result(body).err(),
        ),
        (GuestKind::Clear, json!({"wait": true}), |body| clear(body).err()),
        (GuestKind::Input, json!({"prompt": "> ", "password": false}), |body| input(body).err()),
        (
            GuestKind::Error,
            json!({"name": "KeyError", "value": "'x'", "traceback": ["KeyError: 'x'"]}),
            |body| exception(body).err(),
        ),
        (GuestKind::Done, json!({"status": "exit", "count": 3, "exit_code": 7}), |body| {
            done(body).err()
        }),
        (GuestKind::Reply, json!({"matches": ["print"], "start": 0, "end": 3}), |body| {
            completion(body, 3).err()
        }),
        (GuestKind::Reply, json!({"found": false}), |body| inspection(body).err()),
    ]
}

#[test]
fn complete_bodies_are_read_and_unknown_keys_passed_over() {
    for (kind, mut body, read) in cases() {
        assert_eq!(read(&bytes(&body)), None, "{kind}");
        body["unknown"] = json!({"a": [1, 2, {"b": null}]});
        assert_eq!(read(&bytes(&body)), None, "{kind}");
    }
}

#[test]
fn a_missing_key_is_told() {
    for (kind, body, read) in cases() {
        for key in body.as_object().unwrap().keys() {
            let mut less = body.clone();
            less.as_object_mut().unwrap().remove(key);
            let violation = read(&bytes(&less));
            let problem = "a key is missing or holds the wrong thing";
            assert!(
                matches!(violation, Some(Violation::Body { kind: k, problem: p, .. })
                    if k == kind && p == problem),
                "{kind} without {key}: {violation:?}"
            );
        }
    }
}

#[test]
fn a_wrong_value_is_told() {
    for (kind, body, read) in cases() {
        for key in body.as_object().unwrap().keys() {
            let mut wrong = body.clone();
            wrong[key] = json!([[1.5]]);
            assert!(matches!(read(&bytes(&wrong)), Some(Violation::Body { .. })), "{kind} {key}");
        }
    }
}

#[test]
fn what_is_no_object_is_refused() {
    let deep = format!("{{\"data\": {}", "[".repeat(100_000));
    let table: [(&[u8], &str); 9] = [
        (b"", "not a JSON object"),
        (b"null", "not a JSON object"),
        (br#"["ok", 1, null]"#, "not a JSON object"),
        (b"{", "it ends too soon"),
        (b"{} {}", "a key is missing or holds the wrong thing"),
        (b"{\"status\": \"\xff\"}", "not JSON"),
        (b"{\"status\": NaN}", "not JSON"),
        (br#"{"status": "\ud800"}"#, "not JSON"),
        (deep.as_bytes(), "not JSON"),
    ];
    for (kind, _, read) in cases() {
        for (body, problem) in table {
            let violation = read(body);
            let text = String::from_utf8_lossy(&body[..body.len().min(40)]);
            assert!(matches!(violation, Some(Violation::Body { .. })), "{kind} {text}");
            if kind == GuestKind::Done && body.len() < 1000 {
                let Some(Violation::Body { problem: told, .. }) = violation else { continue };
                assert_eq!(told, problem, "{text}");
            }
        }
    }
}

#[test]
fn deep_values_are_refused_and_do_not_exhaust_the_stack() {
    let body = |depth| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(
            r#"{{"data": {{"application/json": {value}}}, "metadata": {{}}, "display_id": null,
                "update": false}}"#
        )
    };
    assert!(display(body(100).as_bytes()).is_ok());
    assert!(matches!(display(body(200).as_bytes()), Err(Violation::Body { .. })));
    assert!(matches!(display(body(1_000_000).as_bytes()), Err(Violation::Body { .. })));
    let unknown =
        format!(r#"{{"wait": true, "x": {}{}}}"#, "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert!(clear(unknown.as_bytes()).is_ok());
}

#[test]
fn a_violation_quotes_nothing() {
    let secret = "do not show".repeat(1000);
    let violation = done(&bytes(&json!({"status": secret, "count": 1, "exit_code": null})));
    let text = violation.unwrap_err().to_string();
    assert!(text.len() < 200 && !text.contains("do not show"), "{text}");
}

#[test]
fn the_ways_a_turn_ends() {
    let read = |status: &str, exit_code: Value| {
        done(&bytes(&json!({"status": status, "count": 4, "exit_code": exit_code})))
    };
    let table = [
        ("ok", json!(null), Some(TurnStatus::Ok)),
        ("error", json!(null), Some(TurnStatus::Raised)),
        ("interrupted", json!(null), Some(TurnStatus::Interrupted)),
        ("exit", json!(0), Some(TurnStatus::Exited { code: 0 })),
        ("exit", json!(255), Some(TurnStatus::Exited { code: 255 })),
        ("exit", json!(256), None),
        ("exit", json!(-1), None),
        ("exit", json!(null), None),
        ("died", json!(null), None),
    ];
    for (status, code, expected) in table {
        let expected = expected.map(|status| TurnEnd { status, count: 4 });
        assert_eq!(read(status, code.clone()).ok(), expected, "{status} {code}");
    }
}

#[test]
fn a_completion_stays_within_the_code() {
    let read = |start: i64, end: i64| {
        completion(&bytes(&json!({"matches": [], "start": start, "end": end})), 5).is_ok()
    };
    assert!(read(0, 0) && read(0, 5) && read(5, 5));
    assert!(!read(0, 6) && !read(3, 2) && !read(-1, 2));
}

#[test]
fn another_protocol_is_told_from_nonsense() {
    let ready = cases().into_iter().find(|(kind, ..)| *kind == GuestKind::Ready);
    let (_, mut body, _) = ready.unwrap();
    body["protocol"] = json!(2);
    assert_eq!(hello(&bytes(&body)), Err(Violation::Protocol { version: 2 }));
}

#[test]
fn numbers_and_kinds_are_one_to_one() {
    for number in 0..=255 {
        match GuestKind::from_number(number) {
            Ok(kind) => assert_eq!(kind.number(), number),
            Err(violation) => assert_eq!(violation, Violation::Kind { kind: number }),
        }
    }
    let known = (0..=255).filter(|number| GuestKind::from_number(*number).is_ok());
    assert_eq!(known.count(), GuestKind::ALL.len());
}
