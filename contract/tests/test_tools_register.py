"""`POST /sessions/{id}/programmatic-tools/register` and calls of what it registers."""

import threading
import time

import pytest

from callback import Callback
from session import within


@pytest.fixture
def callback():
    callback = Callback()
    yield callback
    callback.close()


def register(session, callback_url, names=("lookup",), token="secret-token", **fields):
    tools = [{"name": name} if isinstance(name, str) else name for name in names]
    body = {"callback_url": callback_url, "token": token, "tools": tools} | fields
    return session.client.post(f"{session.path}/programmatic-tools/register", json=body)


@pytest.fixture
def tools(session, callback):
    answer = register(session, callback.url, ["lookup", {"name": "other", "doc": "Does something."}])
    assert answer.status_code == 200, answer.text
    return session


def attempt(call):
    """Code that prints how a call fails."""
    return f"import _platform_tools as t\ntry:\n    print(t.{call})\nexcept t.ToolError as error:\n    print('ToolError:', error)"


def test_the_answer_names_the_module_and_the_count(session, callback):
    answer = register(session, callback.url, ["a", "b"])
    assert answer.status_code == 200
    assert set(answer.json()) == {"stub_path", "tool_count"}
    assert answer.json()["stub_path"].endswith("/_platform_tools.py")
    assert answer.json()["tool_count"] == 2


def test_there_may_be_no_tools(session, callback):
    assert register(session, callback.url, []).json()["tool_count"] == 0
    assert session.python("import _platform_tools")["return_code"] == 0
    body = {"callback_url": callback.url, "token": "t"}
    answer = session.client.post(f"{session.path}/programmatic-tools/register", json=body)
    assert answer.json()["tool_count"] == 0


def test_nothing_is_there_before(session):
    content = session.python("from _platform_tools import lookup")
    assert content["return_code"] == 1
    assert "_platform_tools" in content["stderr"]


def test_a_call_goes_out_and_comes_back(tools, callback):
    callback.answer = lambda request: {"content": {"found": [1, "é", None]}, "is_error": False}
    content = tools.python("from _platform_tools import lookup\nprint(lookup(query='q', limit=3))")
    assert content["stdout"] == "{'found': [1, 'é', None]}"
    (request,) = callback.requests
    assert request["path"] == "/call"
    assert request["headers"]["authorization"] == "Bearer secret-token"
    assert request["headers"]["content-type"] == "application/json"
    assert set(request["body"]) == {"call_id", "name", "input"}
    assert request["body"]["name"] == "lookup"
    assert request["body"]["input"] == {"query": "q", "limit": 3}
    assert len(request["body"]["call_id"]) == 32
    int(request["body"]["call_id"], 16)


def test_each_call_has_its_own_id(tools, callback):
    tools.python("from _platform_tools import lookup, other\nlookup(); other(); lookup()")
    assert [request["body"]["name"] for request in callback.requests] == ["lookup", "other", "lookup"]
    assert len({request["body"]["call_id"] for request in callback.requests}) == 3


@pytest.mark.parametrize("content", ["text", 5, 1.5, True, None, [1, 2], {"a": {"b": "c"}}, ""])
def test_what_comes_back_is_json(tools, callback, content):
    callback.answer = lambda request: {"content": content, "is_error": False}
    assert tools.python("from _platform_tools import lookup\nprint(repr(lookup()))")["stdout"] == repr(content)


def test_an_answer_without_content_is_none(tools, callback):
    callback.answer = lambda request: {}
    assert tools.python("import _platform_tools as t\nprint(t.lookup())")["stdout"] == "None"


def test_only_named_arguments_are_taken(tools, callback):
    content = tools.python("from _platform_tools import lookup\nlookup('q')")
    assert content["return_code"] == 1
    assert "TypeError" in content["stderr"]
    assert callback.requests == []


def test_a_tool_has_its_documentation(tools):
    assert tools.python("import _platform_tools as t\nprint(t.other.__doc__)")["stdout"] == "Does something."
    assert tools.python("print(t.other.__name__)")["stdout"] == "other"


def test_arguments_that_are_no_json_are_an_error(tools, callback):
    content = tools.python("import _platform_tools as t\nt.lookup(x=object())")
    assert content["return_code"] == 1
    assert "TypeError" in content["stderr"]
    assert callback.requests == []


def test_an_error_is_an_exception(tools, callback):
    callback.answer = lambda request: {"content": "no such thing", "is_error": True}
    assert tools.python(attempt("lookup()"))["stdout"] == "ToolError: no such thing"
    callback.answer = lambda request: {"is_error": True}
    assert tools.python(attempt("lookup()"))["stdout"] == "ToolError: unknown tool error"


def test_an_exception_that_nobody_catches_fails_the_call(tools, callback):
    callback.answer = lambda request: {"content": "no", "is_error": True}
    content = tools.python("import _platform_tools as t\nt.lookup()")
    assert content["return_code"] == 1
    assert content["stderr"].endswith("ToolError: no")


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_a_bad_status_is_an_exception(tools, callback, status):
    callback.answer = lambda request: status
    assert tools.python(attempt("lookup()"))["stdout"] == f"ToolError: tool 'lookup' failed: HTTP {status}"


def test_nobody_there_is_an_exception(session, callback):
    url = callback.url
    callback.close()
    register(session, url)
    stdout = session.python(attempt("lookup()"))["stdout"]
    assert stdout.startswith("ToolError: tool 'lookup' unreachable: ")


def test_a_late_answer_is_an_exception(session, callback):
    callback.answer = lambda request: time.sleep(3) or {"content": "late"}
    register(session, callback.url, timeout_seconds=1)
    with within(1):
        stdout = session.python(attempt("lookup()"))["stdout"]
    assert stdout.startswith("ToolError: tool 'lookup' transport error: ")


def test_calls_do_not_wait_for_each_other(tools, callback):
    meet = threading.Barrier(3, timeout=5)
    callback.answer = lambda request: {"content": meet.wait() is not None}
    code = (
        "import _platform_tools as t\nfrom concurrent.futures import ThreadPoolExecutor as P\n"
        "with P(3) as p: print(list(p.map(lambda n: t.lookup(n=n), range(3))))"
    )
    assert tools.python(code)["stdout"] == "[True, True, True]"


def test_large_arguments_and_answers_pass(tools, callback):
    callback.answer = lambda request: {"content": request["body"]["input"]["text"][::-1]}
    code = "import _platform_tools as t\ntext = 'ab' * 250_000\nprint(t.lookup(text=text) == text[::-1])"
    assert tools.python(code)["stdout"] == "True"


def test_registering_again_before_the_import_replaces(tools, callback):
    register(tools, callback.url, ["newer"])
    assert tools.python("import _platform_tools as t\nprint(hasattr(t, 'lookup'), t.newer(a=1))")["stdout"] == "False {'a': 1}"


def test_tools_outlive_the_interpreter(tools):
    tools.python("import os; os._exit(1)")
    assert tools.python("import _platform_tools as t\nprint(t.lookup(a=1))")["stdout"] == "{'a': 1}"


def test_each_session_has_its_own_tools(sessions, callback):
    one, other = sessions(), sessions()
    register(one, callback.url, ["lookup"])
    assert other.python("from _platform_tools import lookup")["return_code"] == 1


REFUSED = [
    ({"callback_url": ""}, "callback_url must not be empty"),
    ({"token": ""}, "token must not be empty"),
    ({"tools": [{"name": "1a"}]}, "invalid tool name: '1a'"),
    ({"tools": [{"name": ""}]}, "invalid tool name: ''"),
    ({"tools": [{"name": "a b"}]}, "invalid tool name: 'a b'"),
    ({"tools": [{"name": "a.b"}]}, "invalid tool name: 'a.b'"),
    ({"tools": [{"name": "é"}]}, "invalid tool name: 'é'"),
    ({"tools": [{"name": "class"}]}, "tool name shadows Python keyword: 'class'"),
    ({"tools": [{"name": "None"}]}, "tool name shadows Python keyword: 'None'"),
    ({"tools": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}, "duplicate tool name: 'a'"),
]


@pytest.mark.parametrize(("fields", "detail"), REFUSED)
def test_what_cannot_be_registered_is_named(session, fields, detail):
    body = {"callback_url": "http://127.0.0.1:9/", "token": "t", "tools": []} | fields
    answer = session.client.post(f"{session.path}/programmatic-tools/register", json=body)
    assert (answer.status_code, answer.json()) == (422, {"detail": detail})


BAD_FIELDS = [
    ({"callback_url": None}, "string_type", ["body", "callback_url"]),
    ({"token": 5}, "string_type", ["body", "token"]),
    ({"tools": {}}, "list_type", ["body", "tools"]),
    ({"tools": [{}]}, "missing", ["body", "tools", 0, "name"]),
    ({"tools": [{"name": "a", "doc": None}]}, "string_type", ["body", "tools", 0, "doc"]),
    ({"timeout_seconds": 0}, "greater_than_equal", ["body", "timeout_seconds"]),
    ({"timeout_seconds": 3601}, "less_than_equal", ["body", "timeout_seconds"]),
    ({"timeout_seconds": None}, "int_type", ["body", "timeout_seconds"]),
]


@pytest.mark.parametrize(("fields", "kind", "place"), BAD_FIELDS)
def test_bad_fields_are_named(session, fields, kind, place):
    body = {"callback_url": "http://127.0.0.1:9/", "token": "t", "tools": []} | fields
    answer = session.client.post(f"{session.path}/programmatic-tools/register", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert (error["type"], error["loc"]) == (kind, place)


def test_what_is_missing_is_named(client, session):
    answer = client.post(f"{session.path}/programmatic-tools/register", json={})
    assert answer.status_code == 422
    assert [error["loc"] for error in answer.json()["detail"]] == [["body", "callback_url"], ["body", "token"]]


def test_an_unknown_session_has_no_tools(client):
    name = "sbx_" + "0" * 24
    body = {"callback_url": "http://127.0.0.1:9/", "token": "t"}
    answer = client.post(f"/sessions/{name}/programmatic-tools/register", json=body)
    assert (answer.status_code, answer.json()) == (404, {"detail": name})


@pytest.mark.better
def test_registering_again_takes_effect_at_once(tools, callback):
    other = Callback(lambda request: {"content": "from the other"})
    try:
        tools.python("import _platform_tools as t\nt.lookup()")
        register(tools, other.url, ["lookup", "newer"], token="second")
        assert tools.python("print(t.lookup(), t.newer())")["stdout"] == "from the other from the other"
        assert other.requests[0]["headers"]["authorization"] == "Bearer second"
        assert len(callback.requests) == 1
        register(tools, other.url, ["newer"])
        content = tools.python("t.lookup()")
        assert content["return_code"] == 1
    finally:
        other.close()


@pytest.mark.better
def test_neither_token_nor_address_is_inside(tools, callback):
    search = (
        "import os, gc, _platform_tools as t\nt.lookup()\n"
        "seen = repr(vars(t)) + repr(dict(os.environ)) + (open(t.__file__).read() if getattr(t, '__file__', None) and os.path.exists(t.__file__) else '')\n"
        "seen += repr([o for o in gc.get_objects() if type(o) in (dict, list, tuple)][:20000])\n"
        "print('-'.join(('secret', 'token')) in seen, '/ca' + 'll' in repr(vars(t)))"
    )
    content = tools.python(search)
    assert content["stdout"] == "False False", content["stderr"]
    assert "secret-token" not in tools.bash("env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; grep -rs secret-token / --include='*.py' | head")["stdout"]


@pytest.mark.better
def test_the_answer_leaks_no_path_of_the_host(session, callback):
    path = register(session, callback.url).json()["stub_path"]
    assert "sbx_" not in path


@pytest.mark.better
@pytest.mark.parametrize("name", ["_call", "ToolError", "json", "print", "urllib", "_TOKEN"])
def test_no_name_breaks_the_module(session, callback, name):
    answer = register(session, callback.url, [name, "lookup"])
    if answer.status_code == 422:
        assert type(answer.json()["detail"]) is str
        return
    code = f"import _platform_tools as t\nprint(t.{name}(a=1), t.lookup(b=2))"
    assert session.python(code)["stdout"] == "{'a': 1} {'b': 2}"


@pytest.mark.better
def test_a_time_limit_holds_while_a_tool_is_called(tools, callback):
    callback.answer = lambda request: time.sleep(5) or {"content": "late"}
    with within(1):
        content = tools.python("import _platform_tools as t\nt.lookup()", timeout_seconds=1)
    assert content["return_code"] == -1
    callback.answer = lambda request: {"content": "prompt"}
    assert tools.python("import _platform_tools as t\nprint(t.lookup())")["stdout"] == "prompt"


@pytest.mark.better
@pytest.mark.parametrize("answer", [b"no json", b"", b"[]", b'"text"', b"\xff\xfe", b'{"content":'])
def test_an_answer_that_is_no_object_is_an_exception(tools, callback, answer):
    callback.answer = lambda request: answer
    assert tools.python(attempt("lookup()"))["stdout"].startswith("ToolError: tool 'lookup' ")


@pytest.mark.better
def test_a_redirect_takes_the_token_nowhere(tools, callback):
    callback.answer = lambda request: 302
    assert tools.python(attempt("lookup()"))["stdout"].startswith("ToolError: tool 'lookup' ")
    assert len(callback.requests) == 1


@pytest.mark.better
def test_documentation_cannot_bring_in_code(session, callback):
    doc = '"""\nimport os; os._exit(1)\n"""\n\\'
    register(session, callback.url, [{"name": "lookup", "doc": doc}])
    assert session.python("import _platform_tools as t\nprint(t.lookup.__doc__)")["stdout"] == doc


@pytest.mark.better
@pytest.mark.parametrize("address", ["file:///etc/passwd", "no url", "ftp://127.0.0.1/", "http://"])
def test_only_http_is_called(session, address):
    answer = register(session, address)
    if answer.status_code == 422:
        return
    assert session.python(attempt("lookup()"))["stdout"].startswith("ToolError: tool 'lookup' ")
