//! Turns of the real kernel with code that behaves, and code that merely fails.

use std::time::Duration;

use api::{InputReply, TurnRequest};
use kernel::{Collector, KernelError, NoInput, TurnEvent, TurnStatus, machine::Event};
use rustix::process::Signal;
use tokio::time::{sleep, timeout};

use crate::guest::{Guest, Silent, request};

#[tokio::test]
async fn results_and_state_last_from_turn_to_turn() {
    let mut guest = Guest::python().await;
    let hello = guest.hello.clone().unwrap();
    assert!(hello.python.starts_with("3."), "{hello:?}");
    let turn = guest.run("x = 20").await;
    assert_eq!((turn.status(), turn.result), (TurnStatus::Ok, None));
    let turn = guest.run("x * 2 + 2").await;
    assert_eq!((turn.text(), turn.status()), ("42", TurnStatus::Ok));
    assert_eq!(turn.end.count, 2);
}

#[tokio::test]
async fn displays_come_in_order_with_their_forms() {
    let mut guest = Guest::python().await;
    let turn = guest
        .run(
            "class Page:\n  def _repr_html_(self): return '<b>x</b>'\n  def __repr__(self): \
             return 'page'\ndisplay('one')\ndisplay(Page())\nPage()",
        )
        .await;
    assert_eq!(turn.shown(), ["'one'", "page"]);
    assert_eq!(turn.displays[1].data["text/html"], "<b>x</b>");
    assert_eq!(turn.result.unwrap().data["text/html"], "<b>x</b>");
}

#[tokio::test]
async fn exceptions_are_told_and_the_kernel_lives_on() {
    let mut guest = Guest::python().await;
    let turn = guest.run("y = 1\nraise KeyError('gone')").await;
    assert_eq!(turn.status(), TurnStatus::Raised);
    let exception = turn.exception.unwrap();
    assert_eq!((&*exception.name, &*exception.value), ("KeyError", "'gone'"));
    assert!(exception.traceback.join("\n").contains("raise KeyError('gone')"));
    assert_eq!(guest.run("def broken(:").await.exception_name(), "SyntaxError");
    assert_eq!(guest.run("y").await.text(), "1");
}

#[tokio::test]
async fn text_that_is_no_unicode_does_not_cost_the_kernel() {
    let mut guest = Guest::python().await;
    let turn = guest.run("raise ValueError('\\udcff')").await;
    assert_eq!(turn.exception_name(), "ValueError");
    let code = "class Odd:\n  def __repr__(self): return '\\ud800'\ndisplay(Odd())\nOdd()";
    assert_eq!(guest.run(code).await.status(), TurnStatus::Ok);
    for value in [
        "float('nan')",
        "float('inf')",
        "10 ** 400",
        "[0] * 300_000",
        "{'\\udcff': 1}",
        "{1: object()}",
    ] {
        let code = format!(
            "class Value:\n  def _repr_json_(self): return {value}\n  def _repr_mimebundle_(self, \
             *a, **k): return {{'application/json': {value}}}\ndisplay(Value())\nValue()"
        );
        guest.run(&code).await;
    }
    guest.assert_alive().await;
}

#[tokio::test]
async fn exits_have_their_status_and_the_kernel_lives_on() {
    let mut guest = Guest::python().await;
    for (argument, code) in [("", 0), ("3", 3), ("256 + 7", 7), ("-1", 255), ("'no'", 1)] {
        let turn = guest.run(&format!("import sys; z = 5; sys.exit({argument})")).await;
        assert_eq!(turn.status(), TurnStatus::Exited { code }, "{argument}");
    }
    assert_eq!(guest.run("z").await.text(), "5");
}

#[tokio::test]
async fn input_goes_round() {
    let mut guest = Guest::python().await;
    let code = "name = input('name? ')\nimport getpass\nword = getpass.getpass('word? ')\n\
                (name, word)";
    let (turn, answers) = guest.run_with(code, &["Ann \u{1f980}", "s\"e"]).await;
    assert_eq!(turn.text(), "('Ann \u{1f980}', 's\"e')");
    let asked: Vec<_> =
        answers.asked.iter().map(|asked| (&*asked.prompt, asked.password)).collect();
    assert_eq!(asked, [("name? ", false), ("word? ", true)]);
    let (turn, _) = guest.run_with("input()", &[]).await;
    assert_eq!(turn.exception_name(), "EOFError");
    guest.assert_alive().await;
}

#[tokio::test]
async fn input_that_is_not_allowed_fails_at_once() {
    let mut guest = Guest::python().await;
    assert_eq!(guest.run("input('?')").await.exception_name(), "EOFError");
    guest.assert_alive().await;
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_keeps_the_state() {
    let mut guest = Guest::python().await;
    guest.run("kept = 'yes'").await;
    let code = "display('begun')\nimport time\nwhile True: time.sleep(0.01)";
    guest.kernel.begin(&request(code)).unwrap();
    let event = guest.within(async |kernel| kernel.next().await).await.unwrap();
    assert!(matches!(event, Event::Turn(TurnEvent::Display(_))), "{event:?}");
    guest.signal(Signal::INT);
    let mut sink = Collector::new();
    let end = guest.within(async |kernel| kernel.finish(&mut sink, &mut NoInput).await).await;
    assert_eq!(end.unwrap().status, TurnStatus::Interrupted);
    assert_eq!(sink.take_exception().unwrap().name, "KeyboardInterrupt");
    assert_eq!(guest.run("kept").await.text(), "'yes'");
}

#[tokio::test]
async fn an_interrupt_between_turns_is_nothing() {
    let mut guest = Guest::python().await;
    guest.signal(Signal::INT);
    guest.assert_alive().await;
    guest.signal(Signal::INT);
    sleep(Duration::from_millis(50)).await;
    guest.assert_alive().await;
}

#[tokio::test]
async fn an_interrupt_ends_the_wait_for_input() {
    let mut guest = Guest::python().await;
    let request = TurnRequest { allow_input: true, ..request("input('?')") };
    guest.kernel.begin(&request).unwrap();
    let event = guest.within(async |kernel| kernel.next().await).await.unwrap();
    assert!(matches!(event, Event::Turn(TurnEvent::Input(_))), "{event:?}");
    guest.signal(Signal::INT);
    let mut sink = Collector::new();
    let end = guest.within(async |kernel| kernel.finish(&mut sink, &mut Silent).await).await;
    assert_eq!(end.unwrap().status, TurnStatus::Interrupted);
    guest.assert_alive().await;
}

#[tokio::test]
async fn an_answer_that_crosses_an_interrupt_is_nobodys() {
    let mut guest = Guest::python().await;
    let request = TurnRequest { allow_input: true, ..request("input('?')") };
    guest.kernel.begin(&request).unwrap();
    guest.within(async |kernel| kernel.next().await).await.unwrap();
    guest.signal(Signal::INT);
    // Long enough for the guest to have ended its turn, of which we read nothing yet.
    sleep(Duration::from_millis(300)).await;
    guest.kernel.answer_input(&InputReply::Line("late".to_owned())).unwrap();
    let mut sink = Collector::new();
    let end = guest.within(async |kernel| kernel.finish(&mut sink, &mut NoInput).await).await;
    assert_eq!(end.unwrap().status, TurnStatus::Interrupted);
    let (turn, _) = guest.run_with("input('again?')", &["new"]).await;
    assert_eq!(turn.text(), "'new'");
}

#[tokio::test]
async fn a_turn_goes_on_after_its_future_was_dropped() {
    let mut guest = Guest::python().await;
    guest.kernel.begin(&request("import time; time.sleep(0.5); 'slept'")).unwrap();
    let (mut sink, mut input) = (Collector::new(), NoInput);
    let dropped = guest.kernel.finish(&mut sink, &mut input);
    assert!(timeout(Duration::from_millis(50), dropped).await.is_err());
    assert!(!guest.kernel.is_idle());
    let error = guest.try_run("1").await.unwrap_err();
    assert!(matches!(error, KernelError::Misuse(_)) && error.leaves_kernel_usable(), "{error:?}");
    guest.within(async |kernel| kernel.finish(&mut sink, &mut NoInput).await).await.unwrap();
    assert_eq!(sink.take_result().unwrap().data["text/plain"], "'slept'");
    guest.assert_alive().await;
}

#[tokio::test]
async fn forks_of_user_code_say_nothing() {
    let mut guest = Guest::python().await;
    let turn = guest
        .run(
            "import os\npid = os.fork()\nif pid == 0:\n  display('from the child')\n  \
             raise ValueError('child')\nos.waitpid(pid, 0)\n'parent'",
        )
        .await;
    assert_eq!((turn.text(), turn.shown().len()), ("'parent'", 0));
    // The child runs past the end of the cell, and has a result of its own.
    let turn = guest.run("import os\npid = os.fork()\n'parent' if pid else 'child'").await;
    assert_eq!(turn.text(), "'parent'");
    sleep(Duration::from_millis(200)).await;
    guest.assert_alive().await;
}

#[tokio::test]
async fn threads_that_are_left_say_nothing_between_turns() {
    let mut guest = Guest::python().await;
    let code = "import threading, time\ndef show():\n  for i in range(200):\n    display(i)\n    \
                time.sleep(0.002)\nthread = threading.Thread(target=show)\nthread.start()";
    guest.run(code).await;
    for _ in 0..20 {
        sleep(Duration::from_millis(10)).await;
        assert_eq!(guest.run("1").await.text(), "1");
        guest.within(async |kernel| kernel.complete("pri", 3).await).await.unwrap();
    }
    guest.run("thread.join()").await;
    guest.assert_alive().await;
}

#[tokio::test]
async fn a_turn_shows_as_much_as_it_may_and_then_costs_the_kernel() {
    let mut guest = Guest::python().await;
    let turn = guest.run("for i in range(1000): display(i)").await;
    assert_eq!(turn.displays.len(), 1000);
    let error = guest.try_run("while True: display('x' * 10)").await.unwrap_err();
    let is_limit =
        matches!(&error, KernelError::Violation(violation) if violation.is_output_limit());
    assert!(is_limit, "{error:?}");
}
