"""S7: what belongs to another tenant does not exist."""

import time
import uuid

import pytest

from harness.expect import assert_refused, without_request_id
from harness.server import command, key_id, make_key

TURN, SHELL = {"code": "1"}, {"shell": "true"}

# Method, path below a session, body or bytes.
SESSION_ROUTES = [
    ("GET", "", None),
    ("DELETE", "", None),
    ("POST", "/renew", {"idle_time_ms": 60000}),
    ("POST", "/interrupt", None),
    ("POST", "/restart", None),
    ("POST", "/turns", TURN),
    ("POST", "/complete", {"code": "pri", "cursor": 3}),
    ("POST", "/inspect", {"code": "print", "cursor": 3}),
    ("POST", "/commands", SHELL),
    ("GET", "/commands", None),
    ("GET", "/commands/{command}", None),
    ("GET", "/commands/{command}/logs?stream=stdout", None),
    ("POST", "/commands/{command}/signal", {"signal": "TERM"}),
    ("POST", "/commands/{command}/stdin", {"text": "x"}),
    ("DELETE", "/commands/{command}", None),
    ("GET", "/files", None),
    ("GET", "/files/stat?path=x", None),
    ("GET", "/files/content?path=x", None),
    ("HEAD", "/files/content?path=x", None),
    ("PUT", "/files/content?path=x", b"theirs"),
    ("DELETE", "/files/content?path=x", None),
    ("POST", "/files/move", {"from": "x", "to": "y"}),
    ("POST", "/files/directories", {"path": "d"}),
    ("GET", "/files/archive?format=tar", None),
    ("PUT", "/files/archive?format=tar", b""),
    ("GET", "/files/events", None),
]


@pytest.fixture(scope="module")
def theirs(_keyed):
    """A session of tenant a with a file, a command and a run."""
    with _keyed.client(_keyed.run) as client:
        session = client.post("/v1/sessions", json={"name": "theirs"}).json()["session_id"]
        path = f"/v1/sessions/{session}"
        put = client.put(f"{path}/files/content", params={"path": "x"}, content=b"ours")
        assert put.status_code in (200, 201, 204), put.text
        begun = client.post(f"{path}/commands", json={"shell": "sleep 600", "background": True})
        assert begun.status_code == 201, begun.text
        run = client.post("/v1/runs", json={"shell": "echo ours"}).json()["run_id"]
        yield {"session": session, "command": begun.json()["command_id"], "run": run}
        client.delete(path)


def _ask(client, method: str, path: str, body):
    given = {"content": body} if isinstance(body, bytes) else {"json": body} if body else {}
    return client.request(method, path, **given)


@pytest.mark.parametrize("route", SESSION_ROUTES, ids=lambda r: f"{r[0]} {r[1] or '/'}")
def test_s7_a_session_of_another_looks_like_none(keyed, theirs, route):
    method, path, body = route
    path = path.format(command=theirs["command"])
    with keyed.client(keyed.other) as client:
        answers = [
            _ask(client, method, f"/v1/sessions/{session}{path}", body)
            for session in (theirs["session"], str(uuid.uuid4()))
        ]
    for answer in answers:
        assert_refused(answer, 404)
    if method != "HEAD":
        assert without_request_id(answers[0]) == without_request_id(answers[1])


def test_s7_another_has_touched_nothing(keyed, theirs):
    with keyed.client() as client:
        path = f"/v1/sessions/{theirs['session']}"
        assert client.get(path).json()["turns"] == 0
        content = client.get(f"{path}/files/content", params={"path": "x"})
        assert content.content == b"ours"
        command = client.get(f"{path}/commands/{theirs['command']}")
        assert command.json()["status"] == "running"


RUN_ROUTES = [("GET", ""), ("POST", "/cancel"), ("GET", "/events")]


@pytest.mark.parametrize("method, path", RUN_ROUTES)
def test_s7_a_run_of_another_looks_like_none(keyed, theirs, method, path):
    with keyed.client(keyed.other) as client:
        answers = [
            client.request(method, f"/v1/runs/{run}{path}")
            for run in (theirs["run"], str(uuid.uuid4()))
        ]
    for answer in answers:
        assert_refused(answer, 404)
    assert without_request_id(answers[0]) == without_request_id(answers[1])


def test_s7_lists_and_names_are_each_tenants_own(keyed, theirs):
    with keyed.client(keyed.other) as client:
        assert client.get("/v1/sessions").json()["sessions"] == []
        assert client.get("/v1/sessions", params={"name": "theirs"}).json()["sessions"] == []
        runs = client.get("/v1/runs").json()["runs"]
        assert theirs["run"] not in [run["run_id"] for run in runs]
        made = client.post("/v1/sessions", json={"name": "theirs", "get_or_create": True})
        assert made.status_code == 201, made.text
        assert made.json()["session_id"] != theirs["session"]
        client.delete(f"/v1/sessions/{made.json()['session_id']}")


@pytest.mark.parametrize(
    "path, body",
    [
        ("exec", {"tool": "bash_code_execution", "input": {"command": "cat x"}}),
        ("files/list", None),
        ("files?path=x", None),
    ],
)
def test_s7_the_session_protocol_knows_tenants_too(keyed, theirs, path, body):
    with keyed.client(keyed.other) as client:
        method = "POST" if body else "GET"
        answers = []
        for session in (theirs["session"], str(uuid.uuid4())):
            answer = _ask(client, method, f"/sessions/{session}/{path}", body)
            assert answer.status_code == 404, answer.text
            answers.append(answer.text.replace(session, "ID"))
    assert answers[0] == answers[1]


def test_s6_revoking_a_key_ends_its_open_stream(keyed):
    key = make_key(keyed.state_dir, "a", "run")
    with keyed.client(key) as client:
        deadline = time.monotonic() + 3
        while client.get("/v1/runs").status_code != 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        run = {"shell": "sleep 60", "mode": "async"}
        run = client.post("/v1/runs", json=run).json()["run_id"]
        headers = {"Accept": "text/event-stream"}
        with client.stream("GET", f"/v1/runs/{run}/events", headers=headers, timeout=30) as stream:
            assert stream.status_code == 200
            lines = stream.iter_lines()
            next(lines)
            command("key", "revoke", key_id(key), "--state-dir", keyed.state_dir)
            revoked = time.monotonic()
            try:
                for _ in lines:
                    pass
            except Exception:  # the connection may break instead of ending
                pass
            took = time.monotonic() - revoked
    with keyed.client() as client:
        client.post(f"/v1/runs/{run}/cancel")
    assert took < 2.5, f"a stream of a revoked key was open for {took:.1f} s"


def test_s60_an_idempotency_key_is_each_tenants_own(keyed):
    headers = {"Idempotency-Key": f"k-{uuid.uuid4()}"}
    body = {"shell": "echo 1"}
    ids = []
    for key in (keyed.run, keyed.other, keyed.run):
        with keyed.client(key) as client:
            ids.append(client.post("/v1/runs", json=body, headers=headers).json()["run_id"])
    assert ids[0] == ids[2] != ids[1]


def test_s65_a_cursor_of_another_tenant_is_refused_or_shows_only_ones_own(keyed):
    with keyed.client() as client:
        for _ in range(3):
            client.post("/v1/runs", json={"shell": "true"})
        cursor = client.get("/v1/runs", params={"limit": 1}).json()["next_cursor"]
        assert cursor
        own = {run["run_id"] for run in client.get("/v1/runs").json()["runs"]}
    with keyed.client(keyed.other) as client:
        page = client.get("/v1/runs", params={"limit": 10, "cursor": cursor})
    if page.status_code == 200:
        assert not own & {run["run_id"] for run in page.json()["runs"]}
    else:
        assert_refused(page, 400)
