"""How long a session lives, and how it ends."""

import time

import pytest

from server import wait_until
from session import Session, within

pytestmark = pytest.mark.own

PASS_SECONDS = 1  # between two looks for sessions that are over


@pytest.fixture
def client(own):
    return own(SANDBOX_SESSION_GC_INTERVAL=PASS_SECONDS)


def is_gone(session):
    answer = session.info()
    assert answer.status_code in (200, 404)
    return answer.status_code == 404


def test_an_idle_session_ends(client):
    session = Session(client, idle_timeout_seconds=1)
    assert not is_gone(session)
    assert wait_until(lambda: is_gone(session), 5)
    assert session.info().json() == {"detail": session.id}
    assert session.exec("code_execution", {"code": "1"}).status_code == 404
    assert client.get("/health").json()["session_count"] == 0


def test_use_keeps_a_session(client):
    session = Session(client, idle_timeout_seconds=2)
    for _ in range(6):
        time.sleep(0.7)
        assert session.python("print(1)")["stdout"] == "1"
    assert wait_until(lambda: is_gone(session), 6)


def test_a_lifetime_ends_in_spite_of_use(client):
    session = Session(client, max_lifetime_seconds=2)
    end = time.monotonic() + 8
    while time.monotonic() < end:
        if session.exec("bash_code_execution", {"command": "true"}).status_code == 404:
            break
        time.sleep(0.2)
    assert is_gone(session)


def test_looking_does_not_keep_a_session(client):
    session = Session(client, idle_timeout_seconds=1)
    assert wait_until(lambda: is_gone(session), 6, step=0.1)


@pytest.mark.better
@pytest.mark.parametrize("tool", ["python", "bash"])
def test_a_busy_session_is_not_idle(client, tool):
    session = Session(client, idle_timeout_seconds=1)
    if tool == "python":
        content = session.python("import time; time.sleep(4); print('done')")
    else:
        content = session.bash("sleep 4; printf done")
    assert (content["stdout"], content["return_code"]) == ("done", 0)
    assert not is_gone(session)


def orderly(answer):
    """What a call may answer when its session is destroyed under it."""
    assert answer.status_code in (200, 404), answer.text
    if answer.status_code == 200:
        assert answer.json()["result_block"]["content"]["return_code"] != 0


@pytest.mark.better
@pytest.mark.parametrize(
    ("tool", "input"),
    [
        ("code_execution", {"code": "import time; time.sleep(20)"}),
        ("code_execution", {"code": "while True: pass"}),
        ("bash_code_execution", {"command": "sleep 20"}),
    ],
)
def test_a_call_ends_with_its_session(client, background, tool, input):
    session = Session(client)
    running = background(session.exec, tool, input)
    time.sleep(0.5)
    with within(1):
        assert session.destroy().status_code == 204
        answer = running.result(10)
    orderly(answer)
    assert is_gone(session)


@pytest.mark.better
def test_calls_that_wait_end_with_their_session(client, background):
    session = Session(client)
    running = [background(session.exec, "code_execution", {"code": "import time; time.sleep(20)"}) for _ in range(3)]
    time.sleep(0.5)
    session.destroy()
    for call in running:
        orderly(call.result(10))


@pytest.mark.better
def test_a_lifetime_ends_a_running_call_orderly(client):
    session = Session(client, max_lifetime_seconds=2)
    with within(5):
        orderly(session.exec("code_execution", {"code": "import time; time.sleep(20)"}))


def test_nothing_survives_the_server(own):
    first = own()
    session = Session(first)
    session.write("x", b"1")
    assert own.server.terminate() in (0, -15, 143)
    second = own()
    assert second.get(session.path).status_code == 404
    assert second.get("/health").json()["session_count"] == 0


@pytest.mark.better
def test_the_server_ends_while_calls_run(own, background):
    client = own()
    session = Session(client)
    running = background(session.exec, "bash_code_execution", {"command": "sleep 60"}, timeout_seconds=100)
    time.sleep(0.5)
    assert own.server.terminate() == 0
    assert running.exception(5) is not None or running.result().status_code in (200, 404, 503)


@pytest.mark.better
def test_a_client_that_leaves_takes_its_call_along(own):
    import httpx

    client = own()
    session = Session(client)
    body = {"tool": "code_execution", "input": {"code": "while True: pass"}, "timeout_seconds": 60}
    with pytest.raises(httpx.ReadTimeout):
        client.post(f"{session.path}/exec", json=body, timeout=1)
    with within(3):
        assert session.python("print('free')", timeout_seconds=5)["stdout"] == "free"
