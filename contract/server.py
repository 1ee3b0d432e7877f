"""A server under test: started as a process of its own, or running already."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 15
KEPT_LINES = 200  # of what the server said, for the report of a failure
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)")


def command() -> str | None:
    """The command that starts a server; `{state}` in it becomes a fresh directory."""
    given = os.environ.get("CONTRACT_COMMAND")
    if given:
        return given
    binary = os.environ.get("CELLBLOCK_BIN")
    if binary:
        return f"{shlex.quote(binary)} serve --listen 127.0.0.1:0 --state-dir {{state}}"
    return None


class Server:
    """One process that says on standard error where it listens."""

    def __init__(
        self,
        variables: dict[str, str] | None = None,
        state: Path | None = None,
        flags: tuple[str, ...] = (),
    ):
        line = command()
        if line is None:
            raise RuntimeError("set CELLBLOCK_BIN or CONTRACT_COMMAND to start a server")
        self._directory = tempfile.TemporaryDirectory(prefix="contract-")
        state = state or Path(self._directory.name) / "state"
        state.mkdir(parents=True, exist_ok=True)
        self._lines: list[str] = []
        self._found = threading.Event()
        self.url = ""
        self.process = subprocess.Popen(
            [*shlex.split(line.replace("{state}", shlex.quote(str(state)))), *flags],
            env=os.environ | (variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        threading.Thread(target=self._read, daemon=True).start()
        if not self._found.wait(START_SECONDS) or not self.url:
            self.stop()
            raise RuntimeError(f"the server did not start:\n{self.said()}")

    def _read(self) -> None:
        for line in self.process.stderr:
            self._lines.append(line)
            del self._lines[:-KEPT_LINES]
            match = ADDRESS.search(line)
            if match and not self.url:
                self.url = match.group(1)
                self._found.set()
        self._found.set()

    def said(self) -> str:
        """The last lines of the server's standard error."""
        return "".join(self._lines)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def terminate(self) -> int:
        """Asks it to end and waits for its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def stop(self) -> None:
        if self.is_alive():
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._directory.cleanup()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def wait_until(holds, seconds: float, step: float = 0.1) -> bool:
    """Whether `holds()` came true within so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(step)
    return bool(holds())
