"""The sandbox does its worst; every call answers within its limit and a second."""

import threading
import time

import pytest

from harness.expect import text_of
from harness.torments import TORMENTS
from harness.watch import within

LIMIT_MS = 2000
# Its limit, the second that the promise allows, and a machine that builds beside it.
NOISE = 2.0
TIME_MAX = LIMIT_MS / 1000 + 1 + NOISE

every_torment = pytest.mark.parametrize("name", TORMENTS)


@every_torment
def test_hang_of_a_turn(client, session, name):
    torment = TORMENTS[name]
    with within(TIME_MAX, name):
        body = {"code": torment.code, "wall_time_ms": LIMIT_MS}
        turn = client.post(f"{session}/turns", json=body)
    assert turn.status_code == 200, turn.text[:500]
    result = turn.json()
    assert result["outcome"] in torment.outcomes, turn.text[:500]
    assert torment.shows in text_of(result["stdout"]), "what it had written before is lost"
    _assert_usable(client, session)


def _assert_usable(client, session: str) -> None:
    """At the latest the second turn is answered: the first may find a kernel that is broken."""
    for _ in range(2):
        with within(TIME_MAX, "the turn after it"):
            after = client.post(f"{session}/turns", json={"code": "6 * 7"}).json()
        if after["outcome"] != "kernel_died":
            break
    assert after["result"]["data"]["text/plain"] == "42", after


@every_torment
def test_hang_of_a_run(client, name):
    torment = TORMENTS[name]
    body = {
        "language": "python",
        "code": torment.code,
        "policy": {"limits": {"wall_time_ms": LIMIT_MS}},
    }
    with within(TIME_MAX, name):
        run = client.post("/v1/runs", json=body)
    assert run.status_code == 200, run.text[:500]
    result = run.json()["result"]
    # A program of its own may end by itself where a kernel's turn does not.
    assert result["outcome"] in torment.outcomes + ("exited", "signaled"), run.text[:500]
    assert torment.shows in text_of(result["stdout"])


SHELLS = {
    "stops itself": "echo begun; kill -STOP $$; sleep 60",
    "stops its group": "echo begun; trap '' TERM INT; kill -STOP 0; sleep 60",
    "ignores the end": "echo begun; trap '' TERM INT HUP; while :; do sleep 1; done",
    "floods": "echo begun; yes",
    "floods without lines": "echo begun; cat /dev/zero",
    "fills a pipe that nobody reads": "echo begun; mkfifo f; sleep 60 < f & yes > f",
    "waits for a FIFO": "echo begun; mkfifo f; cat f",
    "leaves a child with the pipes": "echo begun; sleep 600 & exit 0",
    "leaves a child without the session": "echo begun; setsid sleep 600 & exit 0",
    "forks": "echo begun; f() { f | f & }; f; wait",
    "closes its streams": "echo begun; exec >&- 2>&- <&-; sleep 60",
    "waits for input": "echo begun; cat; sleep 60",
}


@pytest.mark.parametrize("name", SHELLS)
@pytest.mark.parametrize("where", ["run", "command", "otari"])
def test_hang_of_a_shell(client, session, where, name):
    line = SHELLS[name]
    with within(TIME_MAX, name):
        shown = _shell(client, session, where, line)
    assert "begun" in shown, shown[:300]


def _shell(client, session: str, where: str, line: str) -> str:
    if where == "otari":
        made = client.post("/sessions", json={}).json()["session_id"]
        body = {"tool": "bash_code_execution", "input": {"command": line}, "timeout_seconds": 2}
        answer = client.post(f"/sessions/{made}/exec", json=body)
        assert answer.status_code == 200, answer.text[:500]
        client.delete(f"/sessions/{made}")
        return answer.json()["result_block"]["content"]["stdout"]
    if where == "run":
        body = {"shell": line, "policy": {"limits": {"wall_time_ms": LIMIT_MS}}}
        answer = client.post("/v1/runs", json=body)
        assert answer.status_code == 200, answer.text[:500]
        return text_of(answer.json()["result"]["stdout"])
    answer = client.post(f"{session}/commands", json={"shell": line, "wall_time_ms": LIMIT_MS})
    assert answer.status_code == 200, answer.text[:500]
    return text_of(answer.json()["stdout"])


SPECIAL = """
import os
os.mkfifo('fifo')
os.symlink('fifo', 'link')
os.symlink('loop', 'loop')
os.symlink('/proc/self/fd/0', 'stdin')
os.symlink('/dev/zero', 'zero')
os.symlink('/dev/full', 'full')
os.makedirs('d'); os.mkfifo('d/fifo')
import socket
socket.socket(socket.AF_UNIX).bind('socket')
with open('sparse', 'wb') as file:
    file.truncate(200 << 20)
with open('regular', 'w') as file:
    file.write('regular')
"""

FILE_CALLS = [
    ("GET", "files?path=", (200,)),
    ("GET", "files?path=&recursive=true", (200,)),
    *[
        ("GET", f"files/stat?path={name}", (200, 400, 403, 404, 409, 422))
        for name in ("fifo", "link", "loop", "stdin", "zero", "socket")
    ],
    *[
        ("GET", f"files/content?path={name}", (400, 403, 404, 409, 422))
        for name in ("fifo", "link", "loop", "stdin", "zero", "full", "socket", "d/fifo", "d")
    ],
    *[
        ("GET", f"files/archive?path=&format={form}", (200, 413, 422))
        for form in ("tar", "tar.gz", "zip")
    ],
    *[
        ("PUT", f"files/content?path={name}", (200, 201, 204, 400, 403, 404, 409, 422))
        for name in ("fifo", "link", "loop", "stdin", "zero", "full", "socket")
    ],
    ("DELETE", "files/content?path=fifo", (200, 204)),
    ("DELETE", "files/content?path=d/fifo", (200, 204)),
    ("DELETE", "files/content?path=loop", (200, 204)),
]


def test_hang_at_files_that_are_none(client, session):
    made = client.post(f"{session}/turns", json={"code": SPECIAL})
    assert made.json()["outcome"] == "exited", made.text
    wrong = []
    for method, path, statuses in FILE_CALLS:
        body = {"content": b"x"} if method == "PUT" else {}
        began = time.monotonic()
        answer = client.request(method, f"{session}/{path}", timeout=15, **body)
        took = time.monotonic() - began
        if answer.status_code not in statuses or took > 8:
            wrong.append(f"{method} {path}: {answer.status_code} after {took:.1f} s")
    assert not wrong, "\n".join(wrong)
    regular = client.get(f"{session}/files/content", params={"path": "regular"})
    assert regular.content == b"regular"


RUN_WITH_OUTPUTS = """
mkfifo out; ln -s /dev/zero zero; ln -s /etc/passwd passwd; ln -s loop loop; mkdir d; echo ok > good
"""


def test_hang_at_outputs_that_are_no_files(client):
    names = ["out", "zero", "passwd", "loop", "d", "missing", "../x", "/etc/passwd", "good"]
    with within(TIME_MAX, "bringing outputs back"):
        run = client.post("/v1/runs", json={"shell": RUN_WITH_OUTPUTS, "outputs": names})
    if run.status_code == 422:
        names = ["out", "zero", "passwd", "loop", "d", "missing", "good"]
        run = client.post("/v1/runs", json={"shell": RUN_WITH_OUTPUTS, "outputs": names})
    assert run.status_code == 200, run.text[:500]
    files = {file["path"]: file for file in run.json()["result"]["files"]}
    got = {name for name, file in files.items() if file.get("content_base64")}
    assert {name.rsplit("/", 1)[-1] for name in got} <= {"good", "passwd"}, got
    assert any(name.endswith("good") for name in got)


def test_hang_of_one_session_leaves_others_alone(server, client, session):
    """A stuck command and a stuck turn beside turns, commands and files of another."""
    stuck = [client.post("/v1/sessions", json={}).json()["session_id"] for _ in range(3)]
    begun = []
    for number, identifier in enumerate(stuck):
        path = f"/v1/sessions/{identifier}"
        work = [
            ("turns", {"code": TORMENTS["stops itself"].code}),
            ("commands", {"shell": SHELLS["stops its group"]}),
            ("turns", {"code": TORMENTS["loops in one expression of C"].code}),
        ][number]
        begun.append(threading.Thread(target=_ask_until_closed, args=(server, path, *work)))
        begun[-1].start()
    time.sleep(0.5)
    for _ in range(5):
        with within(2, "a turn beside stuck ones"):
            assert client.post(f"{session}/turns", json={"code": "1"}).status_code == 200
        with within(3, "a command beside stuck ones"):
            assert client.post(f"{session}/commands", json={"shell": "true"}).status_code == 200
        with within(2, "a list beside stuck ones"):
            assert client.get(f"{session}/files").status_code == 200
    with within(5, "deleting stuck sessions"):
        for identifier in stuck:
            assert client.delete(f"/v1/sessions/{identifier}").status_code in (200, 204)
    with within(5, "the answers of what was deleted"):
        [thread.join() for thread in begun]


def _ask_until_closed(server, path: str, what: str, body: dict) -> None:
    with server.client() as client:
        client.post(f"{path}/{what}", json=body, timeout=60)


@pytest.mark.parametrize(
    "name",
    [
        "stops itself",
        "catches the interrupt for ever",
        "loops in one expression of C",
        "ignores every signal",
    ],
)
def test_hang_ended_by_an_interrupt_or_a_restart(server, client, session, name):
    code = {"code": TORMENTS[name].code}
    asking = threading.Thread(target=_ask_until_closed, args=(server, session, "turns", code))
    asking.start()
    time.sleep(0.7)
    with within(5, "an interrupt"):
        assert client.post(f"{session}/interrupt").status_code == 200
    with within(8, "a restart"):
        assert client.post(f"{session}/restart").status_code in (200, 204)
    with within(5, "the answer of what was restarted"):
        asking.join()
    assert client.post(f"{session}/turns", json={"code": "1"}).status_code == 200


@pytest.mark.parametrize("what", ["complete", "inspect"])
def test_hang_of_looking_things_up(client, session, what):
    code = """
import time
class Slow:
    def __dir__(self): time.sleep(600)
    def __getattr__(self, name): time.sleep(600)
    @property
    def __doc__(self): time.sleep(600)
slow = Slow()
"""
    client.post(f"{session}/turns", json={"code": code})
    with within(8, what):
        answer = client.post(f"{session}/{what}", json={"code": "slow.a", "cursor": 6})
    assert answer.status_code < 500 or answer.status_code == 503, answer.text
    with within(TIME_MAX, "the turn after it"):
        after = client.post(f"{session}/turns", json={"code": "6 * 7", "wall_time_ms": LIMIT_MS})
    assert after.json()["result"]["data"]["text/plain"] == "42", after.text


def test_hang_of_a_background_command_can_be_ended(client, session):
    for name, line in SHELLS.items():
        begun = client.post(f"{session}/commands", json={"shell": line, "background": True})
        assert begun.status_code == 201, begun.text
        path = f"{session}/commands/{begun.json()['command_id']}"
        time.sleep(0.2)
        with within(3, f"reading logs of one that {name}"):
            client.get(f"{path}/logs", params={"stream": "stdout"})
        with within(4, f"ending one that {name}"):
            assert client.delete(path).status_code in (200, 204, 404, 409)
    with within(5, "the list of commands"):
        listed = client.get(f"{session}/commands").json()
    running = [one for one in listed.get("commands", []) if one["status"] == "running"]
    assert not running, running
