//! Calls of tools, by the real kernel and by guests that are hostile.

use kernel::{
    CallId, Collector, KernelError, NoInput, TOOL_CONTENT_BYTES_MAX, ToolCall, ToolReply, ToolSpec,
    TurnStatus, Violation, machine::Event,
};
use rustix::process::Signal;

use crate::guest::{Guest, request};

fn tools(names: &[&str]) -> Vec<ToolSpec> {
    let tool = |name: &&str| ToolSpec { name: (*name).to_owned(), doc: String::new() };
    names.iter().map(tool).collect()
}

/// A kernel that has these tools.
async fn with_tools(names: &[&str]) -> Guest {
    let mut guest = Guest::python().await;
    guest.within(async |kernel| kernel.set_tools(&tools(names)).await).await.unwrap();
    guest
}

async fn next_call(guest: &mut Guest) -> (CallId, ToolCall) {
    match guest.within(async |kernel| kernel.next().await).await.unwrap() {
        Event::Call(id, call) => (id, call),
        other => panic!("{other:?}"),
    }
}

/// The rest of a turn: how it ended, and the plain text of its value.
async fn finish(guest: &mut Guest) -> (TurnStatus, Option<String>) {
    let mut sink = Collector::new();
    let end = guest.within(async |kernel| kernel.finish(&mut sink, &mut NoInput).await).await;
    let value = sink.take_result().map(|result| result.data["text/plain"].to_string());
    (end.unwrap().status, value)
}

fn content(text: &str) -> ToolReply {
    ToolReply::Content(text.to_owned())
}

#[tokio::test]
async fn a_call_goes_round() {
    let mut guest = with_tools(&["echo"]).await;
    guest.kernel.begin(&request("import _platform_tools as t\nt.echo(a='\u{e9}\"')")).unwrap();
    let (id, call) = next_call(&mut guest).await;
    assert_eq!((&*call.name, &*call.input), ("echo", "{\"a\":\"\u{e9}\\\"\"}"));
    assert_eq!(guest.kernel.calls().collect::<Vec<_>>(), [id]);
    guest.kernel.answer_call(id, &content("[1,\n2]")).unwrap();
    let again = guest.kernel.answer_call(id, &content("3")).unwrap_err();
    assert!(again.leaves_kernel_usable(), "{again:?}");
    assert_eq!(finish(&mut guest).await, (TurnStatus::Ok, Some("\"[1, 2]\"".to_owned())));
    guest.assert_alive().await;
}

#[tokio::test]
async fn who_has_no_tools_refuses_calls() {
    let mut guest = with_tools(&["echo"]).await;
    let turn = guest.run("import _platform_tools as t\nt.echo()").await;
    assert_eq!(turn.exception.unwrap().value, "there are no tools");
    guest.assert_alive().await;
}

#[tokio::test]
async fn too_long_an_answer_becomes_an_error() {
    let mut guest = with_tools(&["echo"]).await;
    let code = "import _platform_tools as t\ntry: t.echo()\nexcept t.ToolError as problem: \
                found = 'bytes' in str(problem)\nfound";
    for reply in [
        content(&"1".repeat(TOOL_CONTENT_BYTES_MAX + 1)),
        // Not JSON, and longer as a part of it than a frame may be.
        content(&"\u{1}".repeat(TOOL_CONTENT_BYTES_MAX)),
    ] {
        guest.kernel.begin(&request(code)).unwrap();
        let (id, _) = next_call(&mut guest).await;
        guest.kernel.answer_call(id, &reply).unwrap();
        assert_eq!(finish(&mut guest).await, (TurnStatus::Ok, Some("\"True\"".to_owned())));
    }
    // As long as it may be, and of what JSON has to escape.
    guest.kernel.begin(&request("len(t.echo())")).unwrap();
    let (id, _) = next_call(&mut guest).await;
    let long = format!("\"{}\"", "\\\\".repeat(TOOL_CONTENT_BYTES_MAX / 2 - 1));
    guest.kernel.answer_call(id, &content(&long)).unwrap();
    let length = (TOOL_CONTENT_BYTES_MAX / 2 - 1).to_string();
    assert_eq!(finish(&mut guest).await, (TurnStatus::Ok, Some(format!("\"{length}\""))));
}

#[tokio::test]
async fn answers_that_nobody_waits_for_do_not_stand_in_the_way() {
    let mut guest = with_tools(&["echo"]).await;
    let code = "import threading, _platform_tools as t\n\
                threads = [threading.Thread(target=lambda: t.echo()) for _ in range(7)]\n\
                for each in threads: each.start()\nt.echo()";
    guest.kernel.begin(&request(code)).unwrap();
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(next_call(&mut guest).await.0);
    }
    guest.signal(Signal::INT);
    // Far more than the socket holds.
    let long = content(&format!("\"{}\"", "x".repeat(1 << 20)));
    for id in ids {
        guest.kernel.answer_call(id, &long).unwrap();
    }
    assert_eq!(finish(&mut guest).await.0, TurnStatus::Interrupted);
    guest.kernel.check_idle().unwrap();
    guest.assert_alive().await;
}

/// A guest that makes calls as long as it is let, and reads only what it must.
const CALLS: &str = "_, token, _ = receive()\ndef call(number): send(74, token, {'call': number, \
                     'name': 'echo', 'input': '{}'})\n";

#[tokio::test]
async fn who_calls_and_does_not_read_is_given_no_more() {
    let mut guest = Guest::hostile_ready(&format!(
        "{CALLS}for number in range(1, 100): call(number)\ntime.sleep(60)"
    ))
    .await;
    guest.kernel.begin(&request("1")).unwrap();
    let long = content(&format!("\"{}\"", "x".repeat(1 << 20)));
    for answered in 0.. {
        let event = guest.within(async |kernel| kernel.next().await).await;
        match event {
            Ok(Event::Call(id, _)) => guest.kernel.answer_call(id, &long).unwrap(),
            Err(KernelError::Violation(Violation::Unread)) => return,
            other => panic!("{other:?}"),
        }
        assert!(answered < 10);
    }
}

#[tokio::test]
async fn calls_that_do_not_fit_are_violations() {
    let table = [
        ("call(2)", false),
        ("call(1); call(1)", false),
        ("for number in range(1, 20): call(number)", true),
        ("send(74, token, {'call': 1, 'name': 'echo', 'input': '[]'})", false),
        ("send(74, token, {'call': 1, 'name': 'echo', 'input': {}})", false),
        ("send(74, token, {'call': -1, 'name': 'echo', 'input': '{}'})", false),
        ("send(74, token, {'call': 1, 'name': 'e' * 1000, 'input': '{}'})", false),
        ("send(74, token ^ 1, {'call': 1, 'name': 'echo', 'input': '{}'})", false),
    ];
    for (acts, is_too_many) in table {
        let mut guest = Guest::hostile_ready(&format!("{CALLS}{acts}\ntime.sleep(60)")).await;
        guest.kernel.begin(&request("1")).unwrap();
        let error = loop {
            match guest.within(async |kernel| kernel.next().await).await {
                Ok(Event::Call(..)) => {}
                Ok(other) => panic!("{other:?}"),
                Err(error) => break error,
            }
        };
        let KernelError::Violation(violation) = error else { panic!("{acts}: {error:?}") };
        assert_eq!(violation == Violation::Calls, is_too_many, "{acts}: {violation:?}");
        assert!(!guest.kernel.is_idle());
    }
}
