"""PostgreSQL in place of the file in which servers keep their records, where it is asked for."""

import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ASKED = "CONTRACT_DATABASE"
# PostgreSQL refuses to be run by root; this is whom it is run by then.
NOBODY = 65534
START_SECONDS = 60
INITDB = ("--no-sync", "--auth=trust", "--username=cellblock", "--encoding=UTF8")
# Each of many servers of these tests has connections of its own.
SETTINGS = ("listen_addresses=", "max_connections=400", "fsync=off")


class Files:
    """Records in the state directory, as they are where nobody asks for anything else."""

    def of(self, state: Path | None = None) -> dict[str, str]:
        return {}


class Postgres:
    """A server of PostgreSQL with a database for each state directory."""

    def __init__(self, programs: Path, directory: Path):
        self._programs = programs
        self._directory = directory
        self._numbers = itertools.count()
        self._databases: dict[Path, dict[str, str]] = {}

    def of(self, state: Path | None = None) -> dict[str, str]:
        """The variables that tell a server of its database; the same for the same state."""
        if state is not None and state in self._databases:
            return self._databases[state]
        name = f"records{next(self._numbers)}"
        self.run("createdb", "--host", str(self._directory), "--username", "cellblock", name)
        url = f"postgres://cellblock@localhost/{name}?host={self._directory}"
        told = {"CELLBLOCK_DATABASE": url}
        if state is not None:
            self._databases[state] = told
        return told

    def command(self, program: str, *arguments: str) -> dict:
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return {"args": [str(self._programs / program), *arguments], "cwd": "/", **who}

    def run(self, program: str, *arguments: str) -> None:
        command = self.command(program, *arguments)
        done = subprocess.run(**command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    def is_ready(self) -> bool:
        command = self.command("pg_isready", "--host", str(self._directory))
        return subprocess.run(**command, capture_output=True, timeout=60).returncode == 0


@contextmanager
def databases() -> Iterator[Files | Postgres]:
    """Where servers keep their records: in files, or with CONTRACT_DATABASE=postgres there."""
    asked = os.environ.get(ASKED, "file")
    if asked == "file":
        yield Files()
        return
    assert asked == "postgres", f"{ASKED} is file or postgres"
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.fail("PostgreSQL is not installed")
    # Of a short name: sockets have short paths.
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:
        directory = Path(name)
        if os.getuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        server = Postgres(programs[-1], directory)
        data = directory / "data"
        server.run("initdb", "--pgdata", str(data), *INITDB)
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        command = server.command("postgres", "-D", str(data), "-k", str(directory), *settings)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(**command, **quiet) as process:
            try:
                end = time.monotonic() + START_SECONDS
                while not server.is_ready():
                    assert process.poll() is None and time.monotonic() < end, "PostgreSQL is not up"
                    time.sleep(0.1)
                yield server
            finally:
                process.terminate()
