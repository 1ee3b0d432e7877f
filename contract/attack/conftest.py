"""Servers for the attacks, and the check after each that they are still alive and right.

The binary is `$CELLBLOCK_BIN`, or `cellblock` on the search path.
"""

import os
import shutil
from pathlib import Path

import pytest

from harness.server import Keyed, Server, binary


def pytest_collection_modifyitems(items):
    if shutil.which(binary()) or os.environ.get("CELLBLOCK_TEST_REQUIRE_ALL") == "1":
        return
    absent = pytest.mark.skip(reason=f"no binary {binary()!r}: set CELLBLOCK_BIN")
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(absent)


@pytest.fixture(scope="session")
def _open(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("open"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _keyed(tmp_path_factory):
    server = Keyed(tmp_path_factory.mktemp("keyed"))
    yield server
    server.stop()


@pytest.fixture
def server(_open):
    """A server without keys, on loopback."""
    yield _open
    _open.assert_right()


@pytest.fixture
def keyed(_keyed):
    """A server with the keys `read`, `run`, `admin` (tenant a) and `other` (tenant b)."""
    yield _keyed
    _keyed.assert_right()


@pytest.fixture
def fresh(tmp_path):
    """Makes servers that only this test uses."""
    made = []

    def make(**options):
        kind = options.pop("kind", Server)
        state_dir = tmp_path / f"state{len(made)}"
        state_dir.mkdir(mode=0o700)
        made.append(kind(state_dir, **options))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


@pytest.fixture
def session(client):
    """The path of a session of the server without keys."""
    made = client.post("/v1/sessions", json={})
    assert made.status_code == 201, made.text
    path = f"/v1/sessions/{made.json()['session_id']}"
    yield path
    client.delete(path)
