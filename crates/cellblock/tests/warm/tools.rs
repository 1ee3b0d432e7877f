//! Tools: code calls what the host side has, and nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api::{LimitsSpec, Outcome, TimeLimit};
use engine::{BoxFuture, Cancel, Session, ToolCall, ToolHost, ToolReply, ToolSpec};

use crate::fixture::{Heard, Tests, on_session, turn, turn_with, value, with_limits};

pub(crate) const TESTS: Tests = &[
    ("code_calls_tools_of_the_host", code_calls_tools_of_the_host),
    ("failures_are_exceptions", failures_are_exceptions),
    ("calls_at_once_are_answered_in_any_order", calls_at_once_are_answered_in_any_order),
    ("other_tools_take_effect_at_once", other_tools_take_effect_at_once),
    ("tools_outlast_their_kernel", tools_outlast_their_kernel),
    ("an_interrupt_drops_calls", an_interrupt_drops_calls),
    ("a_turns_time_runs_on_while_a_tool_is_awaited", a_turns_time_runs_on_while_a_tool_is_awaited),
    ("an_abandoned_turn_drops_its_calls", an_abandoned_turn_drops_its_calls),
    ("forged_calls_reach_no_tool", forged_calls_reach_no_tool),
    ("other_processes_have_no_tools", other_processes_have_no_tools),
];

const FINE: Outcome = Outcome::Exited { code: 0 };

/// Tools by their names: `echo` gives back what it got, `wait_MS` does so later,
/// `never` does not.
#[derive(Default)]
struct Host {
    begun: AtomicUsize,
    /// Calls that are in flight now.
    open: AtomicUsize,
}

/// A call, until it is over or dropped.
struct Open<'a>(&'a AtomicUsize);

impl<'a> Open<'a> {
    fn new(host: &'a Host) -> Self {
        host.begun.fetch_add(1, Ordering::SeqCst);
        host.open.fetch_add(1, Ordering::SeqCst);
        Self(&host.open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ToolHost for Host {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, ToolReply> {
        Box::pin(async move {
            let _open = Open::new(self);
            let (kind, time) = call.name.split_once('_').unwrap_or((&call.name, ""));
            match kind {
                "never" => std::future::pending().await,
                "wait" => {
                    tokio::time::sleep(Duration::from_millis(time.parse().unwrap())).await;
                }
                "fail" => return ToolReply::Failed("{\"why\": 1}".to_owned()),
                "broken" => return ToolReply::Error("tool 'broken' failed: HTTP 500".to_owned()),
                "huge" => return ToolReply::Content(format!("\"{}\"", "x".repeat(5 << 20))),
                "large" => return ToolReply::Content(format!("\"{}\"", "\\n".repeat(1 << 20))),
                _ => {}
            }
            ToolReply::Content(call.input)
        })
    }
}

fn register(session: &Session, names: &[&str]) -> Arc<Host> {
    let tool = |name: &&str| ToolSpec { name: (*name).to_owned(), doc: format!("Does {name}.") };
    let host = Arc::new(Host::default());
    session.set_tools(names.iter().map(tool).collect(), Arc::<Host>::clone(&host)).unwrap();
    host
}

/// What the exception says that ends this code.
async fn error(session: &Session, code: &str) -> String {
    let result = turn(session, code).await;
    let exception = result.exception.unwrap();
    format!("{}: {}", exception.name, exception.value)
}

fn code_calls_tools_of_the_host() {
    on_session(|session| async move {
        let without = turn(&session, "import _platform_tools").await;
        assert_eq!(without.exception.unwrap().name, "ModuleNotFoundError");
        let host = register(&session, &["echo", "large"]);
        let code = "from _platform_tools import *\nimport cellblock_tools\n\
                    (echo(a=[1, 'é'], b=None), echo.__doc__, cellblock_tools.echo is echo)";
        let result = turn(&session, code).await;
        let expected = "({'a': [1, 'é'], 'b': None}, 'Does echo.', True)";
        assert_eq!(value(&result), Some(expected), "{result:?}");
        assert_eq!(value(&turn(&session, "len(large())").await), Some("1048576"));
        assert_eq!(
            value(&turn(&session, "sum(echo(n=n)['n'] for n in range(200))").await),
            Some("19900")
        );
        assert_eq!(host.begun.load(Ordering::SeqCst), 202);
    });
}

fn failures_are_exceptions() {
    on_session(|session| async move {
        register(&session, &["fail", "broken", "huge", "echo"]);
        turn(&session, "from _platform_tools import *").await;
        assert_eq!(error(&session, "fail()").await, "ToolError: {'why': 1}");
        let said = error(&session, "broken()").await;
        assert_eq!(said, "ToolError: tool 'broken' failed: HTTP 500");
        let said = error(&session, "huge()").await;
        assert_eq!(said, "ToolError: the tool's answer has more than 4194304 bytes");
        let said = error(&session, "a = []\nfor _ in range(200): a = [a]\necho(a=a)").await;
        assert_eq!(said, "ToolError: tool 'echo' takes values nested 100 deep at most");
        assert_eq!(value(&turn(&session, "echo(a=1)").await), Some("{'a': 1}"));
    });
}

fn calls_at_once_are_answered_in_any_order() {
    on_session(|session| async move {
        register(&session, &["wait_300", "wait_20", "echo"]);
        let code = "import asyncio, threading, _platform_tools as t\norder = []\n\
                    def work(tool, n):\n  order.append(tool(n=n)['n'])\n\
                    await asyncio.gather(asyncio.to_thread(work, t.wait_300, 1), \
                    asyncio.to_thread(work, t.wait_20, 2))\norder";
        assert_eq!(value(&turn(&session, code).await), Some("[2, 1]"));
        let code = "from concurrent.futures import ThreadPoolExecutor as Pool\n\
                    with Pool(32) as pool:\n  \
                    found = list(pool.map(lambda n: t.wait_20(n=n)['n'], range(100)))\n\
                    found == list(range(100))";
        assert_eq!(value(&turn(&session, code).await), Some("True"));
    });
}

fn other_tools_take_effect_at_once() {
    on_session(|session| async move {
        register(&session, &["echo"]);
        turn(&session, "import _platform_tools as t\nfrom _platform_tools import echo").await;
        register(&session, &["wait_1"]);
        assert_eq!(value(&turn(&session, "t.wait_1(a=1)").await), Some("{'a': 1}"));
        let said = error(&session, "echo()").await;
        assert_eq!(said, "ToolError: tool 'echo' is not registered");
        // Another host under the same name.
        let host = register(&session, &["echo"]);
        assert_eq!(value(&turn(&session, "echo(a=2)").await), Some("{'a': 2}"));
        assert_eq!(host.begun.load(Ordering::SeqCst), 1);
        let refused = session.set_tools(
            vec![ToolSpec { name: "1a".to_owned(), doc: String::new() }],
            Arc::new(engine::NoTools),
        );
        assert_eq!(refused.unwrap_err().body().message, "invalid tool name: '1a'");
        assert_eq!(value(&turn(&session, "echo(a=3)").await), Some("{'a': 3}"));
    });
}

fn tools_outlast_their_kernel() {
    on_session(|session| async move {
        register(&session, &["echo"]);
        let code = "import _platform_tools as t\nt.echo(a=1)";
        assert_eq!(value(&turn(&session, code).await), Some("{'a': 1}"));
        session.restart().await.unwrap();
        assert_eq!(value(&turn(&session, code).await), Some("{'a': 1}"));
        let died = turn(&session, "import os; os._exit(3)").await;
        assert_eq!(died.outcome, Outcome::KernelDied);
        assert_eq!(value(&turn(&session, code).await), Some("{'a': 1}"));
    });
}

fn an_interrupt_drops_calls() {
    on_session(|session| async move {
        let host = register(&session, &["never", "echo"]);
        turn(&session, "import _platform_tools as t\nkept = 1").await;
        let waits = [
            "t.never()",
            // Those who wait for threads get on when what the threads wait for is dropped.
            "from concurrent.futures import ThreadPoolExecutor as Pool\n\
             with Pool(20) as pool:\n  list(pool.map(lambda n: t.never(n=n), range(50)))",
        ];
        for code in waits {
            let cancel = Cancel::new();
            let interrupting = async {
                while host.open.load(Ordering::SeqCst) == 0 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                cancel.cancel();
            };
            let mut heard = Heard::default();
            let waiting = turn_with(&session, code, cancel.clone(), &mut heard);
            let (result, ()) = tokio::join!(waiting, interrupting);
            let kept = (result.outcome, result.state_lost);
            assert_eq!(kept, (Outcome::Cancelled, false), "{code} {result:?}");
            assert_eq!(host.open.load(Ordering::SeqCst), 0);
            let after = turn(&session, "(kept, t.echo(a=1))").await;
            assert_eq!(value(&after), Some("(1, {'a': 1})"), "{after:?}");
        }
    });
}

fn a_turns_time_runs_on_while_a_tool_is_awaited() {
    let limits = LimitsSpec { wall_time_ms: Some(700), ..LimitsSpec::default() };
    with_limits(limits, |session| async move {
        let host = register(&session, &["never", "echo"]);
        let result = turn(&session, "import _platform_tools as t\nt.never()").await;
        let outcome = Outcome::TimedOut { limit: TimeLimit::WallTime };
        assert_eq!((result.outcome, result.state_lost), (outcome, false), "{result:?}");
        assert_eq!(host.open.load(Ordering::SeqCst), 0);
        assert_eq!(value(&turn(&session, "t.echo(a=1)").await), Some("{'a': 1}"));
    });
}

fn an_abandoned_turn_drops_its_calls() {
    on_session(|session| async move {
        let host = register(&session, &["never", "echo"]);
        let code = "import _platform_tools as t\nkept = 1\n\
                    from concurrent.futures import ThreadPoolExecutor as Pool\n\
                    with Pool(4) as pool:\n  list(pool.map(lambda n: t.never(n=n), range(9)))";
        let slow = turn(&session, code);
        assert!(tokio::time::timeout(Duration::from_millis(600), slow).await.is_err());
        assert!(host.begun.load(Ordering::SeqCst) > 0);
        assert_eq!(host.open.load(Ordering::SeqCst), 0);
        let after = turn(&session, "(kept, t.echo(a=1))").await;
        assert_eq!((value(&after), after.state_lost), (Some("(1, {'a': 1})"), false), "{after:?}");
    });
}

fn forged_calls_reach_no_tool() {
    let forge = "import os, sys, json, struct\nturn = sys.modules['cellblock_kernel.turn'].turn\n\
                 def forge(number, name, text):\n  body = json.dumps({'call': number, \
                 'name': name, \
                 'input': text}).encode()\n  os.write(turn.channel.fd, struct.pack('<IBQ', 9 + \
                 len(body), 74, turn.token) + body)\n";
    on_session(|session| async move {
        let host = register(&session, &["echo"]);
        // One that is not registered is refused, and nobody waits for that.
        let result = turn(&session, &format!("{forge}forge(1, 'secret', '{{}}')\n1")).await;
        assert_eq!((result.outcome, value(&result)), (FINE, Some("1")), "{result:?}");
        for call in
            ["forge(2, 'echo', '{}')", "forge(1, 'echo', '[]')", "forge(1, 'e' * 500, '{}')"]
        {
            let result =
                turn(&session, &format!("{forge}{call}\nimport time; time.sleep(5)")).await;
            assert_eq!((result.outcome, result.state_lost), (Outcome::KernelDied, true), "{call}");
        }
        let flood = "for n in range(1, 100): forge(n, 'echo', '{}')\nimport time; time.sleep(1)";
        turn(&session, &format!("{forge}{flood}")).await;
        let after = turn(&session, "import _platform_tools as t\nt.echo(a=1)").await;
        assert_eq!(value(&after), Some("{'a': 1}"), "{after:?}");
        assert!(host.begun.load(Ordering::SeqCst) <= 100);
    });
}

fn other_processes_have_no_tools() {
    on_session(|session| async move {
        register(&session, &["echo"]);
        let code = "import subprocess, sys, os, _platform_tools as t\n\
                    ended = subprocess.run([sys.executable, '-c', 'import _platform_tools'], \
                    capture_output=True, text=True)\npid = os.fork()\nif pid == 0:\n  try:\n    \
                    t.echo()\n  except t.ToolError:\n    os._exit(7)\n\
                    child = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n\
                    ('No module named' in ended.stderr, child, t.echo(a=1))";
        let result = turn(&session, code).await;
        assert_eq!(value(&result), Some("(True, 7, {'a': 1})"), "{result:?}");
    });
}
