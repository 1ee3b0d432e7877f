"""The environment variables of otari's container keep their meaning."""

import pytest

from server import wait_until
from session import Session, within

pytestmark = pytest.mark.own


def test_idle_time(own):
    client = own(SANDBOX_SESSION_IDLE_TIMEOUT=77)
    session = Session(client)
    assert session.made["idle_timeout_seconds"] == 77
    assert session.made["max_lifetime_seconds"] == 7200
    assert Session(client, idle_timeout_seconds=200).made["idle_timeout_seconds"] == 200


def test_idle_time_holds(own):
    client = own(SANDBOX_SESSION_IDLE_TIMEOUT=1, SANDBOX_SESSION_GC_INTERVAL=1)
    session = Session(client)
    assert wait_until(lambda: session.info().status_code == 404, 6)


def test_lifetime_is_the_default_and_the_most(own):
    client = own(SANDBOX_SESSION_MAX_LIFETIME=1000)
    assert Session(client).made["max_lifetime_seconds"] == 1000
    assert Session(client, max_lifetime_seconds=1000, idle_timeout_seconds=1000).made["idle_timeout_seconds"] == 1000
    for field in ("idle_timeout_seconds", "max_lifetime_seconds"):
        answer = client.post("/sessions", json={field: 1001})
        assert answer.status_code == 422
        (error,) = answer.json()["detail"]
        assert error["msg"] == "Input should be less than or equal to 1000"
        assert error["ctx"] == {"le": 1000}


def test_lifetime_holds(own):
    client = own(SANDBOX_SESSION_MAX_LIFETIME=1, SANDBOX_SESSION_GC_INTERVAL=1)
    session = Session(client)
    assert wait_until(lambda: session.info().status_code == 404, 6)


def test_memory(own):
    session = Session(own(SANDBOX_RUNNER_MEMORY_MB=400))
    session.python("kept = 1")
    content = session.python("x = bytearray(600 << 20)")
    assert content["return_code"] == 1
    assert content["stderr"].endswith("MemoryError")
    assert session.python("x = bytearray(100 << 20); print(kept)")["stdout"] == "1"


def test_file_size(own):
    session = Session(own(SANDBOX_RUNNER_FSIZE_MB=1))
    content = session.python("open('x', 'wb').write(b'x' * (2 << 20))")
    assert content["return_code"] == 1
    assert content["stderr"].endswith("OSError: [Errno 27] File too large")
    assert session.python("open('x', 'wb').write(b'x' * (1 << 20)); print('ok')")["stdout"] == "ok"


def test_open_files(own):
    session = Session(own(SANDBOX_RUNNER_NOFILE=64))
    content = session.python("files = [open('/dev/null') for _ in range(80)]")
    assert content["return_code"] == 1
    assert content["stderr"].endswith("OSError: [Errno 24] Too many open files: '/dev/null'")
    assert session.python("files = None; files = [open('/dev/null') for _ in range(20)]; print(len(files))")["stdout"] == "20"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output(own, stream):
    session = Session(own(SANDBOX_RUNNER_MAX_OUTPUT_BYTES=1000))
    content = session.python(f"import sys; sys.{stream}.write('x' * 1234)")
    assert content[stream] == "x" * 1000 + "\n... [output truncated by sandbox: 234 bytes elided]"
    content = session.python(f"import sys; sys.{stream}.write('x' * 1000)")
    assert content[stream] == "x" * 1000


@pytest.mark.better
def test_the_wall_clock_is_the_usual_time_of_a_call(own):
    session = Session(own(SANDBOX_RUNNER_WALL_CLOCK_SECONDS=1))
    content = session.python("import time; print('begun', flush=True); time.sleep(20)")
    assert (content["return_code"], content["stdout"]) == (-1, "begun")


@pytest.mark.better
def test_processor_time_is_that_of_a_call(own):
    session = Session(own(SANDBOX_RUNNER_CPU_SECONDS=2))
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\nprint('done')"
    for _ in range(3):
        assert session.python(burn.format(1.2))["stdout"] == "done"
    content = session.python(burn.format(20), timeout_seconds=60)
    assert (content["return_code"], content["stderr"]) == (-1, "runner: killed by sandbox limit (cpu)\n")
    assert session.python("print('alive')")["stdout"] == "alive"


@pytest.mark.better
def test_limits_hold_for_commands(own):
    limits = {"MEMORY_MB": 400, "CPU_SECONDS": 2, "FSIZE_MB": 1}
    client = own(**{f"SANDBOX_RUNNER_{name}": value for name, value in limits.items()})
    session = Session(client)
    assert session.bash("python3 -c 'bytearray(600 << 20)'")["return_code"] != 0
    assert session.bash("head -c 2M /dev/zero > x")["return_code"] != 0
    assert int(session.bash("wc -c < x")["stdout"]) <= 1 << 20
    with within(10):
        content = session.bash("while :; do :; done", timeout_seconds=30)
    assert content["return_code"] != 0


@pytest.mark.better
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_SESSION_IDLE_TIMEOUT", "soon"),
        ("SANDBOX_SESSION_MAX_LIFETIME", "-1"),
        ("SANDBOX_RUNNER_MEMORY_MB", "lots"),
        ("SANDBOX_SESSION_GC_INTERVAL", "0"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_at_the_start(own, name, value):
    with pytest.raises(RuntimeError, match=name):
        own(**{name: value})
