"""`code_execution`: one interpreter that lives as long as its session."""

import time

import pytest

from session import within


def test_output_loses_one_newline(session):
    assert session.python("print('hello')")["stdout"] == "hello"
    assert session.python(r"print('a\n\n')")["stdout"] == "a\n\n"
    assert session.python("import sys; sys.stdout.write('x')")["stdout"] == "x"
    assert session.python("import sys; print('e', file=sys.stderr)")["stderr"] == "e"
    assert session.python("pass")["stdout"] == ""


def test_streams_are_apart(session):
    content = session.python("import sys; print('out'); print('err', file=sys.stderr)")
    assert (content["stdout"], content["stderr"], content["return_code"]) == ("out", "err", 0)


def test_text_is_unicode(session):
    assert session.python("print('é 漢 😀')")["stdout"] == "é 漢 😀"
    assert session.python("print('ü' * 3)")["stdout"] == "üüü"


def test_variables_and_imports_stay(session):
    session.python("import math\nx = 41\ndef f(): return x + 1")
    assert session.python("print(f(), math.floor(1.5))")["stdout"] == "42 1"


def test_it_is_the_main_module_without_a_file(session):
    assert session.python("print(__name__, '__file__' in globals())")["stdout"] == "__main__ False"


def test_the_last_expression_is_not_printed(session):
    assert session.python("2 + 2")["stdout"] == ""


@pytest.mark.parametrize("code", ["%pip list", "!ls", "await f()", "def", "x = ="])
def test_a_syntax_error_is_a_failure(session, code):
    content = session.python(code)
    assert content["return_code"] == 1
    assert "SyntaxError" in content["stderr"]
    assert '"<sandbox>"' in content["stderr"]
    assert session.python("print(1)")["stdout"] == "1"


def test_asyncio_runs(session):
    code = "import asyncio\nasync def f(): return 5\nprint(asyncio.run(f()))"
    assert session.python(code)["stdout"] == "5"


def test_an_exception_has_a_traceback(session):
    content = session.python("print('before')\n1 / 0")
    assert content["return_code"] == 1
    assert content["stdout"] == "before"
    assert content["stderr"].startswith("Traceback (most recent call last):\n")
    assert 'File "<sandbox>", line 2, in <module>' in content["stderr"]
    assert content["stderr"].endswith("ZeroDivisionError: division by zero")


def test_an_interrupt_by_the_code_is_an_exception(session):
    content = session.python("raise KeyboardInterrupt")
    assert content["return_code"] == 1
    assert "KeyboardInterrupt" in content["stderr"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("sys.exit(7)", 7),
        ("sys.exit()", 0),
        ("sys.exit(None)", 0),
        ("sys.exit('msg')", 1),
        ("sys.exit(True)", 1),
        ("raise SystemExit(3)", 3),
    ],
)
def test_exit_gives_its_status_and_ends_nothing(session, code, status):
    session.python("import sys; kept = 1")
    content = session.python(f"print('x')\n{code}")
    assert content["return_code"] == status
    assert content["stdout"] == "x"
    assert "msg" not in content["stderr"]
    assert session.python("print(kept)")["stdout"] == "1"


def test_a_failure_keeps_variables(session):
    session.python("y = 5")
    session.python("raise ValueError")
    assert session.python("print(y)")["stdout"] == "5"


def test_it_works_in_the_workspace(session):
    code = "import os\nprint(os.path.realpath(os.environ['SANDBOX_WORKSPACE']) == os.getcwd())"
    assert session.python(code)["stdout"] == "True"
    session.python("open('made.txt', 'w').write('by python')")
    assert session.get("made.txt").text == "by python"


def test_a_time_limit_holds(session):
    session.python("open('kept', 'w').write('1')")
    with within(1):
        content = session.python("import time\nwhile True: time.sleep(0.01)", timeout_seconds=1)
    assert content["return_code"] == -1
    assert content["stderr"] == "runner: execution timed out after 1s\n"
    assert session.python("print(open('kept').read())")["stdout"] == "1"


@pytest.mark.better
def test_a_time_limit_leaves_the_output_so_far(session):
    with within(1):
        content = session.python("print('partial', flush=True)\nwhile True: pass", timeout_seconds=1)
    assert content["return_code"] == -1
    assert content["stdout"].rstrip("\n") == "partial"
    assert content["stderr"] == "runner: execution timed out after 1s\n"


@pytest.mark.better
def test_a_time_limit_leaves_output_that_was_not_flushed(session):
    content = session.python("print('partial')\nwhile True: pass", timeout_seconds=1)
    assert content["stdout"].rstrip("\n") == "partial"


@pytest.mark.better
@pytest.mark.parametrize(
    "code",
    [
        "import signal, time\nfor s in (2, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: time.sleep(0.1)",
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "import threading\nthreading.Event().wait()",
        "import subprocess\nsubprocess.run(['sleep', '30'])",
        "list(range(10**9)).sort() or sum(range(10**12))",
        "import re\nre.match('(a+)+$', 'a' * 40 + 'b')",
    ],
    ids=["ignores signals", "catches everything", "stops itself", "waits", "has a child", "in C", "in a regex"],
)
def test_a_time_limit_holds_whatever_the_code_does(session, code):
    with within(1):
        content = session.python(code, timeout_seconds=1)
    assert content["return_code"] != 0
    assert session.python("print('alive')")["stdout"] == "alive"


DEATHS = [
    ("os._exit(5)", "runner: process exited unexpectedly\n"),
    ("os.kill(os.getpid(), signal.SIGSEGV)", "runner: process exited unexpectedly\n"),
    ("os.kill(os.getpid(), signal.SIGKILL)", "runner: killed by sandbox limit (memory)\n"),
    ("signal.signal(signal.SIGXCPU, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGXCPU)", "runner: killed by sandbox limit (cpu)\n"),
    ("signal.signal(signal.SIGXFSZ, signal.SIG_DFL); os.kill(os.getpid(), signal.SIGXFSZ)", "runner: killed by sandbox limit (file_size)\n"),
]


@pytest.mark.parametrize(("code", "message"), DEATHS)
def test_the_death_of_the_interpreter_is_an_answer(session, code, message):
    session.python("import os, signal; open('kept', 'w').write('1'); z = 1")
    content = session.python(code)
    assert (content["return_code"], content["stderr"]) == (-1, message)
    assert session.python("print(open('kept').read(), 'z' in globals())")["stdout"] == "1 False"


@pytest.mark.better
def test_output_before_a_death_is_kept(session):
    content = session.python("import os\nprint('last words', flush=True)\nos._exit(5)")
    assert content["stdout"].rstrip("\n") == "last words"


def test_too_much_memory_is_an_exception(session):
    session.python("kept = 1")
    content = session.python("x = bytearray(4 << 30)")
    assert content["return_code"] == 1
    assert content["stderr"].endswith("MemoryError")
    assert session.python("print(kept)")["stdout"] == "1"


def test_too_large_a_file_is_an_exception(session):
    content = session.python("open('big', 'wb').truncate((256 << 20) + 1)")
    assert content["return_code"] == 1
    assert content["stderr"].endswith("OSError: [Errno 27] File too large")
    assert session.python("open('big', 'wb').truncate(255 << 20); print('ok')")["stdout"] == "ok"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_is_clipped_at_a_mebibyte(session, stream):
    content = session.python(f"import sys; sys.{stream}.write('x' * ((1 << 20) + 100))")
    assert content["return_code"] == 0
    assert content[stream] == "x" * (1 << 20) + "\n... [output truncated by sandbox: 100 bytes elided]"


def test_a_mebibyte_is_not_clipped(session):
    content = session.python("import sys; sys.stdout.write('x' * (1 << 20))")
    assert content["stdout"] == "x" * (1 << 20)


@pytest.mark.better
def test_clipping_keeps_characters_whole(session):
    content = session.python("import sys; sys.stdout.write('x' + 'é' * (1 << 20))")
    head, _, _ = content["stdout"].partition("\n... [output truncated by sandbox: ")
    assert set(head.rstrip("\ufffd")) == {"x", "é"}
    assert len(head.encode()) <= (1 << 20) + 3


def test_calls_of_a_session_wait_for_each_other(session, background):
    first = background(session.python, "import time; time.sleep(1.7); print('first')")
    time.sleep(0.3)
    # Its second of time counts from when it starts, not from when it comes.
    second = session.python("print('second')", timeout_seconds=1)
    # Its own answer may still be on its way to us.
    assert first.result(timeout=1)["stdout"] == "first"
    assert second["stdout"] == "second"


def test_commands_and_edits_wait_for_nothing(session, background):
    running = background(session.python, "import time; time.sleep(2)")
    time.sleep(0.2)
    assert session.bash("echo beside")["stdout"] == "beside\n"
    assert session.edit("view", "")["return_code"] == 0
    assert not running.done()
    running.result()


def test_sessions_run_beside_each_other(sessions, background):
    one, other = sessions(), sessions()
    running = background(one.python, "import time; time.sleep(2)")
    time.sleep(0.2)
    assert other.python("print(1)")["stdout"] == "1"
    assert not running.done()
    running.result()


@pytest.mark.better
@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.run(['echo', 'from below'])",
        "import os; os.system('echo from below')",
        "import os; os.write(1, b'from below\\n')",
        "import threading; t = threading.Thread(target=print, args=('from below',)); t.start(); t.join()",
    ],
    ids=["subprocess", "system", "descriptor", "thread"],
)
def test_output_from_below_counts(session, code):
    assert session.python(code)["stdout"].rstrip("\n") == "from below"


@pytest.mark.better
def test_errors_from_below_count(session):
    content = session.python("import os; os.write(2, b'from below\\n')")
    assert content["stderr"].rstrip("\n") == "from below"


@pytest.mark.better
def test_asking_for_input_ends_at_once(session):
    with within(1):
        content = session.python("input('? ')", timeout_seconds=20)
    assert content["return_code"] == 1
    assert "EOFError" in content["stderr"]
