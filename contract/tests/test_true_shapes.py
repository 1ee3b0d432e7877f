"""The vendor's own block shapes, chosen for a call or for a session, parsed by
the types of its official SDK without any leniency."""

import json

import pytest
from anthropic.types import beta
from pydantic import BaseModel, TypeAdapter

pytestmark = pytest.mark.better

VERSIONS = ["20250522", "20250825", "20260120"]
# The first version had Python alone.
VERSIONS_WITH_COMMANDS = VERSIONS[1:]

TYPES = {
    "code_execution": TypeAdapter(beta.BetaCodeExecutionToolResultBlock),
    "bash_code_execution": TypeAdapter(beta.BetaBashCodeExecutionToolResultBlock),
    "text_editor_code_execution": TypeAdapter(beta.BetaTextEditorCodeExecutionToolResultBlock),
}


def only_known(value: object) -> None:
    """The SDK lets unknown fields pass; the vendor's server sends none."""
    if isinstance(value, BaseModel):
        assert not value.model_extra, value.model_extra
        for name in type(value).model_fields:
            only_known(getattr(value, name))
    elif isinstance(value, list):
        for item in value:
            only_known(item)


def parse(tool, answer):
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"tool_use_id", "result_block", "execution_time_ms"}
    block = TYPES[tool].validate_json(json.dumps(body["result_block"]), strict=True)
    only_known(block)
    assert block.tool_use_id == body["tool_use_id"]
    return block.content


@pytest.fixture(params=["header", "session"])
def call(request, sessions):
    """Calls with a choice of shapes by either way of choosing."""
    made = {}

    def call(version, tool, input, **fields):
        if version not in made:
            made[version] = sessions() if request.param == "header" else sessions(block_shapes=version)
        headers = {"X-Block-Shapes": version} if request.param == "header" else None
        return parse(tool, made[version].exec(tool, input, headers=headers, **fields))

    call.session = lambda version: made[version]
    return call


def python(call, version, code, **fields):
    return call(version, "code_execution", {"code": code}, **fields)


def bash(call, version, command, **fields):
    return call(version, "bash_code_execution", {"command": command}, **fields)


def edit(call, version, command, path, **arguments):
    return call(version, "text_editor_code_execution", {"command": command, "path": path} | arguments)


@pytest.mark.parametrize("version", VERSIONS)
def test_python(call, version):
    content = python(call, version, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert isinstance(content, beta.BetaCodeExecutionResultBlock)
    assert (content.stdout.rstrip("\n"), content.stderr.rstrip("\n"), content.return_code) == ("out", "err", 3)
    assert content.content == []


@pytest.mark.parametrize("version", VERSIONS)
def test_python_with_files(call, version):
    content = python(call, version, "open('a.png', 'w').write('x')")
    (item,) = content.content
    assert isinstance(item, beta.BetaCodeExecutionOutputBlock)
    assert item.file_id


@pytest.mark.parametrize("version", VERSIONS)
def test_python_that_takes_too_long(call, version):
    content = python(call, version, "while True: pass", timeout_seconds=1)
    assert isinstance(content, beta.BetaCodeExecutionToolResultErrorObject)
    assert content.error_code == "execution_time_exceeded"


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_bash(call, version):
    content = bash(call, version, "echo out; echo err >&2; exit 3")
    assert isinstance(content, beta.BetaBashCodeExecutionResultBlock)
    assert (content.stdout, content.stderr, content.return_code) == ("out\n", "err\n", 3)
    assert content.content == []


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_bash_with_files(call, version):
    content = bash(call, version, "echo x > a.txt")
    (item,) = content.content
    assert isinstance(item, beta.BetaBashCodeExecutionOutputBlock)
    assert item.file_id


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_bash_that_takes_too_long(call, version):
    content = bash(call, version, "sleep 30", timeout_seconds=1)
    assert isinstance(content, beta.BetaBashCodeExecutionToolResultErrorObject)
    assert content.error_code == "execution_time_exceeded"


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_create_and_view(call, version):
    content = edit(call, version, "create", "f.txt", file_text="one\ntwo\nthree\n")
    assert isinstance(content, beta.BetaTextEditorCodeExecutionCreateResultBlock)
    assert content.is_file_update is False
    content = edit(call, version, "view", "f.txt")
    assert isinstance(content, beta.BetaTextEditorCodeExecutionViewResultBlock)
    assert content.file_type == "text"
    assert content.content.splitlines() == ["one", "two", "three"]
    assert (content.start_line, content.num_lines, content.total_lines) == (1, 3, 3)


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_view_of_a_range(call, version):
    edit(call, version, "create", "f.txt", file_text="one\ntwo\nthree\n")
    content = edit(call, version, "view", "f.txt", view_range=[2, 3])
    assert content.content.splitlines() == ["two", "three"]
    assert (content.start_line, content.num_lines, content.total_lines) == (2, 2, 3)


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_str_replace(call, version):
    edit(call, version, "create", "f.txt", file_text="one\ntwo\nthree\n")
    content = edit(call, version, "str_replace", "f.txt", old_str="two", new_str="2a\n2b")
    assert isinstance(content, beta.BetaTextEditorCodeExecutionStrReplaceResultBlock)
    assert content.old_start is not None and content.new_start is not None
    assert 1 <= content.old_start <= 2 and 1 <= content.new_start <= 2
    assert content.new_lines - content.old_lines == 1
    assert "-two" in content.lines and "+2a" in content.lines and "+2b" in content.lines


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_a_missing_file(call, version):
    for command, arguments in (
        ("view", {}),
        ("str_replace", {"old_str": "a", "new_str": "b"}),
    ):
        content = edit(call, version, command, "missing", **arguments)
        assert isinstance(content, beta.BetaTextEditorCodeExecutionToolResultErrorObject)
        assert content.error_code == "file_not_found"


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_an_edit_that_cannot_be_done(call, version):
    edit(call, version, "create", "f.txt", file_text="x x")
    for command, path, arguments in (
        ("str_replace", "f.txt", {"old_str": "y", "new_str": ""}),
        ("str_replace", "f.txt", {"old_str": "x", "new_str": ""}),
        ("str_replace", "f.txt", {}),
        ("create", "g.txt", {}),
        ("view", "../outside", {}),
        ("insert", "f.txt", {"insert_line": 99, "new_str": "x"}),
    ):
        content = edit(call, version, command, path, **arguments)
        assert isinstance(content, beta.BetaTextEditorCodeExecutionToolResultErrorObject), command
        assert content.error_code == "invalid_tool_input"


@pytest.mark.parametrize("version", VERSIONS_WITH_COMMANDS)
def test_every_command_of_the_editor_parses(call, version):
    edit(call, version, "create", "f.txt", file_text="one\n")
    for command, path, arguments in (
        ("create", "f.txt", {"file_text": "again"}),
        ("insert", "f.txt", {"insert_line": 0, "new_str": "zero"}),
        ("undo_edit", "f.txt", {}),
        ("view", ".", {}),
    ):
        edit(call, version, command, path, **arguments)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_dead_interpreter_parses(call, version):
    python(call, version, "import os; os._exit(3)")
    assert python(call, version, "print(1)").stdout.rstrip("\n") == "1"


def test_the_header_goes_before_the_session(sessions):
    session = sessions(block_shapes="20250522")
    answer = session.exec("code_execution", {"code": "open('a', 'w').write('x')"}, headers={"X-Block-Shapes": "20260120"})
    assert len(parse("code_execution", answer).content) == 1


def test_without_a_choice_the_shapes_are_otaris(session):
    session.exec("bash_code_execution", {"command": "true"}, headers={"X-Block-Shapes": "20250825"})
    assert session.bash("echo plain")["type"] == "code_execution_result"


@pytest.mark.parametrize("version", ["", "20200101", "x", "20250825, 20260120"])
def test_unknown_shapes_are_refused(client, session, version):
    answer = session.exec("code_execution", {"code": "1"}, headers={"X-Block-Shapes": version})
    assert answer.status_code in (400, 422)
    assert "detail" in answer.json()
    answer = client.post("/sessions", json={"block_shapes": version})
    assert answer.status_code in (400, 422)


def test_otaris_python_block_parses_too(session):
    body = session.exec("code_execution", {"code": "open('a', 'w').write('x')"}).json()
    block = TYPES["code_execution"].validate_json(json.dumps(body["result_block"]), strict=True)
    assert isinstance(block.content, beta.BetaCodeExecutionResultBlock)
