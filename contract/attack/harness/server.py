"""Starts the compiled server, asks it, kills it, and says whether it is still right."""

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx

from .raw import Raw

READY = re.compile(r"listening on http://([0-9.]+):([0-9]+)")

# How long a debug build may take to be ready on a machine that builds beside it.
READY_TIME_MAX = 20.0
# How long any plain request may take before it counts as hanging.
ANSWER_TIME_MAX = 60.0
# Attackers ask more often than a tenant may; what is attacked is seldom that.
SETTINGS = {"CELLBLOCK_TENANT_RUNS_PER_MINUTE": "1000000"}


def binary() -> str:
    return os.environ.get("CELLBLOCK_BIN", "cellblock")


def command(*words: object, **options) -> subprocess.CompletedProcess:
    """Runs `cellblock WORDS` to its end."""
    line = [binary(), *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True, timeout=60, **options)


def make_key(state_dir: Path, tenant: str, *scopes: str, more: tuple[str, ...] = ()) -> str:
    """A new key, as `cellblock key create` prints it."""
    flags = [word for scope in scopes for word in ("--scope", scope)]
    made = command("key", "create", "--tenant", tenant, *flags, *more, "--state-dir", state_dir)
    assert made.returncode == 0, made.stderr
    key = made.stdout.strip().splitlines()[-1].strip()
    assert key.startswith("cbk_"), made.stdout
    return key


def key_id(key: str) -> str:
    return key.split("_")[1]


class Server:
    """One `cellblock serve` of ours, on a port of its own."""

    def __init__(self, state_dir: Path, flags: tuple[str, ...] = (), env: dict | None = None):
        self.state_dir = state_dir
        self.flags = flags
        self.env = env or {}
        self.key: str | None = None
        self.probe: tuple[str, int] | None = None
        self.log: list[str] = []
        self.start()

    def start(self) -> float:
        """Starts it; says after how many seconds it was ready."""
        line = [binary(), "serve", "--listen", "127.0.0.1:0"]
        line += ["--state-dir", str(self.state_dir), *self.flags]
        began = time.monotonic()
        self.process = subprocess.Popen(
            line,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, **SETTINGS, **self.env},
        )
        self.ready = threading.Event()
        told = (self.process, self.ready)
        threading.Thread(target=self._read, args=told, daemon=True).start()
        if not self.ready.wait(READY_TIME_MAX) or self.process.poll() is not None:
            self.process.kill()
            raise AssertionError("the server did not get ready:\n" + "\n".join(self.log[-20:]))
        self.probe = None
        return time.monotonic() - began

    def _read(self, process: subprocess.Popen, ready: threading.Event) -> None:
        for line in process.stderr:
            text = line.decode(errors="replace").rstrip("\n")
            self.log.append(text)
            if found := READY.search(text):
                self.address = (found[1], int(found[2]))
                ready.set()
        ready.set()

    @property
    def url(self) -> str:
        return f"http://{self.address[0]}:{self.address[1]}"

    @property
    def host(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"

    def client(self, key: str | None = None, **options) -> httpx.Client:
        """A client with a key, the server's own unless another is given; "" is none."""
        key = self.key if key is None else key
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        headers.update(options.pop("headers", {}))
        options.setdefault("timeout", ANSWER_TIME_MAX)
        return httpx.Client(
            base_url=self.url, headers=headers, trust_env=False, verify=False, **options
        )

    def raw(self, **options) -> Raw:
        return Raw(self.address, **options)

    def head(self, method: str, path: str, *headers: str, key: str | None = None) -> bytes:
        """A request's head up to its last header, without the empty line."""
        key = self.key if key is None else key
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"Authorization: Bearer {key}"] if key else []
        return "\r\n".join([*lines, *headers]).encode("latin-1") + b"\r\n"

    def kill(self) -> None:
        """Ends it without a warning."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int | None:
        """Asks it to end; says with which status it did."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError("the server did not end within 30 s of SIGTERM") from None
        return self.process.returncode

    def assert_right(self) -> None:
        """It lives, answers, panicked nowhere, and a session of before still knows its state."""
        assert self.process.poll() is None, "\n".join(["the server is gone", *self.log[-20:]])
        with self.client() as client:
            health = client.get("/health", timeout=10)
            assert health.status_code == 200, health.text
            self._assert_probe(client)
        panics = [line for line in self.log if "panicked" in line]
        assert not panics, panics

    def _assert_probe(self, client: httpx.Client) -> None:
        if self.probe is None:
            made = client.post("/v1/sessions", json={})
            assert made.status_code == 201, made.text
            self.probe = (made.json()["session_id"], 0)
        session, count = self.probe
        code = "count = globals().get('count', 0) + 1; count"
        turn = client.post(f"/v1/sessions/{session}/turns", json={"code": code})
        assert turn.status_code == 200, turn.text
        shown = turn.json()["result"]["data"]["text/plain"]
        assert shown == str(count + 1), turn.text
        self.probe = (session, count + 1)


class Keyed(Server):
    """A server with keys: of tenant a one for each scope, of tenant b one that may run."""

    def __init__(self, state_dir: Path, **options):
        self.read = make_key(state_dir, "a", "read")
        self.run = make_key(state_dir, "a", "run")
        self.admin = make_key(state_dir, "a", "admin")
        self.other = make_key(state_dir, "b", "run")
        super().__init__(state_dir, **options)
        self.key = self.run
