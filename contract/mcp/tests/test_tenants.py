"""Tenants over HTTP: what one has, another neither sees nor touches."""

import json
from contextlib import ExitStack

import httpx2 as httpx
import pytest

from assistant import over_http
from wire import ACCEPTS, INITIALIZE

pytestmark = pytest.mark.own


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "state"
    path.mkdir()
    return path


@pytest.fixture
def known(state, keys):
    """Keys of two tenants, and one of the first that may only look."""
    made = {tenant: keys(state, tenant) for tenant in ("one", "two")}
    return made | {"reader": keys(state, "one", scope="read")}


@pytest.fixture
def url(own_server, state, known):
    return own_server(state=state).url


@pytest.fixture
def two(url, known):
    """Connections of two tenants."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(over_http(f"{url}/mcp?tools=full", key=known[tenant]))
            for tenant in ("one", "two")
        ]


def test_nobody_is_served_without_a_key(url):
    for headers in ({}, {"Authorization": "Bearer cbk_wrong_wrong"}):
        response = httpx.post(
            f"{url}/mcp", headers=ACCEPTS | headers, content=json.dumps(INITIALIZE)
        )
        assert response.status_code == 401


def test_projects_and_runs_are_apart(two, toy_repository):
    one, other = two
    for assistant in two:
        # The same name twice: it is each tenant's own.
        assistant.call("create_project", project_name="same", source=str(toy_repository.path))
    wanted = {"scope": "model", "mode": "sync", "project_name": "same", "model_name": "first"}
    mine = one.call("run", **wanted, parameters={"value": 1})["run_id"]
    theirs = other.call("run", **wanted, parameters={"value": 2})["run_id"]
    assert [run["run_id"] for run in one.call("list_runs")["runs"]] == [mine]
    assert [run["run_id"] for run in other.call("list_runs")["runs"]] == [theirs]
    other.refused("get_run", run_id=mine)
    other.refused("get_run_output", run_id=mine, output_name="value")
    other.refused("cancel_run", run_id=mine)
    other.refused("rerun", run_id=mine)
    # A beginning that would be ambiguous over all is not so for either.
    if mine[:4] == theirs[:4]:
        assert one.call("get_run", run_id=mine[:4])["run_id"] == mine


def test_sessions_are_apart(two):
    one, other = two
    session = one.call("execute_code", code="secret = 1")["session_id"]
    other.refused("execute_code", code="secret", session_id=session)
    other.refused("run_command", command="ls", session_id=session)
    other.refused("list_files", session_id=session)
    other.refused("close_session", session_id=session)
    assert other.call("list_sessions")["sessions"] == []
    assert one.call("execute_code", code="print(secret)", session_id=session)["stdout"] == "1\n"


def test_data_is_apart(two, toy_repository):
    one, other = two
    one.call("create_project", project_name="mine", source=str(toy_repository.path))
    spec = {"kind": "file_upload", "file_name": "a.csv", "content": "a\n1\n"}
    one.call("ingest_data_source", project_name="mine", source_name="a", spec=spec)
    other.refused("ingest_data_source", project_name="mine", source_name="b", spec=spec)
    other.refused("list_data_sources", project_name="mine")
    other.refused("list_snapshots", project_name="mine")
    other.refused("list_project_files", project_name="mine")
    assert other.call("list_projects")["projects"] == []


def test_a_connection_belongs_to_its_tenant(url, known):
    first, second = known["one"], known["two"]
    begun = httpx.post(
        f"{url}/mcp",
        headers=ACCEPTS | {"Authorization": f"Bearer {first}"},
        content=json.dumps(INITIALIZE),
    )
    seat = begun.headers["mcp-session-id"]
    body = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    headers = ACCEPTS | {"Mcp-Session-Id": seat, "MCP-Protocol-Version": "2025-11-25"}
    stolen = httpx.post(
        f"{url}/mcp",
        headers=headers | {"Authorization": f"Bearer {second}"},
        content=json.dumps(body),
    )
    assert stolen.status_code == 404


def test_a_key_that_may_only_look_runs_nothing(url, known):
    with over_http(f"{url}/mcp?tools=full", key=known["reader"]) as assistant:
        assert assistant.call("list_projects")["projects"] == []
        error = assistant.refused("execute_code", code="1")
        assert "scope" in error.message
