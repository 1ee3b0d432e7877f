"""One session of the server under test, and the shapes of what it answers."""

import os
import re
import time
from contextlib import contextmanager

import httpx

TOOLS = {
    "python": "code_execution",
    "bash": "bash_code_execution",
    "editor": "text_editor_code_execution",
}
SESSION_ID = re.compile(r"sbx_[0-9a-f]{24}")
TOOL_USE_ID = re.compile(r"srvtoolu_[0-9a-f]{24}")

# What an answer may take beyond the time limit of the call. A slow machine
# multiplies it by CONTRACT_PATIENCE.
GRACE_SECONDS = 1.0 * float(os.environ.get("CONTRACT_PATIENCE", "1"))


def check_envelope(answer: dict, tool: str) -> dict:
    """Checks the answer of an exec field by field and gives its content."""
    assert set(answer) == {"tool_use_id", "result_block", "execution_time_ms"}
    assert type(answer["execution_time_ms"]) is int and answer["execution_time_ms"] >= 0
    block = answer["result_block"]
    assert set(block) == {"type", "tool_use_id", "content"}
    assert block["type"] == f"{tool}_tool_result"
    assert block["tool_use_id"] == answer["tool_use_id"]
    content = block["content"]
    assert set(content) == {"type", "stdout", "stderr", "return_code", "content"}
    assert content["type"] == "code_execution_result"
    assert type(content["stdout"]) is str and type(content["stderr"]) is str
    assert type(content["return_code"]) is int
    for item in content["content"]:
        assert set(item) == {"type", "file_id", "filename"}
        assert item["type"] == "code_execution_output"
        assert item["file_id"] and type(item["file_id"]) is str
        assert item["filename"] and type(item["filename"]) is str
    return content


def check_session(session: dict) -> dict:
    """Checks the five fields of a session."""
    assert set(session) == {
        "session_id",
        "created_at",
        "last_activity_at",
        "idle_timeout_seconds",
        "max_lifetime_seconds",
    }
    assert SESSION_ID.fullmatch(session["session_id"])
    for field in ("created_at", "last_activity_at"):
        assert type(session[field]) in (int, float)
        assert abs(session[field] - time.time()) < 24 * 3600
    for field in ("idle_timeout_seconds", "max_lifetime_seconds"):
        assert type(session[field]) is int
    return session


class Session:
    """A session by its id; the calls give the content of the result."""

    def __init__(self, client: httpx.Client, **hints):
        self.client = client
        answer = client.post("/sessions", json=hints)
        assert answer.status_code == 201, answer.text
        self.made = check_session(answer.json())
        self.id = self.made["session_id"]
        self.path = f"/sessions/{self.id}"

    def exec(self, tool: str, input: object, **fields) -> httpx.Response:
        """One exec as it is; `headers` go beside the body."""
        headers = fields.pop("headers", None)
        body = {"tool": tool, "input": input} | fields
        return self.client.post(f"{self.path}/exec", json=body, headers=headers)

    def run(self, tool: str, input: object, **fields) -> dict:
        answer = self.exec(tool, input, **fields)
        assert answer.status_code == 200, answer.text[:2000]
        return check_envelope(answer.json(), tool)

    def python(self, code: str, **fields) -> dict:
        return self.run(TOOLS["python"], {"code": code}, **fields)

    def bash(self, command: str, **fields) -> dict:
        return self.run(TOOLS["bash"], {"command": command}, **fields)

    def edit(self, command: str, path: str, **arguments) -> dict:
        return self.run(TOOLS["editor"], {"command": command, "path": path} | arguments)

    def put(self, name: str, content: bytes, path: str | None = None) -> httpx.Response:
        data = {} if path is None else {"path": path}
        return self.client.post(f"{self.path}/files", files={"file": (name, content)}, data=data)

    def write(self, path: str, content: bytes) -> None:
        """Uploads a file that a test needs."""
        answer = self.put(path, content)
        assert answer.status_code == 201, answer.text

    def get(self, path: str) -> httpx.Response:
        return self.client.get(f"{self.path}/files", params={"path": path})

    def listing(self, path: str | None = None) -> httpx.Response:
        params = {} if path is None else {"path": path}
        return self.client.get(f"{self.path}/files/list", params=params)

    def names(self, path: str | None = None) -> list[str]:
        answer = self.listing(path)
        assert answer.status_code == 200, answer.text
        return [file["path"] for file in answer.json()["files"]]

    def info(self) -> httpx.Response:
        return self.client.get(self.path)

    def destroy(self) -> httpx.Response:
        return self.client.delete(self.path)


@contextmanager
def within(seconds: float):
    """What is inside has to end in so many seconds and the grace of an answer."""
    start = time.monotonic()
    yield
    took = time.monotonic() - start
    assert took <= seconds + GRACE_SECONDS, f"took {took:.2f} s"
