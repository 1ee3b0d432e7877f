"""S30–S36: clients that are slow, many, or gone."""

import resource
import socket
import time

import pytest

from harness.expect import assert_status
from harness.host import file_count, resident_bytes
from harness.raw import Closed, Raw

JSON = "Content-Type: application/json"
# What a head or a body may take, and some more for a busy machine.
CUT_OFF_WITHIN = 50.0
IDLE = 10_000


@pytest.mark.parametrize("length", [1 << 40, 1 << 62])
def test_s30_a_body_that_is_too_large_is_refused_before_it_comes(server, length):
    head = server.head(
        "POST", "/v1/runs", JSON, f"Content-Length: {length}", "Expect: 100-continue"
    )
    with server.raw(timeout=5) as raw:
        raw.send(head + b"\r\n")
        answer = raw.answer()
    assert_status(answer, 413, 417)
    assert answer.interim == []


def test_s30_an_upload_that_is_too_large_is_refused_before_it_comes(server, session):
    path = f"{session}/files/content?path=x"
    head = server.head("PUT", path, f"Content-Length: {1 << 40}", "Expect: 100-continue")
    with server.raw(timeout=5) as raw:
        raw.send(head + b"\r\n")
        answer = raw.answer()
    assert_status(answer, 413, 417)
    assert answer.interim == []


def test_s30_a_body_that_fits_is_asked_for(server):
    body = b'{"shell":"true"}'
    head = server.head(
        "POST", "/v1/runs", JSON, f"Content-Length: {len(body)}", "Expect: 100-continue"
    )
    with server.raw() as raw:
        raw.send(head + b"\r\n")
        time.sleep(0.3)
        answer = raw.send(body).answer()
    assert_status(answer, 200)
    assert answer.interim in ([], [100])


@pytest.mark.slow
def test_s31_a_head_that_drips_is_cut_off(server):
    with server.raw() as raw:
        head = server.head("GET", "/v1/runs", "X: " + "a" * 1000)
        assert raw.drip(head, pause=1, until=CUT_OFF_WITHIN), "a head may take forever"
        _assert_cut_off(raw)


@pytest.mark.slow
def test_s31_a_body_that_drips_is_cut_off(server):
    with server.raw() as raw:
        raw.send(server.head("POST", "/v1/runs", JSON, "Content-Length: 1000") + b"\r\n")
        assert raw.drip(b'{"shell": "true' + b" " * 900, pause=1, until=CUT_OFF_WITHIN)
        _assert_cut_off(raw)


@pytest.mark.slow
def test_s31_an_upload_that_stalls_is_cut_off(server, session):
    path = f"{session}/files/content?path=stalled"
    with server.raw(timeout=CUT_OFF_WITHIN + 20) as raw:
        raw.send(server.head("PUT", path, "Content-Length: 1000000") + b"\r\nabc")
        _assert_cut_off(raw)
    with server.client() as client:
        found = client.get(f"{session}/files/stat", params={"path": "stalled"})
        assert found.status_code == 404, "half an upload was left as a file"


def _assert_cut_off(raw: Raw) -> None:
    try:
        assert_status(raw.answer(), 400, 408)
    except Closed:
        pass


@pytest.mark.slow
def test_s31_who_reads_nothing_costs_no_memory_and_is_let_go(server, session):
    """A download of 200 MB to each of eight clients that never read."""
    with server.client() as client:
        made = client.post(f"{session}/turns", json={"code": MANY_FILES})
        assert made.json()["outcome"] == "exited", made.text
    before = resident_bytes(server.process.pid)
    readers = [server.raw(receive_buffer=4096) for _ in range(8)]
    for raw in readers:
        raw.send(server.head("GET", f"{session}/files/archive?path=&format=tar") + b"\r\n")
    time.sleep(5)
    grown = resident_bytes(server.process.pid) - before
    server.assert_right()
    deadline = time.monotonic() + CUT_OFF_WITHIN + 30
    while any(_is_open(raw) for raw in readers) and time.monotonic() < deadline:
        time.sleep(1)
    still = sum(map(_is_open, readers))
    for raw in readers:
        raw.socket.close()
    assert grown < 400 << 20, f"grew by {grown >> 20} MiB for what nobody reads"
    assert not still, f"{still} clients that read nothing are still served"


MANY_FILES = """
for n in range(20):
    with open(f'big{n}', 'wb') as file:
        file.write(b'x' * 5_000_000)
"""


def _is_open(raw: Raw) -> bool:
    """Whether the server's end is open, without reading what it sent: by the TCP state."""
    state = raw.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    established = 1
    return state == established


def _raise_file_limit() -> int:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 2000
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_s32_thousands_of_idle_connections_keep_nobody_out(fresh):
    count = min(IDLE, _raise_file_limit() - 1000)
    server = fresh()
    server.assert_right()
    idle = []
    try:
        for _ in range(count):
            idle.append(socket.create_connection(server.address, timeout=10))
    except OSError as error:
        print(f"the machine gives up after {len(idle)}: {error}")
    held = file_count(server.process.pid)
    began = time.monotonic()
    server.assert_right()
    took = time.monotonic() - began
    print(f"{len(idle)} idle connections, the server holds {held} files, answers in {took:.2f} s")
    assert took < 10
    for connection in idle:
        connection.close()
    _await(lambda: file_count(server.process.pid) < 500, 30)
    server.assert_right()


def test_s32_heads_that_are_begun_and_not_ended_keep_nobody_out(fresh):
    server = fresh()
    begun = []
    for _ in range(min(3000, _raise_file_limit() - 1000)):
        connection = socket.create_connection(server.address, timeout=10)
        connection.sendall(b"POST /v1/runs HTTP/1.1\r\nHost: ")
        begun.append(connection)
    server.assert_right()
    for connection in begun:
        connection.close()


def _await(condition, within: float) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)


def test_s33_a_thousand_pipelined_requests_are_answered_in_order(server):
    heads = [
        server.head("GET", "/health", f"X-Request-Id: pipe-{n}") + b"\r\n" for n in range(1000)
    ]
    with server.raw() as raw:
        raw.send(b"".join(heads))
        raw.half_close()
        seen = []
        try:
            for _ in heads:
                seen.append(raw.answer().header("x-request-id"))
        except Closed:
            pass  # a limit, if what was answered was in order
    assert seen == [f"pipe-{n}" for n in range(len(seen))] and seen


def test_s33_pipelining_behind_a_slow_run_does_not_mix_answers(server):
    body = b'{"shell":"sleep 0.5; echo slow"}'
    slow = server.head("POST", "/v1/runs", JSON, f"Content-Length: {len(body)}") + b"\r\n" + body
    quick = server.head("GET", "/health") + b"\r\n"
    with server.raw() as raw:
        raw.send(slow + quick)
        assert b"slow" in raw.answer().body
        assert b"slow" not in raw.answer().body


UPGRADES = [
    (
        "Upgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    ),
    (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
    ("Upgrade: TLS/1.0", "Connection: Upgrade"),
]


@pytest.mark.parametrize("headers", UPGRADES, ids=lambda h: h[0])
@pytest.mark.parametrize("path", ["/health", "/v1/runs", "/v1/sessions", "/sessions/x", "/ws"])
def test_s35_s78_nothing_is_ever_switched(server, path, headers):
    with server.raw() as raw:
        raw.send(server.head("GET", path, *headers) + b"\r\n")
        assert_status(raw.answer(), 200, 400, 404, 405, 426)


def _runs(server) -> list[dict]:
    with server.client() as client:
        return client.get("/v1/runs", params={"status": "running"}).json()["runs"]


LONG = b'{"shell":"sleep 120"}'


def _start_run(server) -> Raw:
    raw = server.raw()
    raw.send(server.head("POST", "/v1/runs", JSON, f"Content-Length: {len(LONG)}") + b"\r\n" + LONG)
    _await(lambda: _runs(server), 10)
    return raw


@pytest.mark.parametrize("how", ["close", "reset"])
def test_s36_a_run_whose_client_is_gone_is_ended(server, how):
    raw = _start_run(server)
    raw.reset() if how == "reset" else raw.socket.close()
    _await(lambda: not _runs(server), 10)


def test_s36_a_client_that_only_stops_sending_gets_its_answer_or_is_gone(server):
    body = b'{"shell":"sleep 1; echo done"}'
    with server.raw() as raw:
        raw.send(
            server.head("POST", "/v1/runs", JSON, f"Content-Length: {len(body)}") + b"\r\n" + body
        )
        raw.half_close()
        try:
            assert b"done" in raw.answer().body
        except Closed:
            pass
    _await(lambda: not _runs(server), 10)


@pytest.mark.parametrize("part", [0, 5, len(LONG) - 1])
def test_s36_a_body_that_ends_early_starts_nothing(server, part):
    for end in (Raw.half_close, Raw.reset):
        with server.raw() as raw:
            head = server.head("POST", "/v1/runs", JSON, f"Content-Length: {len(LONG)}")
            raw.send(head + b"\r\n" + LONG[:part])
            end(raw)
    time.sleep(0.3)
    assert not _runs(server)


def test_s36_reset_in_the_middle_of_a_stream(server):
    body = b'{"shell":"while true; do echo xxxxxxxxxxxxxxxxxxxxxx; done"}'
    head = server.head(
        "POST", "/v1/runs", JSON, "Accept: text/event-stream", f"Content-Length: {len(body)}"
    )
    for _ in range(5):
        with server.raw() as raw:
            raw.send(head + b"\r\n" + body)
            raw._bytes(2000)
            raw.reset()
    _await(lambda: not _runs(server), 10)


def test_s36_connect_and_reset_a_thousand_times(server):
    for n in range(1000):
        raw = server.raw()
        if n % 2:
            raw.send(b"GET /hea")
        raw.reset()
