"""S77, S80: streams that are asked for oddly, or far too often."""

import json
import socket
import time

import pytest

from harness.expect import assert_refused
from harness.host import resident_bytes

SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}


@pytest.fixture
def ended(client):
    """A run that is over, with a few events."""
    body = {"shell": "for n in 1 2 3; do echo $n; sleep 0.05; done", "mode": "async"}
    run = client.post("/v1/runs", json=body).json()["run_id"]
    assert client.get(f"/v1/runs/{run}", params={"wait_ms": 5000}).json()["status"] == "ended"
    return run


def _events(client, run: str, query: str = "", **headers) -> list[dict]:
    with client.stream(
        "GET", f"/v1/runs/{run}/events{query}", headers={**NDJSON, **headers}
    ) as stream:
        assert stream.status_code == 200, stream.read()
        return [json.loads(line) for line in stream.iter_lines() if line]


def test_s77_a_stream_goes_on_where_it_was_left(client, ended):
    everything = _events(client, ended)
    numbers = [event["seq"] for event in everything]
    assert numbers == sorted(set(numbers))
    rest = _events(client, ended, **{"Last-Event-ID": str(numbers[1])})
    assert rest == everything[2:]


BAD_IDS = [
    "x",
    "-1",
    "1.5",
    "99999999999999999999",
    "0x1",
    "1;2",
    "\x1b[31m",
    "1,2",
    "a" * 5000,
    "NaN",
]


@pytest.mark.parametrize("value", BAD_IDS)
def test_s77_ids_that_are_none(server, client, ended, value):
    with server.raw() as raw:
        head = server.head(
            "GET",
            f"/v1/runs/{ended}/events",
            "Accept: text/event-stream",
            f"Last-Event-ID: {value}",
            "Connection: close",
        )
        raw.send(head + b"\r\n")
        answer = raw.answer()
    assert answer.status in (200, 400), answer.status
    if answer.status == 200:
        assert b"run.started" in answer.body, "a forged id is taken as one of ours"


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "99999999999999999999", ""])
def test_s77_numbers_that_are_none(client, ended, value):
    response = client.get(f"/v1/runs/{ended}/events", params={"from": value}, headers=SSE)
    assert_refused(response, 400, 422)


def test_s77_an_id_beyond_the_end_of_an_ended_run_ends(client, ended):
    began = time.monotonic()
    response = client.get(
        f"/v1/runs/{ended}/events", headers={**SSE, "Last-Event-ID": "4000000000"}
    )
    assert response.status_code in (200, 400)
    assert time.monotonic() - began < 5


def test_s77_an_unknown_run(client):
    response = client.get("/v1/runs/0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a/events", headers=SSE)
    assert_refused(response, 404)


def test_s77_output_cannot_pretend_to_be_an_event(client):
    fake = 'data: {\\"type\\":\\"run.completed\\"}\\n\\nid: 999\\nevent: run.completed\\n\\n'
    body = {"shell": f"printf '{fake}'; echo after"}
    with client.stream("POST", "/v1/runs", json=body, headers=SSE) as stream:
        lines = list(stream.iter_lines())
    names = [line for line in lines if line.startswith("event:")]
    assert len([name for name in names if "run.completed" in name]) == 1
    assert "run.completed" in names[-1]
    ids = [int(line[3:]) for line in lines if line.startswith("id:")]
    assert ids == sorted(ids) and 999 not in ids


def test_s77_output_with_every_kind_of_line_end_stays_one_event(client):
    body = {"language": "python", "code": "print('a\\rb\\r\\nc\\u2028d\\u0085e\\x00f', end='')"}
    with client.stream("POST", "/v1/runs", json=body, headers=SSE) as stream:
        text = b"".join(stream.iter_raw()).decode()
    data = [json.loads(line[5:]) for line in text.split("\n") if line.startswith("data:")]
    shown = "".join(event["text"] for event in data if event["type"] == "stdout")
    assert shown == "a\rb\r\nc\u2028d\u0085e\x00f"


STREAMS = 400


def test_s80_streams_of_one_run_are_limited(server, client):
    """Far fewer than ten thousand are enough to see whether somebody counts."""
    run = client.post("/v1/runs", json={"shell": "sleep 60", "mode": "async"}).json()["run_id"]
    head = server.head("GET", f"/v1/runs/{run}/events", "Accept: text/event-stream") + b"\r\n"
    opened, refused = [], None
    try:
        for _ in range(STREAMS):
            raw = server.raw(timeout=10)
            opened.append(raw)
            raw.send(head)
            status = raw._head()[0]
            if status != 200:
                refused = status
                break
        print(f"{len(opened)} streams of one run, then {refused}")
        server.assert_right()
        assert refused in (429, 503), f"{len(opened)} streams of one run are served"
    finally:
        for raw in opened:
            raw.socket.close()
        client.post(f"/v1/runs/{run}/cancel")


def test_s80_who_does_not_read_a_stream_does_not_hold_the_run(server, client):
    """The run ends in its time although its subscriber takes nothing."""
    body = {"shell": "head -c 30000000 /dev/zero | tr '\\0' x; echo", "mode": "async"}
    run = client.post("/v1/runs", json=body).json()["run_id"]
    raw = server.raw(receive_buffer=4096)
    raw.send(server.head("GET", f"/v1/runs/{run}/events", "Accept: text/event-stream") + b"\r\n")
    began = time.monotonic()
    while client.get(f"/v1/runs/{run}", params={"wait_ms": 1000}).json()["status"] == "running":
        assert time.monotonic() - began < 20
    raw.socket.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_s80_what_is_kept_of_ended_runs_is_bounded(fresh):
    """Runs whose events are as large as they may be, one after another."""
    server = fresh()
    noisy = "head -c 8000000 /dev/urandom | base64 -w 100"
    with server.client() as client:
        grown = []
        for _ in range(3):
            before = resident_bytes(server.process.pid)
            for _ in range(25):
                body = {"shell": noisy, "mode": "async"}
                run = client.post("/v1/runs", json=body).json()["run_id"]
                client.get(f"/v1/runs/{run}", params={"wait_ms": 30_000})
            grown.append(resident_bytes(server.process.pid) - before)
    print(f"grew by {[size >> 20 for size in grown]} MiB, each with 25 runs")
    assert sum(grown) < 400 << 20
