"""Servers under test, clients of theirs, and projects for them to run."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import server as servers
import toy as toys
from assistant import Assistant, over_http, over_stdio
from database import Files, Postgres, databases
from program import SETTINGS, binary, stdio_command
from project import Project, register
from repository import Repository, of_example

TRANSPORTS = ("stdio", "http")


@pytest.fixture(scope="session")
def settings(tmp_path_factory) -> dict[str, str]:
    """Those of every server: the repositories of these tests may be registered."""
    return SETTINGS | {"CELLBLOCK_REPOSITORIES": str(tmp_path_factory.getbasetemp())}


@pytest.fixture(scope="session")
def database() -> Iterator[Files | Postgres]:
    with databases() as found:
        yield found


@pytest.fixture(scope="session")
def http_server(settings, database) -> Iterator[servers.Server]:
    binary()
    with servers.Server(settings | database.of()) as server:
        yield server


@pytest.fixture(scope="session", params=TRANSPORTS)
def transport(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def connect(transport, request, settings, database, tmp_path_factory) -> Callable[..., Assistant]:
    """Makes connections; over HTTP to one server, over stdio to one of its own each."""
    with ExitStack() as stack:
        log = tmp_path_factory.mktemp("log") / "stderr.txt"

        def connect(profile: str | None = "full", mode: str = "auto") -> Assistant:
            if transport == "http":
                server = request.getfixturevalue("http_server")
                query = f"?tools={profile}" if profile else ""
                return stack.enter_context(over_http(f"{server.url}/mcp{query}", mode=mode))
            flags = ("--tools", profile) if profile else ()
            command = stdio_command(tmp_path_factory.mktemp("state"), *flags)
            return stack.enter_context(over_stdio(command, settings | database.of(), log, mode))

        yield connect


@pytest.fixture(scope="session")
def assistant(connect) -> Assistant:
    """A client that sees every tool."""
    return connect()


@pytest.fixture(scope="session")
def toy_repository(tmp_path_factory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("toy") / "repository")
    repository.commit(toys.FILES)
    return repository


@pytest.fixture(scope="session")
def toy(assistant, toy_repository) -> Project:
    """The small project; tests that change it or look at all its runs make their own."""
    return register(assistant, toy_repository, "toy")


@pytest.fixture
def own_toy(assistant, tmp_path) -> Project:
    """The small project, with a repository and runs that no other test has."""
    repository = Repository(tmp_path / "repository")
    repository.commit(toys.FILES)
    return register(assistant, repository, "own")


@pytest.fixture(scope="session")
def example(assistant, tmp_path_factory) -> Project:
    """The financial model of the examples."""
    return register(assistant, of_example(tmp_path_factory.mktemp("finance") / "r"), "finance")


@pytest.fixture
def own_server(settings, database) -> Iterator[Callable[..., servers.Server]]:
    """Starts servers with settings of the test's own."""
    with ExitStack() as stack:

        def start(*flags: str, state: Path | None = None, **variables: str) -> servers.Server:
            binary()
            given = settings | database.of(state) | variables
            server = servers.Server(given, state=state, flags=flags)
            return stack.enter_context(server)

        yield start


@pytest.fixture
def keys(tmp_path) -> Callable[..., str]:
    """Makes keys of a state directory."""

    def make(state: Path, tenant: str, scope: str = "run") -> str:
        words = ["key", "create", "--tenant", tenant, "--scope", scope, "--state-dir", str(state)]
        made = subprocess.run([binary(), *words], capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip().splitlines()[-1].strip()

    return make
