"""S37–S48: bodies that are not what they should be."""

import gzip
import zlib

import pytest

from harness.expect import assert_refused, assert_status
from harness.host import resident_bytes
from harness.raw import Closed

JSON = {"Content-Type": "application/json"}
GOOD = b'{"shell":"true"}'

# Method and path of everything that takes JSON, with a body that it would take.
TAKES_JSON = [
    ("/v1/runs", GOOD),
    ("/v1/sessions", b'{"labels":{}}'),
    ("{session}/turns", b'{"code":"1"}'),
    ("{session}/commands", GOOD),
    ("{session}/renew", b'{"idle_time_ms":1000000}'),
    ("{session}/complete", b'{"code":"pri","cursor":3}'),
    ("{session}/inspect", b'{"code":"print","cursor":5}'),
    ("{session}/files/move", b'{"from":"a","to":"b"}'),
    ("{session}/files/directories", b'{"path":"d"}'),
    ("{session}/tools", b'{"tools":[],"callback_url":"http://127.0.0.1:9/","token":"t"}'),
]

# otari's own path has its own words; the same has to hold.
every_route = pytest.mark.parametrize("route", TAKES_JSON, ids=lambda route: route[0])


def _path(route, session: str) -> str:
    return route[0].format(session=session)


@pytest.mark.parametrize(
    "coding", ["gzip", "br", "deflate", "zstd", "gzip, gzip", "identity, gzip"]
)
def test_s37_compressed_bodies_are_not_taken(client, coding):
    bomb = gzip.compress(b" " * (64 << 20))
    if coding == "deflate":
        bomb = zlib.compress(b" " * (64 << 20))
    response = client.post("/v1/runs", content=bomb, headers={**JSON, "Content-Encoding": coding})
    assert_refused(response, 413, 415)


def test_s37_an_upload_is_not_unpacked(client, session):
    bomb = gzip.compress(b"x" * (64 << 20))
    path = f"{session}/files/content"
    headers = {"Content-Encoding": "gzip"}
    response = client.put(path, params={"path": "bomb"}, content=bomb, headers=headers)
    assert_refused(response, 413, 415)


RANGES = [
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=5-1",
    "bytes=-0",
    "bytes=99999999999999999999-",
    "bytes=0-0,1-1",
    "bytes=" + ",".join("0-9" for _ in range(5000)),
    "items=0-1",
    "bytes=--1",
    "bytes=0-18446744073709551616",
    "bytes=\x7f",
    "bytes 0-1",
    "bytes=-99999999999999999999",
]
IFS = [
    ("If-Match", "x"),
    ("If-Match", '"x"'),
    ("If-Match", "*,*"),
    ("If-None-Match", '"' + "x" * 8000),
    ("If-None-Match", 'W/"x'),
    ("If-Range", "junk"),
    ("If-Modified-Since", "yesterday"),
    ("If-Modified-Since", "Thu, 99 Foo 99999 99:99:99 GMT"),
    ("If-Unmodified-Since", "\x09"),
    ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("If-Match", ",,,,"),
]


@pytest.mark.parametrize("name, value", [("Range", r) for r in RANGES] + IFS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_s38_ranges_and_conditions(server, client, session, method, name, value):
    put = client.put(f"{session}/files/content", params={"path": "ten"}, content=b"0123456789")
    assert put.status_code in (200, 201, 204)
    target = f"{session}/files/content?path=ten"
    with server.raw() as raw:
        raw.send(server.head(method, target, f"{name}: {value}") + b"\r\n")
        answer = raw.answer(method)
    assert_status(answer, 200, 206, 304, 400, 412, 416, 431)
    if answer.status == 200 and method == "GET":
        assert answer.body == b"0123456789"
    assert len(answer.body) < 2000


@pytest.mark.parametrize("size", [0, 1])
def test_s38_ranges_of_the_smallest_files(client, session, size):
    path = f"{session}/files/content"
    client.put(path, params={"path": "small"}, content=b"x" * size)
    for given in ("bytes=0-0", "bytes=-1", "bytes=0-", "bytes=1-"):
        response = client.get(path, params={"path": "small"}, headers={"Range": given})
        assert response.status_code in (200, 206, 416), response.text


NOT_JSON = {
    "nothing": b"{",
    "trailing comma": b'{"shell":"true",}',
    "comment": b'{"shell":"true"} // x',
    "comment inside": b'{/* x */"shell":"true"}',
    "byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32"),
    "two documents": GOOD + GOOD,
    "NaN": b'{"x":NaN}',
    "single quotes": b"{'shell':'true'}",
    "invalid UTF-8": b'{"shell":"\xff\xfe"}',
    "overlong UTF-8": b'{"shell":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"shell":"\xed\xa0\x80"}',
    "a bare control": b'{"shell":"a\x01b"}',
    "a NUL at the end": GOOD + b"\x00",
    "a form": b"shell=true",
    "XML": b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>",
    "hexadecimal": b'{"x":0x10}',
    "leading zero": b'{"x":01}',
    "unended escape": b'{"shell":"\\u12"}',
}


@pytest.mark.parametrize("name", NOT_JSON)
@every_route
def test_s40_not_json(client, session, route, name):
    response = client.post(_path(route, session), content=NOT_JSON[name], headers=JSON)
    assert_refused(response, 400)


NESTED = {
    "arrays": b"[" * 10_000,
    "closed arrays": b"[" * 10_000 + b"]" * 10_000,
    "objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "within a field": b'{"labels":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_001,
    "an unknown field": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
}


@pytest.mark.parametrize("name", NESTED)
@every_route
def test_s41_depth(client, session, route, name):
    response = client.post(_path(route, session), content=NESTED[name], headers=JSON)
    # A shape that is wrong on its first level may be told as such.
    assert_refused(response, 400, 422)


TWICE = [
    ("/v1/runs", b'{"shell":"true","shell":"false"}'),
    ("/v1/runs", b'{"shell":"true","policy":{"network":"none","network":"none"}}'),
    ("/v1/runs", b'{"shell":"true","policy":{},"policy":{}}'),
    ("/v1/runs", b'{"shell":"true","labels":{"a":"1","a":"2"}}'),
    ("/v1/sessions", b'{"name":"x","name":"y"}'),
    ("{session}/turns", b'{"code":"1","code":"2"}'),
    ("{session}/turns", b'{"code":"1","c\\u006fde":"2"}'),
]


@pytest.mark.parametrize("path, body", TWICE)
def test_s42_a_field_that_is_there_twice(client, session, path, body):
    response = client.post(path.format(session=session), content=body, headers=JSON)
    assert_refused(response, 400)


@every_route
def test_s43_unknown_fields(client, session, route):
    body = route[1][:-1] + b',"no_such_field":1}'
    response = client.post(_path(route, session), content=body, headers=JSON)
    assert "no_such_field" in assert_refused(response, 422)["message"]


KINDS = [
    "",
    "text/plain",
    "application/xml",
    "application/octet-stream",
    "multipart/form-data",
    "application/json-patch+json",
    "json",
    "application/",
    "text/json",
    "application/jsonx",
    "application/x-www-form-urlencoded",
    "\x09",
    "application/json, text/plain",
]


@pytest.mark.parametrize("kind", KINDS)
@every_route
def test_s45_other_content_types(server, session, route, kind):
    _, body = route
    headers = [f"Content-Length: {len(body)}"] + ([f"Content-Type: {kind}"] if kind else [])
    with server.raw() as raw:
        raw.send(server.head("POST", _path(route, session), *headers) + b"\r\n" + body)
        assert_status(raw.answer(), 415)


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
    ],
)
def test_s45_json_is_taken(client, kind):
    assert client.post("/v1/runs", content=GOOD, headers={"Content-Type": kind}).status_code == 200


def _spaces(total: int):
    yield b'{"shell":"true"'
    for _ in range(total >> 16):
        yield b" " * 65536


@pytest.mark.parametrize("total", [1 << 30])
def test_s46_a_body_in_chunks_is_cut_off_at_the_limit(server, total):
    before = resident_bytes(server.process.pid)
    head = server.head(
        "POST", "/v1/runs", "Content-Type: application/json", "Transfer-Encoding: chunked"
    )
    sent = 0
    with server.raw(timeout=30) as raw:
        raw.send(head + b"\r\n")
        for chunk in _spaces(total):
            try:
                raw.socket.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            except OSError:
                break
            sent += len(chunk)
        try:
            assert_status(raw.answer(), 413)
        except Closed:
            pass
    grown = resident_bytes(server.process.pid) - before
    assert sent < total, "a body of any size is taken"
    assert grown < 256 << 20, f"grew by {grown >> 20} MiB"


def test_s46_a_length_over_the_limit_is_refused_at_once(server):
    head = server.head(
        "POST", "/v1/runs", "Content-Type: application/json", f"Content-Length: {200 << 20}"
    )
    with server.raw(timeout=5) as raw:
        raw.send(head + b"\r\n" + b" " * 1000)
        assert_status(raw.answer(), 413)


@pytest.mark.parametrize("body", [b"", b" ", b"\r\n\r\n", b"null", b"[]", b'""', b"0", b"true"])
@every_route
def test_s48_nothing_where_something_is_required(client, session, route, body):
    if route[0] in ("/v1/sessions", "{session}/renew") and body.strip() in (b"", b"null"):
        pytest.skip("everything in it has a default")
    response = client.post(_path(route, session), content=body, headers=JSON)
    assert_refused(response, *((400,) if not body.strip() else (400, 422)))
