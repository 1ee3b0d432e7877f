"""Clients that go away in the middle, come back, or take nothing of what they asked for."""

import json
import time

import pytest

from harness.host import resident_bytes

SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}
# An interrupt, and a machine that builds beside it.
INTERRUPT_TIME_MAX = 8.0

STUCK = """
import time
kept = 'kept'
try:
    time.sleep(60)
    kept = 'to its end'
except KeyboardInterrupt:
    kept = 'interrupted'
    raise
"""


def _leave_during(server, path: str, body: dict, *headers: str) -> None:
    """Sends a request and breaks the connection when it is under way."""
    data = json.dumps(body).encode()
    head = server.head(
        "POST", path, "Content-Type: application/json", f"Content-Length: {len(data)}", *headers
    )
    with server.raw() as raw:
        raw.send(head + b"\r\n" + data)
        time.sleep(1)
        raw.reset()


@pytest.mark.parametrize(
    "accept", ["application/json", "text/event-stream", "application/x-ndjson"]
)
def test_end_of_a_client_interrupts_its_turn_and_spares_the_variables(
    server, client, session, accept
):
    client.post(f"{session}/turns", json={"code": "before = 41"})
    _leave_during(server, f"{session}/turns", {"code": STUCK}, f"Accept: {accept}")
    began = time.monotonic()
    turn = client.post(f"{session}/turns", json={"code": "(before + 1, kept)"}).json()
    assert time.monotonic() - began < INTERRUPT_TIME_MAX
    assert turn["result"]["data"]["text/plain"] == "(42, 'interrupted')", turn


def test_end_of_a_client_takes_its_run_back(server, client):
    label = f"l{time.monotonic_ns()}"
    _leave_during(server, "/v1/runs", {"shell": "sleep 60", "labels": {"which": label}})
    deadline = time.monotonic() + INTERRUPT_TIME_MAX
    while True:
        runs = client.get("/v1/runs", params={"label": f"which={label}"}).json()["runs"]
        if runs[0]["status"] != "running":
            break
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert runs[0]["result"]["outcome"] == "cancelled", runs


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_end_of_a_client_that_wants_its_run_to_go_on(server, client, accept):
    label = f"l{time.monotonic_ns()}"
    body = {"shell": "sleep 2; echo done", "labels": {"which": label}, "on_disconnect": "continue"}
    _leave_during(server, "/v1/runs", body, f"Accept: {accept}")
    [run] = client.get("/v1/runs", params={"label": f"which={label}"}).json()["runs"]
    told = client.get(f"/v1/runs/{run['run_id']}", params={"wait_ms": 10_000}).json()
    assert (told["status"], told["result"]["outcome"]) == ("ended", "exited"), told
    assert told["result"]["stdout"]["head"] == "done\n"
    with client.stream("GET", f"/v1/runs/{run['run_id']}/events", headers=NDJSON) as stream:
        events = [json.loads(line) for line in stream.iter_lines() if line]
    assert [events[0]["type"], events[-1]["type"]] == ["run.started", "run.completed"]


def test_end_of_a_client_that_wants_its_turn_to_go_on(server, client, session):
    body = {"code": "import time; time.sleep(2); whole = True", "on_disconnect": "continue"}
    _leave_during(server, f"{session}/turns", body)
    turn = client.post(f"{session}/turns", json={"code": "whole"}).json()
    assert turn["result"]["data"]["text/plain"] == "True", turn


def test_end_of_a_stream_in_the_middle_is_no_loss_to_who_comes_back(server, client):
    line = "for n in 1 2 3 4 5 6; do echo $n; sleep 0.3; done"
    body = {"shell": line, "mode": "async"}
    run = client.post("/v1/runs", json=body).json()["run_id"]
    events: list[dict] = []
    for _ in range(100):
        headers = {**NDJSON, "Last-Event-ID": str(events[-1]["seq"] if events else 0)}
        with client.stream("GET", f"/v1/runs/{run}/events", headers=headers) as stream:
            for text in stream.iter_lines():
                if text and (event := json.loads(text))["type"] != "heartbeat":
                    events.append(event)
                    break  # the connection is lost after each event
        if events and events[-1]["type"] == "run.completed":
            break
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    shown = "".join(event["text"] for event in events if event["type"] == "stdout")
    assert shown == "1\n2\n3\n4\n5\n6\n"


FLOOD = "head -c 6000000 /dev/urandom | base64 -w 100"
READERS = 30


def test_end_of_patience_many_readers_that_take_nothing_cost_little(fresh):
    """As many as may read one run: none holds its events once more."""
    server = fresh()
    with server.client() as client:
        run = client.post("/v1/runs", json={"shell": FLOOD, "mode": "async"}).json()["run_id"]
        client.get(f"/v1/runs/{run}", params={"wait_ms": 30_000})
        before = resident_bytes(server.process.pid)
        head = server.head("GET", f"/v1/runs/{run}/events", "Accept: text/event-stream")
        readers = [server.raw(receive_buffer=4096).send(head + b"\r\n") for _ in range(READERS)]
        time.sleep(2)
        grown = resident_bytes(server.process.pid) - before
        [reader.socket.close() for reader in readers]
        server.assert_right()
    print(f"grew by {grown >> 20} MiB with {READERS} readers that take nothing")
    assert grown < READERS * (3 << 20)


RUNS = 10_000


@pytest.mark.slow
def test_end_of_ten_thousand_runs_is_kept_within_bounds(fresh):
    server = fresh()
    labels = {f"k{n}": "x" * 100 for n in range(8)}
    with server.client() as client:
        client.post("/v1/runs", json={"shell": "true"})
        before = resident_bytes(server.process.pid)
        for _ in range(RUNS):
            body = {"shell": "echo x", "labels": labels, "on_disconnect": "continue"}
            assert client.post("/v1/runs", json=body).status_code == 200
        full = resident_bytes(server.process.pid)
        for _ in range(RUNS // 5):
            client.post("/v1/runs", json={"shell": "echo x", "labels": labels})
        more = resident_bytes(server.process.pid)
        assert client.get("/v1/runs", params={"limit": 1000}).status_code == 200
    taken, added = (full - before) >> 20, (more - full) >> 20
    print(f"{RUNS} runs take {taken} MiB; a fifth more, {added} MiB")
    assert full - before < 400 << 20
    assert more - full < 100 << 20
