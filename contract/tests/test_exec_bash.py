"""`bash_code_execution`: one process for each call, in the workspace."""

import pytest

from session import within


def test_streams_are_whole_and_apart(session):
    content = session.bash("echo hello; echo oops >&2")
    assert (content["stdout"], content["stderr"], content["return_code"]) == ("hello\n", "oops\n", 0)
    assert session.bash("printf x")["stdout"] == "x"
    assert session.bash(r"printf 'a\n\n'")["stdout"] == "a\n\n"


@pytest.mark.parametrize("status", [0, 1, 7, 127, 255])
def test_the_status_is_the_return_code(session, status):
    assert session.bash(f"exit {status}")["return_code"] == status


@pytest.mark.parametrize("signal", [9, 15, 6])
def test_a_signal_is_a_negative_return_code(session, signal):
    assert session.bash(f"kill -{signal} $$")["return_code"] == -signal


def test_an_unknown_command_is_127(session):
    content = session.bash("no_such_command_here")
    assert content["return_code"] == 127
    assert "no_such_command_here: command not found" in content["stderr"]


def test_it_is_bash(session):
    assert session.bash("[[ ab == a* ]] && echo ${BASH_VERSINFO[0]}x")["stdout"].endswith("x\n")
    assert session.bash("a=(1 2 3); echo ${#a[@]}")["stdout"] == "3\n"
    assert session.bash("echo $0")["stdout"] == "/bin/bash\n"


def test_each_call_is_a_new_process(session):
    session.bash("export kept=1; cd /")
    assert session.bash("echo [$kept]")["stdout"] == "[]\n"


def test_it_works_in_the_workspace(session):
    content = session.bash('[ "$(pwd -P)" = "$(cd "$SANDBOX_WORKSPACE" && pwd -P)" ] && echo same')
    assert content["stdout"] == "same\n"
    session.bash("echo text > made.txt")
    assert session.get("made.txt").text == "text\n"


def test_the_workspace_is_shared_with_python(session):
    session.python("open('p', 'w').write('by python')")
    assert session.bash("cat p")["stdout"] == "by python"
    session.bash("printf 'by bash' > b")
    assert session.python("print(open('b').read())")["stdout"] == "by bash"


def test_there_is_no_input(session):
    assert session.bash("cat; echo done")["stdout"] == "done\n"
    assert session.bash("read x || echo end")["stdout"] == "end\n"


def test_bytes_that_are_no_text_are_replaced(session):
    assert session.bash(r"printf 'a\xffb'")["stdout"] == "a\ufffdb"


def test_commands_are_one_line_or_many(session):
    assert session.bash("for i in 1 2; do\n  echo $i\ndone\n")["stdout"] == "1\n2\n"


def test_a_time_limit_holds(session):
    with within(1):
        content = session.bash("exec sleep 30", timeout_seconds=1)
    assert content["return_code"] == -1
    assert content["stderr"] == "bash: command timed out after 1s\n"


@pytest.mark.better
def test_a_time_limit_holds_for_children(session):
    with within(1):
        content = session.bash("echo start; sleep 6; echo done", timeout_seconds=1)
    assert content["return_code"] == -1
    assert content["stdout"] == "start\n"
    assert content["stderr"] == "bash: command timed out after 1s\n"


@pytest.mark.better
def test_errors_so_far_come_before_the_message(session):
    content = session.bash("echo oops >&2; sleep 6", timeout_seconds=1)
    assert content["stderr"] == "oops\nbash: command timed out after 1s\n"


@pytest.mark.better
@pytest.mark.parametrize(
    "command",
    [
        "trap '' TERM INT HUP; sleep 30; sleep 30",
        "setsid sleep 30 & wait",
        "(setsid bash -c 'trap \"\" TERM; sleep 30' &) ; sleep 30",
        "kill -STOP $$",
        "mkfifo p; cat p",
        "yes > /dev/null",
    ],
    ids=["ignores signals", "new session", "double fork", "stops itself", "fifo", "spins"],
)
def test_a_time_limit_holds_whatever_the_command_does(session, command):
    with within(1):
        content = session.bash(command, timeout_seconds=1)
    assert content["return_code"] == -1
    assert session.bash("echo alive")["stdout"] == "alive\n"


@pytest.mark.better
@pytest.mark.parametrize("command", ["sleep 10 & echo started", "nohup sleep 10 >/dev/null 2>&1 & echo started"])
def test_a_background_child_does_not_hold_the_answer(session, command):
    with within(1):
        content = session.bash(command)
    assert (content["stdout"], content["return_code"]) == ("started\n", 0)


@pytest.mark.better
def test_a_flood_is_bounded(session):
    with within(3):
        answer = session.exec("bash_code_execution", {"command": "yes"}, timeout_seconds=3)
    assert answer.status_code == 200
    assert len(answer.content) < 32 << 20
    assert answer.json()["result_block"]["content"]["stdout"].startswith("y\ny\n")
    assert session.bash("echo alive")["stdout"] == "alive\n"


@pytest.mark.better
def test_the_servers_environment_is_not_inherited(session):
    names = session.bash("env")["stdout"]
    for name in ("CELLBLOCK_BIN", "CONTRACT_", "SSH_", "CARGO_", "PYTEST_"):
        assert name not in names


@pytest.mark.better
def test_processes_are_bounded(session):
    with within(5):
        session.bash("f() { f | f & }; f; sleep 1", timeout_seconds=5)
    assert session.python("print('alive')")["stdout"] == "alive"
