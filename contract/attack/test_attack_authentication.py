"""S1–S17: who may call at all."""

import json
import time

import pytest

from harness.expect import assert_refused, assert_shape, assert_status
from harness.server import command, key_id, make_key

UNAUTHENTICATED = 401


def test_s1_no_key_is_401_with_a_challenge_and_always_the_same_body(keyed):
    bodies = set()
    with keyed.client("") as client:
        for path in ("/v1/runs", "/v1/sessions", "/v1/sessions/x", "/v1/nowhere", "/sessions/x"):
            response = client.get(path)
            assert_refused(response, UNAUTHENTICATED)
            assert response.headers["www-authenticate"].startswith("Bearer")
            if path.startswith("/v1"):
                bodies.add(json.dumps(response.json()["error"], sort_keys=True))
    assert len(bodies) == 1, bodies


TOKEN = "cbk_0123456789ab_" + "A" * 43

BAD_HEADERS = {
    "scheme alone": (["Authorization: Bearer"], {401}),
    "scheme and a space": (["Authorization: Bearer "], {401}),
    "basic": (["Authorization: Basic YTpi"], {401}),
    "no scheme": ([f"Authorization: {TOKEN}"], {401}),
    "8 KiB token": (["Authorization: Bearer cbk_" + "x" * 8192], {401}),
    "non-ASCII": (["Authorization: Bearer cbk_\xe9\xff"], {400, 401}),
    "NUL": (["Authorization: Bearer cbk_\x00"], {400}),
    "empty X-API-Key": (["X-API-Key:"], {401}),
    "two wrong ones": ([f"Authorization: Bearer {TOKEN}"] * 2, {401}),
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_s2_odd_credentials(keyed, name):
    headers, statuses = BAD_HEADERS[name]
    with keyed.raw() as raw:
        raw.send(keyed.head("GET", "/v1/runs", *headers, key="") + b"\r\n")
        assert_status(raw.answer(), *statuses)


def test_s2_a_right_key_beside_another_is_refused(keyed):
    right = f"Authorization: Bearer {keyed.run}"
    for others in (
        [right, f"Authorization: Bearer {TOKEN}"],
        [right, right],
        [right, f"X-API-Key: {TOKEN}"],
    ):
        with keyed.raw() as raw:
            raw.send(keyed.head("GET", "/v1/runs", *others, key="") + b"\r\n")
            assert_status(raw.answer(), 400, 401)


def test_s2_both_ways_to_show_a_key_work(keyed):
    for header in (f"Authorization: Bearer {keyed.run}", f"X-API-Key: {keyed.run}"):
        with keyed.raw() as raw:
            raw.send(keyed.head("GET", "/v1/runs", header, key="") + b"\r\n")
            assert_status(raw.answer(), 200)


def test_s5_a_key_elsewhere_than_in_its_header_is_no_key_and_not_logged(keyed):
    key = keyed.run
    with keyed.client("") as client:
        places = [
            client.get("/v1/runs", params={"api_key": key, "access_token": key}),
            client.get(f"/v1/runs?key={key}"),
            client.get(f"/v1/sessions/{key}"),
            client.get("/v1/runs", headers={"Cookie": f"key={key}; Authorization=Bearer {key}"}),
            client.post("/v1/runs", json={"shell": "true", "api_key": key}),
            client.get("/v1/runs", headers={"X-Request-Id": key.replace("_", "-")}),
        ]
    for response in places:
        assert_refused(response, UNAUTHENTICATED)
    time.sleep(0.2)
    secret = key.split("_", 2)[2]
    assert not [line for line in keyed.log if secret in line and "request_id" not in line]
    assert not [line for line in keyed.log if key in line]


def test_s6_a_revoked_key_is_refused_within_a_second(keyed):
    key = make_key(keyed.state_dir, "a", "run")
    with keyed.client(key) as client:
        _await_status(client, 200, 3)
        assert command("key", "revoke", key_id(key), "--state-dir", keyed.state_dir).returncode == 0
        took = _await_status(client, UNAUTHENTICATED, 3)
    assert took < 2, f"a revoked key was taken for {took:.1f} s"


def test_s6_an_expired_key_is_refused(keyed):
    key = make_key(keyed.state_dir, "a", "run", more=("--expires", "3s"))
    with keyed.client(key) as client:
        _await_status(client, 200, 3)
        _await_status(client, UNAUTHENTICATED, 6)


def test_s6_the_server_notices_a_new_key_within_a_second(keyed):
    key = make_key(keyed.state_dir, "a", "read")
    with keyed.client(key) as client:
        took = _await_status(client, 200, 3)
    assert took < 2


def _await_status(client, status: int, within: float) -> float:
    began = time.monotonic()
    while (response := client.get("/v1/runs")).status_code != status:
        assert time.monotonic() - began < within, (response.status_code, status)
        time.sleep(0.05)
    return time.monotonic() - began


def test_s8_a_key_that_may_only_read_changes_nothing(keyed):
    with keyed.client() as runner:
        made = runner.post("/v1/sessions", json={}).json()
        session = f"/v1/sessions/{made['session_id']}"
        with keyed.client(keyed.read) as reader:
            assert reader.get(session).status_code == 200
            for response in _changes(reader, session):
                assert_refused(response, 403)
        assert runner.get(session).json()["turns"] == 0
        runner.delete(session)


def _changes(client, session: str):
    turn, shell = {"code": "1"}, {"shell": "true"}
    yield client.post("/v1/runs", json=shell)
    yield client.post("/v1/sessions", json={})
    yield client.post(f"{session}/turns", json=turn)
    yield client.post(f"{session}/commands", json=shell)
    yield client.post(f"{session}/interrupt")
    yield client.post(f"{session}/restart")
    yield client.post(f"{session}/renew", json={"idle_time_ms": 1000})
    yield client.put(f"{session}/files/content", params={"path": "x"}, content=b"x")
    yield client.delete(f"{session}/files/content", params={"path": "x"})
    yield client.post(f"{session}/files", files={"file": ("x", b"x")})
    yield client.post(f"{session}/files/move", json={"from": "x", "to": "y"})
    yield client.post(f"{session}/files/directories", json={"path": "d"})
    yield client.put(f"{session}/files/archive", params={"format": "tar"}, content=b"")
    yield client.delete(session)
    otari = session.removeprefix("/v1")
    yield client.post("/sessions", json={})
    exec_ = {"tool": "bash_code_execution", "input": {"command": "true"}}
    yield client.post(f"{otari}/exec", json=exec_)
    yield client.delete(otari)


OPERATORS = ("/metrics", "/openapi.json", "/docs")


@pytest.mark.parametrize("path", [*OPERATORS, "/debug", "/debug/pprof/", "/v1/host", "/admin"])
def test_s10_nothing_about_the_server_without_a_key(keyed, path):
    with keyed.client("") as client:
        assert_refused(client.get(path), UNAUTHENTICATED)


def test_s10_metrics_need_the_widest_scope(keyed):
    for key, statuses in ((keyed.read, {403}), (keyed.run, {403}), (keyed.admin, {200})):
        with keyed.client(key) as client:
            assert client.get("/metrics").status_code in statuses


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_s10_the_open_paths_tell_nothing_more(keyed, path):
    with keyed.client("") as client:
        response = client.get(path)
    assert response.status_code == 200 and set(response.json()) == {"status"}


WRONG = {
    "another system's": "sk-ant-REDACTED",
    "a JWT": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.",
    "a known id, another secret": None,
    "an unknown id": TOKEN,
    "no secret": "cbk_0123456789ab_",
}


@pytest.mark.parametrize("name", WRONG)
def test_s17_a_key_of_elsewhere(keyed, name):
    key = WRONG[name] or f"cbk_{key_id(keyed.run)}_" + "A" * 43
    with keyed.client(key) as client:
        response = client.get("/v1/runs")
    assert_refused(response, UNAUTHENTICATED)
    assert key not in json.dumps(assert_shape(response))


def test_s17_a_key_of_another_servers_state(keyed, tmp_path):
    key = make_key(tmp_path, "a", "admin")
    with keyed.client(key) as client:
        assert_refused(client.get("/v1/runs"), UNAUTHENTICATED)
