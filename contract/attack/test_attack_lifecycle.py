"""S60–S63: the same twice, two at once, too many, and too late."""

import threading
import time
import uuid

import pytest

from harness.expect import assert_refused
from harness.server import Keyed

BODY = {"shell": "echo $RANDOM$RANDOM"}


def _headers(key: str | None = None) -> dict:
    return {"Idempotency-Key": key or f"k-{uuid.uuid4()}"}


@pytest.mark.parametrize(
    "path, body, other",
    [
        ("/v1/runs", BODY, {"shell": "echo other"}),
        ("/v1/sessions", {}, {"name": "other"}),
    ],
)
def test_s60_the_same_key_for_the_same_and_for_another(client, path, body, other):
    headers = _headers()
    first, again = (client.post(path, json=body, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert_refused(client.post(path, json=other, headers=headers), 409, 422)


def test_s60_the_same_key_at_the_same_time_runs_once(server, client):
    headers = _headers()
    answers = []

    def ask():
        with server.client() as own:
            answers.append(own.post("/v1/runs", json={"shell": "sleep 0.5"}, headers=headers))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    taken = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["run_id"] for answer in taken}) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "x" * 4096, "a b", "caf\xe9", "a\x7f"])
def test_s60_keys_that_are_none(server, key):
    body = b'{"shell":"true"}'
    head = server.head(
        "POST",
        "/v1/runs",
        "Content-Type: application/json",
        f"Idempotency-Key: {key}",
        f"Content-Length: {len(body)}",
    )
    with server.raw() as raw:
        raw.send(head + b"\r\n" + body)
        assert raw.answer().status in (400, 422)


def test_s61_turns_at_once_are_one_after_the_other_or_refused(server, client, session):
    client.post(f"{session}/turns", json={"code": "n = 0"})
    code = "import time\nx = n; time.sleep(0.2); n = x + 1"
    answers = []

    def ask():
        with server.client() as own:
            answers.append(own.post(f"{session}/turns", json={"code": code}))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    taken = [answer for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 409, 429, 503}
    assert taken
    shown = client.post(f"{session}/turns", json={"code": "n"}).json()
    assert shown["result"]["data"]["text/plain"] == str(len(taken))


QUOTAS = [
    ({"CELLBLOCK_TENANT_SESSIONS_MAX": "3"}, 429),
    ({"CELLBLOCK_SESSIONS_MAX": "3"}, 503),
    # Less than one session's: no wait helps.
    ({"CELLBLOCK_TENANT_WORKSPACE_SIZE": "1M"}, 403),
]


@pytest.mark.parametrize("env, status", QUOTAS, ids=lambda given: str(given))
def test_s62_sessions_beyond_a_quota(fresh, env, status):
    server = fresh(kind=Keyed, env=env)
    with server.client() as client:
        made = []
        while (answer := client.post("/v1/sessions", json={})).status_code == 201:
            made.append(answer.json()["session_id"])
            assert len(made) <= 3
        assert_refused(answer, status)
        if status != 403:
            assert int(answer.headers["retry-after"]) >= 1
        otari = client.post("/sessions", json={})
        assert otari.status_code in (403, 429, 503), otari.text
        if made:
            client.delete(f"/v1/sessions/{made.pop()}")
            assert client.post("/v1/sessions", json={}).status_code == 201


def test_s62_sessions_asked_for_at_once_do_not_slip_through(fresh):
    server = fresh(kind=Keyed, env={"CELLBLOCK_TENANT_SESSIONS_MAX": "3"})
    statuses = []

    def ask():
        with server.client() as client:
            statuses.append(client.post("/v1/sessions", json={}).status_code)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert statuses.count(201) == 3 and set(statuses) == {201, 429}, statuses


@pytest.mark.parametrize(
    "env, statuses",
    [
        ({"CELLBLOCK_TENANT_RUNS_MAX": "2"}, {429}),
        ({"CELLBLOCK_RUNS_MAX": "2"}, {429, 503}),
        ({"CELLBLOCK_TENANT_RUNS_PER_MINUTE": "5"}, {429}),
    ],
    ids=lambda given: str(given),
)
def test_s62_runs_beyond_a_quota(fresh, env, statuses):
    server = fresh(kind=Keyed, env=env)
    begun = []

    def ask():
        with server.client() as client:
            begun.append(client.post("/v1/runs", json={"shell": "sleep 20", "mode": "async"}))

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(200)]
    [thread.start() for thread in threads]
    deadline = time.monotonic() + 40
    while not (refused := [one for one in begun if one.status_code != 202]):
        assert time.monotonic() < deadline, f"{len(begun)} runs and none refused"
        time.sleep(0.1)
    for answer in refused:
        assert_refused(answer, *statuses)
        assert int(answer.headers["retry-after"]) >= 1
    with server.client() as client:
        assert client.get("/health", timeout=5).status_code == 200


ROUTES = [
    ("GET", "", None),
    ("POST", "/turns", {"code": "1"}),
    ("POST", "/commands", {"shell": "true"}),
    ("GET", "/files", None),
    ("POST", "/interrupt", None),
    ("POST", "/restart", None),
    ("POST", "/renew", {}),
]


def _statuses(client, session: str) -> dict:
    return {
        route: client.request(
            method, session + route, **({"json": body} if body is not None else {})
        )
        for method, route, body in ROUTES
    }


def test_s63_a_deleted_session(client):
    session = f"/v1/sessions/{client.post('/v1/sessions', json={}).json()['session_id']}"
    assert client.delete(session).status_code in (200, 204)
    for response in [*_statuses(client, session).values(), client.delete(session)]:
        assert_refused(response, 404, 410)


@pytest.mark.parametrize("field", ["idle_time_ms", "lifetime_ms"])
def test_s63_an_expired_session(client, field):
    made = client.post("/v1/sessions", json={field: 1000})
    assert made.status_code == 201, made.text
    time.sleep(2.5)
    session = f"/v1/sessions/{made.json()['session_id']}"
    for response in _statuses(client, session).values():
        assert_refused(response, 404, 410)


def test_s63_a_session_that_is_deleted_during_a_turn(server, client):
    session = f"/v1/sessions/{client.post('/v1/sessions', json={}).json()['session_id']}"
    answers = []

    def ask():
        with server.client() as own:
            answers.append(
                own.post(f"{session}/turns", json={"code": "import time; time.sleep(60)"})
            )

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.5)
    assert client.delete(session).status_code in (200, 204)
    thread.join(10)
    assert answers, "the turn of a deleted session goes on"
    assert answers[0].status_code in (200, 404, 409, 410), answers[0].text


DEATHS = [
    "import os; os._exit(3)",
    "import os; os.kill(os.getpid(), 9)",
    "import ctypes; ctypes.string_at(0)",
    "import os; os.abort()",
]


@pytest.mark.parametrize("code", DEATHS)
def test_s63_a_session_whose_kernel_died(client, session, code):
    client.put(f"{session}/files/content", params={"path": "kept"}, content=b"kept")
    client.post(f"{session}/turns", json={"code": "x = 1"})
    died = client.post(f"{session}/turns", json={"code": code})
    assert died.status_code == 200, died.text
    assert died.json()["state_lost"] is True or died.json()["outcome"] == "exited"
    after = client.post(f"{session}/turns", json={"code": "open('kept').read()"})
    assert after.status_code == 200, after.text
    assert after.json()["result"]["data"]["text/plain"] == "'kept'"
