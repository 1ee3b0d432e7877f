"""`GET /health`, unknown routes, wrong methods and the document of the API."""

import pytest


def test_health_names_its_three_fields(client):
    answer = client.get("/health")
    assert answer.status_code == 200
    health = answer.json()
    assert set(health) == {"status", "session_count", "max_sessions"}
    assert health["status"] == "ok"
    assert type(health["session_count"]) is int
    assert type(health["max_sessions"]) is int


@pytest.mark.own
def test_a_fresh_server_holds_nothing_and_up_to_256(own):
    client = own()
    assert client.get("/health").json() == {"status": "ok", "session_count": 0, "max_sessions": 256}


@pytest.mark.own
def test_health_counts_sessions(own):
    client = own()
    ids = [client.post("/sessions").json()["session_id"] for _ in range(2)]
    assert client.get("/health").json()["session_count"] == 2
    client.delete(f"/sessions/{ids[0]}")
    assert client.get("/health").json()["session_count"] == 1


def test_health_is_json(client):
    assert client.get("/health").headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/nope", "/sessions/a/b", "/sessions/a/files/list/x", "/"])
def test_an_unknown_route_is_not_found(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not Found"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/health", "GET"),
        ("POST", "/health", "GET"),
        ("GET", "/sessions", "POST"),
        ("GET", "/sessions/a/exec", "POST"),
        ("POST", "/sessions/a/files/list", "GET"),
        ("GET", "/sessions/a/programmatic-tools/register", "POST"),
    ],
)
def test_a_wrong_method_is_refused(client, method, path, allowed):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.json() == {"detail": "Method Not Allowed"}
    assert allowed in [name.strip() for name in answer.headers["allow"].split(",")]


@pytest.mark.parametrize("path", ["/health", "/sessions"])
def test_a_trailing_slash_is_redirected(client, path):
    answer = client.request("GET" if path == "/health" else "POST", path + "/", follow_redirects=False)
    assert answer.status_code == 307
    assert answer.headers["location"].endswith(path)


def test_the_document_of_the_api_is_served(client):
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    for path in ("/health", "/sessions", "/sessions/{session_id}/exec", "/sessions/{session_id}/files"):
        assert path in document["paths"]


def test_a_readable_page_is_served(client):
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
