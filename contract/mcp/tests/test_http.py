"""What is asked of the endpoint itself."""

import json

import httpx2 as httpx
import pytest

from assistant import over_http
from wire import ACCEPTS, INITIALIZE, message


@pytest.fixture(scope="module")
def http(http_server):
    with httpx.Client(base_url=http_server.url, timeout=30, trust_env=False) as client:
        yield client


def post(http, body=INITIALIZE, **headers):
    headers = ACCEPTS | {name.replace("_", "-"): value for name, value in headers.items()}
    return http.post("/mcp", headers=headers, content=json.dumps(body))


def test_it_begins(http):
    response = post(http)
    assert response.status_code == 200
    told = message(response)["result"]
    assert told["protocolVersion"] == "2025-11-25"
    assert told["serverInfo"]["name"] == "cellblock"
    assert "tools" in told["capabilities"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_older_revisions_are_spoken(http, version):
    body = INITIALIZE | {"params": INITIALIZE["params"] | {"protocolVersion": version}}
    assert message(post(http, body))["result"]["protocolVersion"] == version


def test_a_revision_that_is_none_is_answered_with_one_that_is(http):
    body = INITIALIZE | {"params": INITIALIZE["params"] | {"protocolVersion": "1999-01-01"}}
    assert message(post(http, body))["result"]["protocolVersion"].startswith("20")


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_page_from_elsewhere_is_refused(http, origin):
    assert post(http, Origin=origin).status_code == 403


def test_a_host_that_is_another_is_refused(http):
    assert post(http, Host="evil.example").status_code == 421


def test_an_origin_on_this_machine_is_let_in(http, http_server):
    assert post(http, Origin=http_server.url).status_code == 200


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"jsonrpc":"1.0"}', "\x00"])
def test_what_is_no_message_is_refused(http, text):
    response = http.post("/mcp", headers=ACCEPTS, content=text)
    assert 400 <= response.status_code < 500


def test_what_accepts_nothing_of_ours_is_refused(http):
    assert post(http, Accept="text/html").status_code == 406


def test_what_is_not_json_is_refused(http):
    assert post(http, Content_Type="text/plain").status_code == 415


def test_a_connection_that_is_not_known_is_not_found(http):
    body = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
    headers = {"Mcp_Session_Id": "00000000-0000-0000-0000-000000000000"}
    assert post(http, body, **headers).status_code == 404


def test_a_profile_that_is_none_is_refused(http):
    response = http.post("/mcp?tools=everything", headers=ACCEPTS, content=json.dumps(INITIALIZE))
    assert response.status_code in (400, 422)


def test_a_method_that_is_none_is_refused(http):
    assert http.put("/mcp", headers=ACCEPTS, content="{}").status_code == 405


def test_a_body_that_is_too_large_is_refused(http):
    body = INITIALIZE | {"padding": "x" * 64_000_000}
    assert post(http, body).status_code == 413


@pytest.mark.own
def test_the_profile_of_the_command_line_is_the_usual_one(own_server):
    server = own_server("--mcp-tools", "minimal")
    with over_http(f"{server.url}/mcp") as assistant:
        assert len(assistant.list_tools()) == 4
    with over_http(f"{server.url}/mcp?tools=full") as assistant:
        assert len(assistant.list_tools()) > 20
