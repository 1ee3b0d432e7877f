"""S18–S28: bytes that are not quite HTTP.

What must not happen is that two readers of the same bytes see different requests, so
after each refusal the connection has to be closed: what follows is not a request.
"""

import pytest

from harness.expect import assert_status
from harness.raw import Closed

SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
JSON = "Content-Type: application/json"
BODY = b'{"shell":"true"}'


def _post(server, *headers: str) -> bytes:
    return server.head("POST", "/v1/runs", JSON, *headers)


def _assert_refused_and_closed(server, data: bytes, *statuses: int) -> None:
    with server.raw() as raw:
        raw.send(data)
        try:
            assert_status(raw.answer(), *statuses)
        except Closed:
            return
        assert raw.rest() == b"", "the connection went on after a request that is none"


LENGTH_AND_CHUNKS = [
    ["Content-Length: 4", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 4"],
    ["Transfer-Encoding: chunked", "Content-Length: 0"],
    ["Content-Length: 4", "Content-Length: 5"],
    ["Content-Length: 4, 5"],
]


@pytest.mark.parametrize("headers", LENGTH_AND_CHUNKS, ids=" / ".join)
def test_s18_two_lengths(server, headers):
    chunks = b"\r\n0\r\n\r\n" + SMUGGLED
    _assert_refused_and_closed(server, _post(server, *headers) + chunks, 400)


LENGTHS = [
    "-1",
    "+5",
    "0x5",
    "5a",
    "18446744073709551616",
    "",
    " ",
    "5 5",
    "1e1",
    "\x00",
    "5;a",
    "9" * 400,
]


@pytest.mark.parametrize("length", LENGTHS)
def test_s20_no_length(server, length):
    data = _post(server, f"Content-Length: {length}") + b"\r\n" + BODY[:5] + SMUGGLED
    _assert_refused_and_closed(server, data, 400, 413)


CODINGS = [
    ["xchunked"],
    ["chunked, identity"],
    ["identity"],
    ["chunked, chunked"],
    ["gzip"],
    ["chunked", "chunked"],
    ["chunked", "identity"],
    ["identity", "chunked"],
    ["chunked;q=1"],
    ["\x0bchunked"],
    ["chunked\x00"],
    ['"chunked"'],
    [""],
    ["chunke d"],
    ["gzip, chunked"],
]


@pytest.mark.parametrize("codings", CODINGS, ids=" / ".join)
def test_s21_transfer_codings(server, codings):
    headers = [f"Transfer-Encoding: {coding}" for coding in codings]
    data = _post(server, *headers) + b"\r\n10\r\n" + BODY + b"\r\n0\r\n\r\n"
    # 415: understood, and none that is taken.
    _assert_refused_and_closed(server, data, 400, 415, 501)


@pytest.mark.parametrize(
    "line",
    [
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "Transfer-Encoding\t: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
    ],
)
def test_s21_spaces_where_none_belong(server, line):
    data = _post(server, line) + b"\r\n0\r\n\r\n"
    _assert_refused_and_closed(server, data, 400, 501)


CHUNKS = {
    "2^64-1": b"FFFFFFFFFFFFFFFF\r\n" + BODY,
    "2^64 and more": b"FFFFFFFFFFFFFFFFF\r\n" + BODY,
    "negative": b"-1\r\n" + BODY,
    "prefixed": b"0x10\r\n" + BODY,
    "no size": b"\r\n" + BODY,
    "an extension of 1 MiB": b"10;" + b"x" * (1 << 20) + b"\r\n" + BODY + b"\r\n0\r\n\r\n",
    "many extensions": (b"1;" + b"x" * 8000 + b"\r\n \r\n") * 200 + b"0\r\n\r\n",
    "no CRLF behind the data": b"10\r\n" + BODY + b"0\r\n\r\n",
    "a bare LF": b"10\n" + BODY + b"\n0\n\n",
    "a bare CR": b"10\r" + BODY + b"\r0\r\r",
    "spaces": b"  10\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a trailer of 1 MiB": b"10\r\n" + BODY + b"\r\n0\r\nX: " + b"x" * (1 << 20) + b"\r\n\r\n",
    "10k trailers": b"10\r\n" + BODY + b"\r\n0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_s22_chunks(server, name):
    data = _post(server, "Transfer-Encoding: chunked", "Connection: close") + b"\r\n"
    with server.raw(timeout=20) as raw:
        raw.send(data + CHUNKS[name])
        # What never ends is ended, so that the server need not wait for it.
        raw.half_close()
        try:
            assert_status(raw.answer(), 400, 413, 431)
        except Closed:
            pass


def test_s22_good_chunks_are_taken(server):
    with server.raw() as raw:
        data = _post(server, "Transfer-Encoding: chunked") + b"\r\n"
        raw.send(data + b"8\r\n" + BODY[:8] + b"\r\n8;a=b\r\n" + BODY[8:] + b"\r\n0\r\n\r\n")
        assert_status(raw.answer(), 200)


HEADS = {
    "bare CR in a value": b"X: a\rb\r\n\r\n",
    "obs-fold": b"X: a\r\n b\r\n\r\n",
    "space before the colon": b"X : a\r\n\r\n",
    "no colon": b"X\r\n\r\n",
    "no name": b": a\r\n\r\n",
    "NUL in a value": b"X: a\x00b\r\n\r\n",
    "NUL in a name": b"X\x00: a\r\n\r\n",
    "DEL in a value": b"X: a\x7fb\r\n\r\n",
    "high bytes in a name": b"X\xe9: a\r\n\r\n",
    "a control in a value": b"X: \x1b[31m\r\n\r\n",
}


@pytest.mark.parametrize("name", HEADS)
def test_s23_heads(server, name):
    data = server.head("GET", "/v1/runs") + HEADS[name]
    _assert_refused_and_closed(server, data + SMUGGLED, 400)


def test_s23_bare_line_feeds_hide_no_second_request(server):
    """RFC 9112 lets a reader take a lone LF as a line's end; never may it do so half."""
    head = f"GET /v1/limits HTTP/1.1\nHost: {server.host}\nX: a\n\n".encode()
    with server.raw() as raw:
        raw.send(head)
        raw.half_close()
        try:
            assert_status(raw.answer(), 200, 400)
        except Closed:
            pass
        assert raw.rest() == b""


REQUEST_LINES = {
    "no version": b"GET /health\r\n\r\n",
    "HTTP/0.9": b"GET /health HTTP/0.9\r\n\r\n",
    "HTTP/1.2": b"GET /health HTTP/1.2\r\nHost: x\r\n\r\n",
    "HTTP/2.0": b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 190,
    "two spaces": b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n",
    "a tab": b"GET\t/health\tHTTP/1.1\r\nHost: x\r\n\r\n",
    "NULs": b"\x00" * 4096,
    "a socks greeting": b"\x05\x01\x00",
}


@pytest.mark.parametrize("name", REQUEST_LINES)
def test_s23_request_lines(server, name):
    with server.raw() as raw:
        raw.send(REQUEST_LINES[name])
        raw.half_close()
        try:
            assert_status(raw.answer(), 400, 421, 505)
        except Closed:
            pass
        assert raw.rest() == b""


@pytest.mark.parametrize("size", [64 << 10, 1 << 20])
def test_s25_a_long_request_line(server, size):
    data = server.head("GET", "/v1/runs?x=" + "a" * size) + b"\r\n"
    _assert_refused_and_closed(server, data, 414, 431)


@pytest.mark.parametrize(
    "headers",
    [
        ["X: " + "a" * (128 << 10)],
        [f"X-{n}: y" for n in range(5000)],
        ["X" * (128 << 10) + ": y"],
    ],
    ids=["long value", "many", "long name"],
)
def test_s25_a_large_head(server, headers):
    data = server.head("GET", "/v1/runs", *headers) + b"\r\n"
    _assert_refused_and_closed(server, data, 400, 431)


TARGETS = [
    "http://evil.example/v1/runs",
    "https://evil.example/v1/runs",
    "evil.example:80",
    "*",
    "//evil.example/v1/runs",
    "http://",
    "http:///v1/runs",
    "v1/runs",
    "?x=1",
    "#x",
    "http://127.0.0.1@evil.example/v1/runs",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("target", TARGETS)
def test_s26_targets(server, target):
    with server.raw() as raw:
        raw.send(server.head("GET", target) + b"\r\n")
        assert_status(raw.answer(), 400, 404, 421)


def test_s26_an_absolute_target_of_its_own_is_taken(server):
    with server.raw() as raw:
        raw.send(server.head("GET", f"http://{server.host}/v1/runs") + b"\r\n")
        assert_status(raw.answer(), 200)


PATHS = [
    "/v1/runs%00",
    "/v1/runs%2f",
    "/v1%2fruns",
    "/v1%5cruns",
    "/v1/..;/runs",
    "//v1/runs",
    "/v1//runs",
    "/./v1/runs",
    "/v1/./runs",
    "/v1/../metrics",
    "/v1/%2e%2e/metrics",
    "/v1/%2E%2e/metrics",
    "/health/../v1/runs",
    "/health/..%2fv1/runs",
    "/health/%2e%2e/v1/runs",
    "/health;/../v1/runs",
    "/health%2f..%2fv1%2fruns",
    "/v1/%c0%ae%c0%ae/metrics",
    "/v1/runs%c0%af",
    "/v1/runs%ff",
    "/v1/runs%",
    "/v1/runs%zz",
    "/v1/r\\uns",
    "/v1/runs%0d%0a",
    "/V1/RUNS",
    "/v1/runs/",
    "/health/",
    "/health%20",
    "/health%23",
    "/%68ealth/x",
    "/v1/runs.json",
    "/v1/runs;x=1",
]


@pytest.mark.parametrize("path", PATHS)
def test_s27_paths_that_two_may_read_differently(keyed, path):
    # A slash too many at the end is taken away by a redirection.
    for key, statuses in ((keyed.admin, (307, 400, 404)), ("", (307, 400, 401, 404))):
        with keyed.raw() as raw:
            raw.send(keyed.head("GET", path, key=key) + b"\r\n")
            assert_status(raw.answer(), *statuses)


METHODS = [
    "TRACE",
    "CONNECT",
    "get",
    "Get",
    "PATCH",
    "PROPFIND",
    "M" * 1024,
    "G\xe9T",
    "G(T",
    "G T",
    "DEBUG",
    "TRACK",
    "PURGE",
]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["/v1/runs", "/health", "/v1/sessions/x/files/content"])
def test_s28_methods(server, method, path):
    with server.raw() as raw:
        target = server.host if method == "CONNECT" else path
        raw.send(server.head(method, target, "X-Secret: echoed") + b"\r\n")
        answer = raw.answer()
        assert_status(answer, 400, 404, 405, 501)
        assert b"echoed" not in answer.body


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_s28_the_method_is_the_method(client, session, name):
    response = client.post(session + "/interrupt", headers={name: "DELETE"})
    assert response.status_code == 200
    assert client.get(
        session, headers={name: "DELETE"}, params={"_method": "DELETE"}
    ).status_code in (200, 400)
    assert client.get(session).status_code == 200
