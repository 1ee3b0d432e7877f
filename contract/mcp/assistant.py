"""A client of the official SDK, called from ordinary code.

Whatever a tool answers is held to what the tool promised: structured content to the schema of
its output, beside a text.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx2
import mcp_types as types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from jsonschema import Draft202012Validator
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from mcp import Client

# No call of these tests may take longer than this, except where a test says so.
PATIENCE_SECONDS = 60.0
# A cap of the contract on each stream that is told inline.
INLINE_BYTES_MAX = 4096


class ToolError(Exception):
    """A tool could not do what it was asked."""

    def __init__(self, told: dict):
        super().__init__(json.dumps(told))
        self.told = told
        self.message = told.get("message") or ""
        self.hint = told.get("hint") or ""


class Answer:
    """What a tool answered."""

    def __init__(self, result: types.CallToolResult):
        self.result = result
        self.data = result.structured_content

    def __getitem__(self, key: str):
        return self.data[key]

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.result.content if block.type == "text")

    @property
    def images(self) -> list[types.ImageContent]:
        return [block for block in self.result.content if block.type == "image"]

    @property
    def links(self) -> list[types.ResourceLink]:
        return [block for block in self.result.content if block.type == "resource_link"]


class Assistant:
    """One connection to the server."""

    def __init__(self, portal: BlockingPortal, client: Client):
        self._portal = portal
        self.client = client
        self._schemas: dict[str, types.Tool] | None = None

    def _await(self, function: Callable, *arguments, **options):
        async def awaited():
            return await function(*arguments, **options)

        return self._portal.call(awaited)

    @property
    def version(self) -> str:
        """The revision of the protocol that both speak."""
        return self.client.protocol_version

    def list_tools(self) -> list[types.Tool]:
        tools: list[types.Tool] = []
        cursor = None
        while True:
            page = self._await(self.client.list_tools, cursor=cursor, cache_mode="bypass")
            tools += page.tools
            cursor = page.next_cursor
            if cursor is None:
                return tools

    @property
    def tools(self) -> dict[str, types.Tool]:
        if self._schemas is None:
            self._schemas = {tool.name: tool for tool in self.list_tools()}
        return self._schemas

    def arguments_of(self, name: str) -> set[str]:
        """The names of the arguments that a tool takes."""
        return set(self.tools[name].input_schema.get("properties", {}))

    async def _call(self, name: str, arguments: dict, progress, patience: float):
        return await self.client.call_tool(
            name, arguments, progress_callback=progress, read_timeout_seconds=patience
        )

    def raw(
        self, name: str, arguments: dict, progress=None, patience: float = PATIENCE_SECONDS
    ) -> types.CallToolResult:
        """The result as it came, also of a tool that failed."""
        return self._await(self._call, name, arguments, progress, patience)

    def call(self, name: str, /, **arguments) -> Answer:
        """The answer of a tool that could do what it was asked."""
        return self.judged(name, self.raw(name, arguments))

    def patiently(self, name: str, progress, patience: float, /, **arguments) -> Answer:
        """The same for a call that takes long, whose progress is told."""
        return self.judged(name, self.raw(name, arguments, progress, patience))

    def refused(self, name: str, /, **arguments) -> ToolError:
        """The error of a tool that could not."""
        result = self.raw(name, arguments)
        assert result.is_error, f"{name} should have failed: {result}"
        error = error_of(result)
        assert error.message, error.told
        assert error.hint, f"no hint: {error.told}"
        assert error.told.get("error"), error.told
        return error

    def begin(self, name: str, /, **arguments) -> Future:
        """Begins a call; cancelling the future takes it back."""

        async def called() -> Answer:
            result = await self._call(name, arguments, None, PATIENCE_SECONDS)
            return result

        return self._portal.start_task_soon(called)

    def judged(self, name: str, result: types.CallToolResult) -> Answer:
        if result.is_error:
            raise error_of(result)
        answer = Answer(result)
        schema = self.tools[name].output_schema
        assert schema is not None, f"{name} promises nothing"
        Draft202012Validator(schema).validate(answer.data)
        assert answer.text, f"{name} says nothing in text"
        return answer

    def read(self, uri: str) -> types.ReadResourceResult:
        return self._await(self.client.read_resource, uri, cache_mode="bypass")

    def list_resources(self) -> types.ListResourcesResult:
        return self._await(self.client.list_resources, cache_mode="bypass")

    def list_resource_templates(self) -> types.ListResourceTemplatesResult:
        return self._await(self.client.list_resource_templates, cache_mode="bypass")


def error_of(result: types.CallToolResult) -> ToolError:
    told = result.structured_content
    if not isinstance(told, dict) or "message" not in told:
        text = next(block.text for block in result.content if block.type == "text")
        told = json.loads(text)
    return ToolError(told)


@contextmanager
def _connected(transport, mode: str) -> Iterator[Assistant]:
    with start_blocking_portal() as portal:
        client = Client(transport(), mode=mode, read_timeout_seconds=PATIENCE_SECONDS)
        with portal.wrap_async_context_manager(client):
            yield Assistant(portal, client)


@contextmanager
def over_stdio(
    command: list[str], variables: dict[str, str], log: Path, mode: str = "auto"
) -> Iterator[Assistant]:
    """Starts a server that speaks over its standard streams."""
    parameters = StdioServerParameters(command=command[0], args=command[1:], env=variables)
    with log.open("a", encoding="utf-8") as errors:
        with _connected(lambda: stdio_client(parameters, errlog=errors), mode) as assistant:
            yield assistant


@contextmanager
def over_http(url: str, key: str | None = None, mode: str = "auto") -> Iterator[Assistant]:
    """Connects to a server that listens."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    timeout = httpx2.Timeout(PATIENCE_SECONDS, read=PATIENCE_SECONDS * 5)

    def transport():
        http = httpx2.AsyncClient(headers=headers, timeout=timeout, trust_env=False)
        return streamable_http_client(url, http_client=http)

    with _connected(transport, mode) as assistant:
        yield assistant


def at_the_same_time(calls: list[Future], seconds: float = PATIENCE_SECONDS) -> list:
    return [call.result(seconds) for call in calls]


__all__ = [
    "Answer",
    "Assistant",
    "INLINE_BYTES_MAX",
    "PATIENCE_SECONDS",
    "ToolError",
    "anyio",
    "at_the_same_time",
    "over_http",
    "over_stdio",
]
