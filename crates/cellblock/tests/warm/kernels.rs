//! Turns: state, results, interrupts, restarts and deaths.

use std::time::Duration;

use api::{Outcome, TurnRequest};
use engine::{Cancel, SessionError, TurnIo};

use crate::fixture::{
    Answers, Heard, Tests, is_without_cgroups, on_engine, on_session, request, text, turn,
    turn_with, value, without_pool,
};

pub(crate) const TESTS: Tests = &[
    ("state_is_kept_from_turn_to_turn", state_is_kept_from_turn_to_turn),
    ("what_is_written_and_shown_is_heard_in_order", what_is_written_and_shown_is_heard_in_order),
    ("exceptions_and_exits_leave_the_kernel_alive", exceptions_and_exits_leave_the_kernel_alive),
    ("input_is_answered_or_refused", input_is_answered_or_refused),
    ("an_interrupt_keeps_the_state", an_interrupt_keeps_the_state),
    ("a_kernel_that_does_not_obey_is_replaced", a_kernel_that_does_not_obey_is_replaced),
    ("a_kernel_that_dies_is_replaced", a_kernel_that_dies_is_replaced),
    ("a_kernel_that_dies_between_turns_is_noticed", a_kernel_that_dies_between_turns_is_noticed),
    ("what_breaks_the_protocol_is_replaced", what_breaks_the_protocol_is_replaced),
    ("a_restart_keeps_files", a_restart_keeps_files),
    ("an_abandoned_turn_leaves_the_session_usable", an_abandoned_turn_leaves_the_session_usable),
    ("turns_wait_in_line", turns_wait_in_line),
    ("a_closed_session_says_so", a_closed_session_says_so),
    ("completion_and_inspection_are_answered", completion_and_inspection_are_answered),
];

const FINE: Outcome = Outcome::Exited { code: 0 };

fn state_is_kept_from_turn_to_turn() {
    on_session(|session| async move {
        let first = turn(&session, "x = 41\nprint('hello')").await;
        assert_eq!((first.outcome, text(&first.stdout).as_str()), (FINE, "hello\n"));
        assert_eq!(first.execution_count, Some(1));
        let second = turn(&session, "x + 1").await;
        assert_eq!((second.outcome, value(&second)), (FINE, Some("42")));
        assert_eq!(second.execution_count, Some(2));
        assert!(!second.state_lost);
        assert_eq!(second.usage.cpu_time_ms.is_none(), is_without_cgroups());
    });
}

fn what_is_written_and_shown_is_heard_in_order() {
    on_session(|session| async move {
        let code = "import sys, subprocess\nprint('a')\ndisplay('b')\nprint('c')\n\
                    subprocess.run(['echo', 'd'])\nprint('e', file=sys.stderr)\n'f'";
        let mut heard = Heard::default();
        let result = turn_with(&session, code, Cancel::new(), &mut heard).await;
        assert_eq!(result.outcome, FINE, "{result:?}");
        let place = |what: &str| heard.0.iter().position(|event| event.contains(what)).unwrap();
        // What was written after a picture may be there before we get to look.
        let places = [place("TurnStarted"), place("Stdout a"), place("Display"), place("Value")];
        assert!(places.is_sorted(), "{:?}", heard.0);
        assert_eq!(text(&result.stdout), "a\nc\nd\n");
        assert_eq!(text(&result.stderr), "e\n");
        assert_eq!((result.displays.len(), value(&result)), (1, Some("'f'")));
    });
}

fn exceptions_and_exits_leave_the_kernel_alive() {
    on_session(|session| async move {
        let raised = turn(&session, "y = 1\n1 / 0").await;
        assert_eq!(raised.outcome, Outcome::Raised);
        assert_eq!(raised.exception.unwrap().name, "ZeroDivisionError");
        let exited = turn(&session, "import sys; sys.exit(7)").await;
        assert_eq!(exited.outcome, Outcome::Exited { code: 7 });
        let after = turn(&session, "y").await;
        assert_eq!((value(&after), after.state_lost), (Some("1"), false));
    });
}

fn input_is_answered_or_refused() {
    on_session(|session| async move {
        let mut request =
            TurnRequest { code: "input('name? ')".to_owned(), ..TurnRequest::default() };
        let refused = turn(&session, &request.code).await;
        assert_eq!(refused.outcome, Outcome::Raised);
        request.allow_input = true;
        let io = TurnIo {
            events: &mut Heard::default(),
            cancel: Cancel::new(),
            input: &mut Answers(Some("Ann")),
            wall_time: None,
            asker: engine::Asker::default(),
        };
        let answered = session.turn(&request, io).await.unwrap();
        assert_eq!(value(&answered), Some("'Ann'"), "{answered:?}");
    });
}

fn an_interrupt_keeps_the_state() {
    on_session(|session| async move {
        turn(&session, "z = 5").await;
        assert!(!session.interrupt());
        let other = session.clone();
        let sleeping = async { turn(&session, "import time; time.sleep(60)").await };
        let interrupting = async {
            while !other.interrupt() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let (result, ()) = tokio::join!(sleeping, interrupting);
        assert_eq!((result.outcome, result.state_lost), (Outcome::Cancelled, false), "{result:?}");
        assert_eq!(value(&turn(&session, "z").await), Some("5"));
        let cancel = Cancel::new();
        cancel.cancel();
        let result =
            turn_with(&session, "import time; time.sleep(60)", cancel, &mut Heard::default()).await;
        assert_eq!((result.outcome, result.state_lost), (Outcome::Cancelled, false));
        assert_eq!(value(&turn(&session, "z").await), Some("5"));
    });
}

/// Takes every interrupt and goes on.
const STUBBORN: &str = "import signal, time\nsignal.signal(signal.SIGINT, lambda *a: None)\n\
                        open('kept.txt', 'w').write('kept')\nwhile True: time.sleep(0.1)";

fn a_kernel_that_does_not_obey_is_replaced() {
    on_session(|session| async move {
        turn(&session, "gone = 1").await;
        let cancel = Cancel::new();
        cancel.cancel();
        let result = turn_with(&session, STUBBORN, cancel, &mut Heard::default()).await;
        assert_eq!((result.outcome, result.state_lost), (Outcome::Cancelled, true), "{result:?}");
        let after = turn(&session, "('gone' in globals(), open('kept.txt').read())").await;
        assert_eq!(value(&after), Some("(False, 'kept')"), "{after:?}");
        assert!(!after.state_lost);
    });
}

fn a_kernel_that_dies_is_replaced() {
    on_session(|session| async move {
        let deaths = [
            ("import os; open('f', 'w').write('x'); os._exit(3)", "status 3"),
            ("import ctypes; ctypes.string_at(0)", "signal 11"),
        ];
        for (code, detail) in deaths {
            let result = turn(&session, &format!("print('last words', flush=True)\n{code}")).await;
            assert_eq!((result.outcome, result.state_lost), (Outcome::KernelDied, true));
            assert!(result.detail.as_deref().unwrap().contains(detail), "{result:?}");
            assert_eq!(text(&result.stdout), "last words\n");
            let after = turn(&session, "open('f').read()").await;
            assert_eq!((value(&after), after.state_lost), (Some("'x'"), false), "{after:?}");
        }
    });
}

fn a_kernel_that_dies_between_turns_is_noticed() {
    on_session(|session| async move {
        let code = "import threading, time, os\nv = 1\n\
                    threading.Timer(0.2, lambda: os._exit(1)).start()";
        assert_eq!(turn(&session, code).await.outcome, FINE);
        tokio::time::sleep(Duration::from_millis(600)).await;
        let after = turn(&session, "'v' in globals()").await;
        assert_eq!((value(&after), after.state_lost), (Some("False"), true), "{after:?}");
    });
}

fn what_breaks_the_protocol_is_replaced() {
    on_session(|session| async move {
        let codes = [
            "import os\nfor fd in range(3, 1000):\n    try: os.write(fd, b'x' * 100)\n    \
             except OSError: pass\nimport time; time.sleep(5)",
            "import os; os.closerange(3, 4000)\nimport time; time.sleep(0.1)",
        ];
        for code in codes {
            let result = turn(&session, code).await;
            assert_eq!((result.outcome, result.state_lost), (Outcome::KernelDied, true), "{code}");
            assert_eq!(value(&turn(&session, "1 + 1").await), Some("2"));
        }
    });
}

fn a_restart_keeps_files() {
    on_session(|session| async move {
        turn(&session, "a = 1\nopen('data.txt', 'w').write('hello')").await;
        session.restart().await.unwrap();
        let after = turn(&session, "('a' in globals(), open('data.txt').read())").await;
        assert_eq!((value(&after), after.state_lost), (Some("(False, 'hello')"), false));
        let busy = session.clone();
        let (result, restarted) = tokio::join!(turn(&session, "while True: pass"), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            busy.restart().await
        });
        restarted.unwrap();
        assert_eq!(result.outcome, Outcome::Cancelled);
        assert_eq!(value(&turn(&session, "open('data.txt').read()").await), Some("'hello'"));
    });
}

fn an_abandoned_turn_leaves_the_session_usable() {
    on_session(|session| async move {
        turn(&session, "k = 1").await;
        for (code, keeps) in [("import time; time.sleep(60)", true), (STUBBORN, false)] {
            let slow = turn(&session, code);
            assert!(tokio::time::timeout(Duration::from_millis(300), slow).await.is_err());
            let after = turn(&session, "'k' in globals()").await;
            let expected = if keeps { "True" } else { "False" };
            assert_eq!((value(&after), after.state_lost), (Some(expected), !keeps), "{after:?}");
        }
    });
}

fn turns_wait_in_line() {
    on_session(|session| async move {
        let slow = turn(&session, "import time; time.sleep(0.5); n = 1");
        let (_, second) = tokio::join!(slow, async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            turn(&session, "n + 1").await
        });
        assert_eq!(value(&second), Some("2"));
        assert!(second.usage.wall_time_ms < 400, "{second:?}");
    });
}

fn a_closed_session_says_so() {
    on_engine(without_pool(), |engine| async move {
        let session = engine.create_session(request()).await.unwrap();
        assert!(engine.session(session.id()).is_some());
        let (result, ()) = tokio::join!(turn(&session, "while True: pass"), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            session.close().await;
        });
        assert_eq!(result.outcome, Outcome::Cancelled);
        assert!(engine.session(session.id()).is_none());
        let io = TurnIo {
            events: &mut Heard::default(),
            cancel: Cancel::new(),
            input: &mut Answers(None),
            wall_time: None,
            asker: engine::Asker::default(),
        };
        let refused = session.turn(&TurnRequest::default(), io).await;
        assert!(matches!(refused, Err(SessionError::Closed { .. })));
    });
}

fn completion_and_inspection_are_answered() {
    on_session(|session| async move {
        turn(&session, "import math").await;
        let completion = session.complete("math.fl", 7).await.unwrap();
        assert!(completion.matches.iter().any(|found| found.ends_with("floor")), "{completion:?}");
        let inspection = session.inspect("math.floor", 10, false).await.unwrap();
        assert!(inspection.found);
    });
}
