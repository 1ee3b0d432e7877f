"""The server under test and its sessions, as fixtures."""

import os
from collections.abc import Iterator

import httpx
import pytest

import server as servers
from session import Session

# No call of these tests may take longer; the longest time limit in them is a
# fraction of it.
PATIENCE_SECONDS = 60


def connect(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False)


@pytest.fixture(scope="session")
def url() -> Iterator[str]:
    """Where the server shared by the tests listens."""
    running = os.environ.get("CONTRACT_URL")
    if running:
        yield running.rstrip("/")
        return
    with servers.Server() as server:
        yield server.url


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with connect(url) as client:
        yield client


class Sessions:
    """Makes sessions and destroys them when the test is over."""

    def __init__(self, client: httpx.Client):
        self.client = client
        self.made: list[Session] = []

    def __call__(self, **hints) -> Session:
        session = Session(self.client, **hints)
        self.made.append(session)
        return session


@pytest.fixture
def sessions(client: httpx.Client) -> Iterator[Sessions]:
    make = Sessions(client)
    yield make
    for session in make.made:
        session.destroy()


@pytest.fixture
def session(sessions: Sessions) -> Session:
    return sessions()


class Own:
    """A server of the test's own, with the environment it asks for."""

    def __init__(self):
        self._open: list[servers.Server] = []
        self._clients: list[httpx.Client] = []

    def __call__(self, **variables: object) -> httpx.Client:
        server = servers.Server({name: str(value) for name, value in variables.items()})
        self._open.append(server)
        client = connect(server.url)
        self._clients.append(client)
        return client

    @property
    def server(self) -> servers.Server:
        return self._open[-1]

    def close(self) -> None:
        for client in self._clients:
            client.close()
        for server in self._open:
            server.stop()


@pytest.fixture
def own() -> Iterator[Own]:
    if servers.command() is None:
        if os.environ.get("CELLBLOCK_TEST_REQUIRE_ALL") == "1":
            pytest.fail("CELLBLOCK_BIN and CONTRACT_COMMAND are not set")
        pytest.skip("CELLBLOCK_BIN and CONTRACT_COMMAND are not set")
    own = Own()
    yield own
    own.close()


@pytest.fixture
def background() -> Iterator:
    """Runs a call beside the test and gives its future."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        yield pool.submit
