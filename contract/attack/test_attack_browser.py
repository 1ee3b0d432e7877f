"""S11–S16: other people's pages, other names, and other addresses."""

import os

import pytest

from harness.expect import assert_refused, assert_status
from harness.server import command, make_key

EVIL = "https://evil.example"


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_s11_everybody_may_connect_only_where_keys_are_needed(tmp_path, address):
    refused = command("serve", "--listen", address, "--state-dir", tmp_path)
    assert refused.returncode == 125, refused.stderr
    assert "key" in refused.stderr, refused.stderr
    assert "listening" not in refused.stderr


def test_s11_switching_authentication_off_does_not_open_it_to_all(tmp_path):
    make_key(tmp_path, "a", "run")
    words = ("serve", "--listen", "0.0.0.0:0", "--state-dir", tmp_path)
    refused = command(*words, env={**os.environ, "CELLBLOCK_AUTH": "off"})
    assert refused.returncode == 125, refused.stderr


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1.evil.example"])
def test_s12_no_other_origin_is_let_in(server, client, method, origin):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    body = {"json": {"shell": "true"}} if method == "POST" else {}
    response = client.request(method, "/v1/runs", headers=headers, **body)
    leaked = [name for name in response.headers if name.startswith("access-control-allow")]
    assert not leaked, leaked
    if method == "POST":
        assert_refused(response, 403)


FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:8787",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "localhost@evil.example",
    "0x7f000001.evil.example",
]


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", ["/v1/runs", "/health", "/openapi.json", "/sessions/x"])
def test_s13_another_name_is_not_answered_to(server, host, path):
    with server.raw() as raw:
        raw.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert_status(raw.answer(), 400, 403, 421)


@pytest.mark.parametrize(
    "lines",
    [
        "",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: 127.0.0.1\r\nHost: 127.0.0.1\r\n",
        "Host: 127.0.0.1\r\nHost: evil.example\r\n",
        "Host: 127.0.0.1/x\r\n",
        "Host: \xe9\r\n",
    ],
)
def test_s13_a_host_that_is_none_is_refused(server, lines):
    with server.raw() as raw:
        raw.send(f"GET /v1/runs HTTP/1.1\r\n{lines}\r\n".encode("latin-1"))
        assert_status(raw.answer(), 400, 403, 421)


def test_s13_its_own_names_are_answered_to(server):
    port = server.address[1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}"):
        with server.raw() as raw:
            raw.send(f"GET /v1/runs HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert_status(raw.answer(), 200)


FORMS = [
    ("text/plain", b'{"shell": "true", "x": "="}'),
    ("application/x-www-form-urlencoded", b'{"shell":"true"}'),
    ("multipart/form-data; boundary=x", b'--x\r\n\r\n{"shell":"true"}\r\n--x--\r\n'),
]


@pytest.mark.parametrize("kind, body", FORMS)
@pytest.mark.parametrize("path", ["/v1/runs", "/v1/sessions"])
def test_s15_what_a_form_can_send_is_not_taken(client, path, kind, body):
    before = len(client.get("/v1/runs").json()["runs"])
    response = client.post(path, content=body, headers={"Content-Type": kind})
    assert_refused(response, 415)
    assert len(client.get("/v1/runs").json()["runs"]) == before


def test_s15_a_change_without_a_body_is_refused_to_other_origins(client, session):
    for path in ("/interrupt", "/restart"):
        response = client.post(session + path, headers={"Origin": EVIL})
        assert_refused(response, 403)
    assert_refused(client.delete(session, headers={"Origin": EVIL}), 403)
    assert client.get(session).status_code == 200


FORWARDED = (
    "X-Forwarded-For",
    "X-Real-IP",
    "Forwarded",
    "X-Forwarded-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Forwarded-Prefix",
    "X-HTTP-Method-Override",
)


@pytest.mark.parametrize("name", FORWARDED)
def test_s16_what_a_client_says_of_its_way_changes_nothing(keyed, name):
    value = {
        "Forwarded": "for=127.0.0.1;host=localhost",
        "X-Original-URL": "/health",
        "X-Rewrite-URL": "/health",
    }.get(name, "127.0.0.1")
    with keyed.client("") as client:
        assert_refused(client.get("/v1/runs", headers={name: value}), 401)
    with keyed.client() as client:
        assert client.get("/v1/runs", headers={name: value}).status_code == 200
