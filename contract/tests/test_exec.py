"""`POST /sessions/{id}/exec`: the envelope and what is refused."""

import pytest

from session import TOOL_USE_ID, TOOLS, check_envelope

INPUTS = {
    "code_execution": {"code": "print(2 + 2)"},
    "bash_code_execution": {"command": "echo hi"},
    "text_editor_code_execution": {"command": "view", "path": "."},
}


@pytest.mark.parametrize("tool", TOOLS.values())
def test_each_tool_answers_in_the_same_envelope(session, tool):
    answer = session.exec(tool, INPUTS[tool])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    content = check_envelope(answer.json(), tool)
    assert content["return_code"] == 0
    assert content["content"] == []


@pytest.mark.parametrize("tool", TOOLS.values())
def test_the_id_of_a_call_is_echoed(session, tool):
    answer = session.exec(tool, INPUTS[tool], tool_use_id="toolu_é 1").json()
    check_envelope(answer, tool)
    assert answer["tool_use_id"] == "toolu_é 1"


@pytest.mark.parametrize("fields", [{}, {"tool_use_id": None}, {"tool_use_id": ""}])
def test_the_id_of_a_call_is_made_up(session, fields):
    answer = session.exec("code_execution", {"code": "1"}, **fields).json()
    assert TOOL_USE_ID.fullmatch(answer["tool_use_id"])


@pytest.mark.parametrize("limit", [1, 120, "5", 2.0])
def test_time_limits_are_read_leniently(session, limit):
    assert session.python("print(1)", timeout_seconds=limit)["stdout"] == "1"


def test_unknown_fields_are_ignored(session):
    content = session.run("code_execution", {"code": "print(1)", "x": 1}, priority=3, stream={"a": None})
    assert content["stdout"] == "1"


def error_of(answer):
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["detail"]
    return error


INTEGER = "Input should be a valid integer"


@pytest.mark.parametrize(
    ("limit", "kind", "message"),
    [
        (None, "int_type", INTEGER),
        (0, "greater_than_equal", "Input should be greater than or equal to 1"),
        (121, "less_than_equal", "Input should be less than or equal to 120"),
        (1.5, "int_from_float", f"{INTEGER}, got a number with a fractional part"),
        ("x", "int_parsing", f"{INTEGER}, unable to parse string as an integer"),
    ],
)
def test_bad_time_limits_are_refused(session, limit, kind, message):
    error = error_of(session.exec("code_execution", {"code": "1"}, timeout_seconds=limit))
    assert error["loc"] == ["body", "timeout_seconds"]
    assert (error["type"], error["msg"]) == (kind, message)


def test_what_is_missing_is_named(client, session):
    answer = client.post(f"{session.path}/exec", json={})
    assert answer.status_code == 422
    assert [(error["type"], error["loc"], error["msg"]) for error in answer.json()["detail"]] == [
        ("missing", ["body", "tool"], "Field required"),
        ("missing", ["body", "input"], "Field required"),
    ]


def test_a_body_is_required(client, session):
    answer = client.post(f"{session.path}/exec")
    error = error_of(answer)
    assert (error["type"], error["loc"], error["msg"]) == ("missing", ["body"], "Field required")


@pytest.mark.parametrize("tool", ["no_such_tool", "", "CODE_EXECUTION", 5, None])
def test_an_unknown_tool_is_refused(session, tool):
    error = error_of(session.exec(tool, {}))
    assert (error["type"], error["loc"]) == ("literal_error", ["body", "tool"])
    tools = "'code_execution', 'bash_code_execution' or 'text_editor_code_execution'"
    assert error["msg"] == f"Input should be {tools}"
    assert error["ctx"] == {"expected": tools}


@pytest.mark.parametrize("input", [[], "text", None, 5])
def test_the_input_is_an_object(session, input):
    error = error_of(session.exec("code_execution", input))
    assert (error["type"], error["loc"]) == ("dict_type", ["body", "input"])
    assert error["msg"] == "Input should be a valid dictionary"


def test_the_id_of_a_call_is_a_string(session):
    error = error_of(session.exec("code_execution", {"code": "1"}, tool_use_id=5))
    assert (error["type"], error["loc"]) == ("string_type", ["body", "tool_use_id"])


COMMANDS = "'view', 'create', 'str_replace', 'insert' or 'undo_edit'"
STRING = "Input should be a valid string"
BAD_INPUTS = [
    ("code_execution", {}, "missing", "code", "Field required"),
    ("code_execution", {"code": ""}, "string_too_short", "code", "String should have at least 1 character"),
    ("code_execution", {"code": 1}, "string_type", "code", STRING),
    ("code_execution", {"code": None}, "string_type", "code", STRING),
    ("bash_code_execution", {}, "missing", "command", "Field required"),
    ("bash_code_execution", {"command": ""}, "string_too_short", "command", "String should have at least 1 character"),
    ("bash_code_execution", {"command": ["ls"]}, "string_type", "command", STRING),
    ("text_editor_code_execution", {"command": "view"}, "missing", "path", "Field required"),
    ("text_editor_code_execution", {"path": "x"}, "missing", "command", "Field required"),
    ("text_editor_code_execution", {"command": "rm", "path": "x"}, "literal_error", "command", f"Input should be {COMMANDS}"),
    ("text_editor_code_execution", {"command": "view", "path": 1}, "string_type", "path", STRING),
    ("text_editor_code_execution", {"command": "insert", "path": "x", "insert_line": "a"}, "int_parsing", "insert_line", f"{INTEGER}, unable to parse string as an integer"),
    ("text_editor_code_execution", {"command": "view", "path": "x", "view_range": 3}, "list_type", "view_range", "Input should be a valid list"),
]


@pytest.mark.parametrize(("tool", "input", "kind", "field", "message"), BAD_INPUTS)
def test_bad_input_is_named_without_the_body(session, tool, input, kind, field, message):
    error = error_of(session.exec(tool, input))
    assert (error["type"], error["loc"], error["msg"]) == (kind, [field], message)


COMMENT = "# " + "é" * 199_998


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        ("code_execution", "code"),
        # The kernel takes no argument of this length, so the reference fails.
        pytest.param("bash_code_execution", "command", marks=pytest.mark.better),
    ],
)
def test_input_may_have_200000_characters(session, tool, field):
    assert len(COMMENT) == 200_000
    assert session.run(tool, {field: COMMENT})["return_code"] == 0


@pytest.mark.parametrize(("tool", "field"), [("code_execution", "code"), ("bash_code_execution", "command")])
def test_input_has_no_more_than_200000_characters(session, tool, field):
    error = error_of(session.exec(tool, {field: COMMENT + "x"}))
    assert (error["type"], error["loc"]) == ("string_too_long", [field])
    assert error["msg"] == "String should have at most 200000 characters"
    assert error["ctx"] == {"max_length": 200_000}


@pytest.mark.better
def test_a_refusal_does_not_echo_what_is_too_long(session):
    answer = session.exec("code_execution", {"code": "x" * 200_001})
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_the_body_is_judged_before_the_session(client):
    path = f"/sessions/sbx_{'0' * 24}/exec"
    bad = client.post(path, json={"tool": "code_execution"})
    assert bad.status_code == 422
    good = client.post(path, json={"tool": "code_execution", "input": {}})
    assert (good.status_code, good.json()) == (404, {"detail": "sbx_" + "0" * 24})


@pytest.mark.parametrize("content", [b"{", b"nul", b"\xff", b"{}{}"])
def test_malformed_json_is_refused(client, session, content):
    answer = client.post(f"{session.path}/exec", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert "detail" in answer.json()


@pytest.mark.better
def test_deeply_nested_json_is_refused(client, session):
    content = b'{"tool":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    answer = client.post(f"{session.path}/exec", content=content, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500
    assert session.python("print(1)")["stdout"] == "1"


def test_a_failed_program_is_an_answer(session):
    content = session.python("1 / 0")
    assert content["return_code"] == 1
    content = session.bash("exit 3")
    assert content["return_code"] == 3
    content = session.edit("view", "missing")
    assert content["return_code"] == 1
