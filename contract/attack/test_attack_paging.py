"""S65–S75: pages, filters, odd text that has to come back as it went in."""

import base64
import urllib.parse

import pytest

from harness.expect import assert_refused, text_of

LISTS = ["/v1/runs", "/v1/sessions", "{session}/files"]
every_list = pytest.mark.parametrize("path", LISTS)

BAD_QUERIES = [
    "limit=-1",
    "limit=0",
    "limit=1000000000",
    "limit=99999999999999999999",
    "limit=x",
    "limit=",
    "limit=1.5",
    "limit=1&limit=2",
    "cursor=x",
    "cursor=%00",
    "cursor=../../etc",
    "cursor=" + "A" * 10_000,
    "cursor=" + base64.urlsafe_b64encode(b'{"id":1}').decode(),
    "cursor=%F0%9F%98%80",
    "cursor='%20OR%201=1--",
    "offset=-1",
    "order=id;DROP%20TABLE%20runs",
    "sort=id;DROP",
    "filter=1=1",
    "no_such=1",
    "limit[]=1",
    "%ff=1",
]


@pytest.mark.parametrize("query", BAD_QUERIES, ids=lambda query: query[:30])
@every_list
def test_s65_s66_queries(client, session, path, query):
    response = client.get(path.format(session=session) + "?" + query)
    assert_refused(response, 400, 414, 422)


@pytest.mark.parametrize(
    "query",
    [
        "offset=-1",
        "offset=x",
        "offset=99999999999999999999",
        "limit=-1",
        "limit=0",
        "wait_ms=-1",
        "stream=both",
        "stream=../stdout",
        "wait_ms=x",
    ],
)
def test_s65_queries_of_logs(client, session, query):
    begun = client.post(f"{session}/commands", json={"shell": "echo x", "background": True}).json()
    logs = f"{session}/commands/{begun['command_id']}/logs"
    query = query if "stream" in query else query + "&stream=stdout"
    assert_refused(client.get(f"{logs}?{query}"), 400, 422)


def test_s65_an_offset_beyond_the_end_is_the_end(client, session):
    begun = client.post(f"{session}/commands", json={"shell": "echo x", "background": True}).json()
    command = f"{session}/commands/{begun['command_id']}"
    client.get(command, params={"wait_ms": 5000})
    response = client.get(f"{command}/logs", params={"stream": "stdout", "offset": 1 << 40})
    assert response.status_code in (200, 400, 416, 422), response.text


def test_s65_every_page_has_others_and_together_they_are_all(client):
    made = {
        client.post("/v1/runs", json={"shell": "true", "labels": {"page": "1"}}).json()["run_id"]
        for _ in range(7)
    }
    seen, cursor = [], None
    for _ in range(20):
        query = {"limit": 3, "label": "page=1"} | ({"cursor": cursor} if cursor else {})
        page = client.get("/v1/runs", params=query).json()
        seen += [run["run_id"] for run in page["runs"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len(seen) == len(set(seen)) and made <= set(seen)


def test_s65_a_cursor_of_one_list_is_none_of_another(client):
    for _ in range(2):
        client.post("/v1/runs", json={"shell": "true"})
    cursor = client.get("/v1/runs", params={"limit": 1}).json()["next_cursor"]
    response = client.get("/v1/sessions", params={"cursor": cursor})
    assert response.status_code in (200, 400), response.text


ODD = [
    "'; DROP TABLE runs; --",
    "100%",
    "a_b",
    "a\\b",
    "\\x00",
    "%s%n%x",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "\U0001f600",
    "e\u0301",
    "a'b\"c`d",
    "key=value=x",
    "\u00e9",
    "../..",
    "null",
    "-1",
    "*",
    "?",
    "&a=b",
    "#",
]


@pytest.mark.parametrize("text", ODD)
def test_s67_labels_come_back_as_they_went_in(client, text):
    made = client.post("/v1/runs", json={"shell": "true", "labels": {"odd": text}})
    if made.status_code == 422:
        return
    assert made.json()["labels"] == {"odd": text}
    found = client.get("/v1/runs", params={"label": f"odd={text}", "limit": 100}).json()["runs"]
    assert made.json()["run_id"] in [run["run_id"] for run in found]
    assert {run["labels"]["odd"] for run in found} == {text}, "a filter matched more than itself"


@pytest.mark.parametrize("text", ODD)
def test_s67_session_names_come_back_as_they_went_in(client, text):
    made = client.post("/v1/sessions", json={"name": text})
    if made.status_code == 422:
        return
    assert made.status_code == 201, made.text
    found = client.get("/v1/sessions", params={"name": text}).json()["sessions"]
    assert [one["name"] for one in found] == [text]
    client.delete(f"/v1/sessions/{made.json()['session_id']}")


FILE_NAMES = [text for text in ODD if "/" not in text] + [
    "a b",
    " ",
    "-rf",
    ".hidden",
    "x" * 255,
    "tab\t",
    "new\nline",
    "~",
    "a;b",
    "CON",
    "a:b",
]


@pytest.mark.parametrize("name", FILE_NAMES, ids=lambda name: repr(name[:20]))
def test_s67_file_names_come_back_as_they_went_in(client, session, name):
    path = f"{session}/files/content?path={urllib.parse.quote(name, safe='')}"
    put = client.put(path, content=b"odd")
    assert put.status_code in (200, 201, 204, 422), put.text
    if put.status_code == 422:
        return
    assert client.get(path).content == b"odd"
    assert [file["path"] for file in client.get(f"{session}/files").json()["files"]] == [name]
    inside = client.post(f"{session}/turns", json={"code": "import os; os.listdir()"}).json()
    assert inside["result"]["data"]["text/plain"] == repr([name])


HEADER_VALUES = ["a\r\nX-Injected: 1", "x.html", "a;b", 'a"b', "\u00e9.txt", "a\x00b"]


@pytest.mark.parametrize("name", HEADER_VALUES)
def test_s67_a_file_name_cannot_make_headers(client, session, name):
    code = f"open({name!r}, 'w').write('<script>') if '\\0' not in {name!r} else None"
    client.post(f"{session}/turns", json={"code": code})
    response = client.get(f"{session}/files/content", params={"path": name})
    assert response.status_code in (200, 400, 404, 422), response.text
    assert "x-injected" not in response.headers
    if response.status_code == 200:
        assert response.headers.get("x-content-type-options") == "nosniff"
        is_active = "html" in response.headers.get("content-type", "")
        is_kept_apart = "attachment" in response.headers.get(
            "content-disposition", ""
        ) or "sandbox" in response.headers.get("content-security-policy", "")
        assert not is_active or is_kept_apart, dict(response.headers)


NULS = [
    ("/v1/sessions", {"name": "a\x00b"}),
    ("/v1/sessions", {"labels": {"a": "\x00"}}),
    ("/v1/sessions", {"environment": "a\x00"}),
    ("/v1/runs", {"shell": "true", "labels": {"a\x00": "b"}}),
    ("/v1/runs", {"shell": "true", "files": [{"path": "a\x00b", "content": "x"}]}),
    ("/v1/runs", {"shell": "true", "outputs": ["a\x00b"]}),
    ("{session}/files/move", {"from": "a\x00", "to": "b"}),
    ("{session}/files/directories", {"path": "a\x00"}),
]


@pytest.mark.parametrize("path, body", NULS)
def test_s68_nul(client, session, path, body):
    assert_refused(client.post(path.format(session=session), json=body), 404, 422)


@pytest.mark.parametrize("query", ["path=a%00b", "path=%ff%fe", "path=%c0%ae%c0%ae/x"])
@pytest.mark.parametrize("route", ["files/content", "files/stat", "files"])
def test_s68_bytes_in_queries(client, session, route, query):
    assert_refused(client.get(f"{session}/{route}?{query}"), 400, 404, 422)


def test_s68_bytes_from_inside_that_are_no_text(client, session):
    code = (
        "import os, sys; open(b'\\xff\\xfe', 'w').close(); os.write(1, b'\\xff\\x00\\xfe\\n'); "
        "print('\\ud800'.encode('utf-8', 'surrogatepass'))"
    )
    turn = client.post(f"{session}/turns", json={"code": code})
    assert turn.status_code == 200, turn.text
    files = client.get(f"{session}/files")
    assert files.status_code == 200, files.text
    assert len(files.json()["files"]) == 1
    run = client.post("/v1/runs", json={"shell": "printf '\\377\\000\\376'"})
    assert run.status_code == 200
    assert run.json()["result"]["stdout"]["total_bytes"] == 3


def test_s75_much_output_is_cut_and_says_so(client):
    body = {"shell": "head -c 50000000 /dev/zero | tr '\\0' x"}
    response = client.post("/v1/runs", json=body)
    assert response.status_code == 200
    stdout = response.json()["result"]["stdout"]
    kept = len(text_of(stdout))
    assert stdout["total_bytes"] == kept + stdout["omitted_bytes"]
    assert response.json()["result"]["outcome"] in ("exited", "output_limited")
    assert kept < 50_000_000 and stdout["omitted_bytes"] > 0
