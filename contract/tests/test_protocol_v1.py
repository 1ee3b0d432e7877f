"""The published protocol, contract version 1: what any backend of it has to do.
Clients ignore fields they do not know, so these models do too."""

import os
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from session import Session

MARKER = "the code did run"


class Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class Handle(Lenient):
    session_id: str = Field(min_length=1)
    idle_timeout_seconds: int | None = None
    max_lifetime_seconds: int | None = None
    created_at: float | None = None
    last_activity_at: float | None = None


class Produced(Lenient):
    type: Literal["code_execution_output"] = "code_execution_output"
    file_id: str
    filename: str


class Result(Lenient):
    type: Literal["code_execution_result"] = "code_execution_result"
    stdout: str | None = ""
    stderr: str | None = ""
    return_code: int | None = 0
    content: list[Produced] | None = []


class Block(Lenient):
    type: str = Field(min_length=1)
    tool_use_id: str
    content: Result


class Execution(Lenient):
    tool_use_id: str
    result_block: Block
    execution_time_ms: int | None = Field(default=None, ge=0)


class Entry(Lenient):
    path: str
    size_bytes: int = Field(ge=0)
    mime_type: str | None = None
    modified_at: float | None = None


class Listing(Lenient):
    files: list[Entry]


class Stored(Lenient):
    path: str
    size_bytes: int = Field(ge=0)


def execute(session, tool, input, **fields):
    body = {"tool_use_id": "call-1", "timeout_seconds": 30} | fields
    answer = session.exec(tool, input, **body)
    assert answer.status_code == 200, answer.text
    execution = Execution.model_validate_json(answer.content)
    assert execution.tool_use_id == execution.result_block.tool_use_id == body["tool_use_id"]
    assert execution.result_block.type == f"{tool}_tool_result"
    return execution.result_block.content


def test_a_session_is_leased(client):
    answer = client.post("/sessions", json={"idle_timeout_seconds": 300})
    assert answer.status_code == 201
    handle = Handle.model_validate_json(answer.content)
    client.delete(f"/sessions/{handle.session_id}")


@pytest.mark.parametrize("hint", [1, 60, 300, 3600])
def test_no_more_idle_time_is_reported_than_was_asked_for(sessions, hint):
    made = sessions(idle_timeout_seconds=hint).made
    assert made["idle_timeout_seconds"] <= hint
    made = sessions(max_lifetime_seconds=hint).made
    assert made["max_lifetime_seconds"] <= hint


def test_an_idle_time_is_reported(session):
    assert session.made["idle_timeout_seconds"] >= 1


@pytest.mark.parametrize("image", ["python:3.12", "no/such:image", "", None, 5, {"a": 1}])
def test_an_image_is_a_hint(client, image):
    answer = client.post("/sessions", json={"image": image})
    assert answer.status_code == 201
    client.delete(f"/sessions/{answer.json()['session_id']}")


@pytest.mark.parametrize(
    ("tool", "input"),
    [
        ("code_execution", {"code": f"print('{MARKER}')"}),
        ("bash_code_execution", {"command": f"echo {MARKER}"}),
    ],
)
def test_a_call_runs(session, tool, input):
    content = execute(session, tool, input)
    assert content.return_code in (None, 0)
    assert MARKER in (content.stdout or "")


def test_the_editor_creates_and_views(session):
    created = execute(session, "text_editor_code_execution", {"command": "create", "path": "n.txt", "file_text": MARKER})
    assert created.return_code in (None, 0)
    assert MARKER not in created.stdout
    viewed = execute(session, "text_editor_code_execution", {"command": "view", "path": "n.txt"})
    assert viewed.return_code in (None, 0)
    assert MARKER in viewed.stdout


def test_an_unknown_tool_is_refused(session):
    answer = session.exec("no_such_tool_kind", {}, timeout_seconds=30)
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    ("tool", "input"),
    [
        ("code_execution", {"code": "raise ValueError('no')"}),
        ("code_execution", {"code": "import os; os._exit(3)"}),
        ("code_execution", {"code": "import time; time.sleep(10)"}),
        ("bash_code_execution", {"command": "exit 3"}),
        ("bash_code_execution", {"command": "exec sleep 10"}),
        ("text_editor_code_execution", {"command": "view", "path": "missing"}),
    ],
)
def test_a_failed_program_is_a_successful_call(session, tool, input):
    content = execute(session, tool, input, timeout_seconds=1)
    assert content.return_code not in (None, 0)
    assert content.stderr or content.return_code == 3


def test_a_call_without_output_has_its_content(session):
    answer = session.exec("code_execution", {"code": "pass"}).json()
    content = answer["result_block"]["content"]
    assert (content["stdout"], content["stderr"], content["return_code"]) == ("", "", 0)


def test_a_session_has_state(session):
    execute(session, "code_execution", {"code": "x = 1\nopen('f', 'w').write('kept')"})
    assert execute(session, "code_execution", {"code": "print(x)"}).stdout.strip() == "1"
    assert execute(session, "bash_code_execution", {"command": "cat f"}).stdout == "kept"


@pytest.mark.parametrize("limit", [300, 100_000])
def test_a_long_time_limit_is_cut_or_refused(session, limit):
    answer = session.exec("code_execution", {"code": "print(1)"}, timeout_seconds=limit)
    assert answer.status_code in (200, 400, 422)


def test_unknown_fields_are_tolerated(client, session):
    answer = session.exec("code_execution", {"code": "print(1)", "new": 1}, new=[1], stream=False)
    assert answer.status_code == 200
    answer = client.post("/sessions", json={"tenant": "t", "metadata": {}})
    assert answer.status_code == 201
    client.delete(f"/sessions/{answer.json()['session_id']}")


def test_a_file_is_put_listed_and_got(session):
    content = f"{MARKER}\n".encode()
    answer = session.put("p.txt", content, path="p.txt")
    assert answer.status_code == 201
    stored = Stored.model_validate_json(answer.content)
    assert (stored.path, stored.size_bytes) == ("p.txt", len(content))
    answer = session.listing(".")
    assert answer.status_code == 200
    (entry,) = Listing.model_validate_json(answer.content).files
    assert entry.path.endswith("p.txt")
    assert entry.modified_at is not None
    answer = session.get("p.txt")
    assert (answer.status_code, answer.content) == (200, content)
    assert int(answer.headers["content-length"]) == len(content)


def test_no_path_leads_out(session):
    assert session.get("../../etc/passwd").status_code == 403
    assert session.listing("../..").status_code == 403
    assert session.put("x", b"x", path="../x").status_code == 403


def test_a_session_is_released_twice(client):
    session = Session(client)
    assert session.destroy().status_code == 204
    assert session.destroy().status_code in (204, 404)


def test_a_session_that_is_gone_is_told_by_its_listing(client):
    session = Session(client)
    session.destroy()
    assert session.listing().status_code == 404


def test_produced_files_show_in_a_listing(session):
    before = {file["path"]: (file["size_bytes"], file["modified_at"]) for file in session.listing().json()["files"]}
    session.python("open('chart.png', 'wb').write(b'png')")
    after = {file["path"]: (file["size_bytes"], file["modified_at"]) for file in session.listing().json()["files"]}
    assert set(after) - set(before) == {"chart.png"}
    session.python("open('chart.png', 'wb').write(b'gif')")
    again = {file["path"]: (file["size_bytes"], file["modified_at"]) for file in session.listing().json()["files"]}
    assert again["chart.png"] != after["chart.png"]


def test_a_gateway_is_served(client):
    """The calls of a gateway for one request, as it makes them."""
    made = client.post("/sessions", json={})
    assert made.status_code == 201
    path = f"/sessions/{made.json()['session_id']}"
    body = {"tool": "code_execution", "input": {"code": "print(6 * 7)"}, "timeout_seconds": 60}
    ran = client.post(f"{path}/exec", json=body, timeout=70)
    content = Execution.model_validate_json(ran.content).result_block.content
    # Errors without output count as failure, so nothing of ours may be there.
    assert (content.stdout, content.stderr, content.return_code) == ("42", "", 0)
    assert client.delete(path).status_code == 204


def fetched(session, content):
    """What is got by the name of each file that a result refers to."""
    assert all(item["file_id"] for item in content["content"])
    return {item["filename"]: session.get(item["filename"]).content for item in content["content"]}


@pytest.mark.better
def test_a_result_refers_to_created_and_changed_files(session):
    content = session.python("open('chart.png', 'wb').write(b'png'); open('t.csv', 'w').write('1')")
    assert fetched(session, content) == {"chart.png": b"png", "t.csv": b"1"}
    content = session.python("open('t.csv', 'a').write('2')")
    assert fetched(session, content) == {"t.csv": b"12"}
    assert session.python("print(open('t.csv').read())")["content"] == []


@pytest.mark.better
def test_commands_refer_to_files_too(session):
    content = session.bash("mkdir -p out; echo a > out/a.txt; echo b > b.txt")
    assert fetched(session, content) == {"out/a.txt": b"a\n", "b.txt": b"b\n"}
    assert session.bash("rm b.txt; cat out/a.txt")["content"] == []


@pytest.mark.better
def test_what_failed_refers_to_its_files(session):
    assert fetched(session, session.python("open('x', 'w').write('1')\n1 / 0")) == {"x": b"1"}
    content = session.bash("echo 1 > y; sleep 10", timeout_seconds=1)
    assert fetched(session, content) == {"y": b"1\n"}


@pytest.mark.better
def test_uploads_are_not_produced(session):
    session.write("input.csv", b"1")
    assert session.python("print(open('input.csv').read())")["content"] == []


@pytest.mark.better
def test_file_ids_tell_versions_and_sessions_apart(sessions):
    one, other = sessions(), sessions()
    first = one.python("open('x', 'w').write('1')")["content"][0]["file_id"]
    second = other.python("open('x', 'w').write('1')")["content"][0]["file_id"]
    assert first != second


@pytest.mark.better
def test_many_files_are_bounded(session):
    answer = session.exec("bash_code_execution", {"command": "for i in $(seq 5000); do : > f$i; done"}, timeout_seconds=60)
    assert answer.status_code == 200
    assert len(answer.content) < 4 << 20


@pytest.mark.skipif("CONTRACT_PROTOCOL" not in os.environ, reason="CONTRACT_PROTOCOL names no document")
def test_the_published_document_agrees(session):
    """The same answers against the document, where a copy of it is at hand."""
    import jsonschema_rs
    import yaml

    with open(os.environ["CONTRACT_PROTOCOL"], encoding="utf-8") as file:
        document = yaml.safe_load(file)

    def agrees(name, instance):
        schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        validator = jsonschema_rs.Draft202012Validator(schema)
        assert [error.message for error in validator.iter_errors(instance)] == []

    agrees("SessionHandle", session.made)
    for tool, input in (
        ("code_execution", {"code": "open('a.png', 'w').write('x'); print(1)"}),
        ("code_execution", {"code": "1 / 0"}),
        ("bash_code_execution", {"command": "echo x | tee b.txt; exit 2"}),
        ("text_editor_code_execution", {"command": "view", "path": "."}),
    ):
        agrees("ExecResponse", session.exec(tool, input).json())
    agrees("FileUploadResult", session.put("x", b"1").json())
    agrees("FileList", session.listing().json())
    agrees("Error", session.get("missing").json())
