"""The host side, as small as tests need it: starts a kernel, sends requests, collects answers."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

ROOT = Path(__file__).resolve().parent.parent
CONFIGURE, EXECUTE, SCRIPT, COMPLETE, INSPECT, INPUT_REPLY, SHUTDOWN, TOOL_REPLY, TOOLS = range(
    1, 10
)
READY, DISPLAY, RESULT, CLEAR, INPUT_REQUEST, ERROR, DONE, REPLY = range(65, 73)
TOOL_CALL = 74
# A test that waits longer has failed.
SECONDS_MAX = 60.0

# The interpreter takes no path from its env vars, so the test puts the package in reach.
START = """
import sys
sys.path.insert(0, {root!r})
sys.argv[:] = ["kernel", "--control", "{fd}", *{options!r}]
from cellblock_kernel.__main__ import main
main()
"""
PLAIN = ("--no-ipython",)


class Ended(Exception):
    """The kernel closed the control socket."""


class Turn:
    """What came back for one request."""

    def __init__(self) -> None:
        self.displays: List[Dict[str, Any]] = []
        self.clears: List[Dict[str, Any]] = []
        self.result: Optional[Dict[str, Any]] = None
        self.error: Optional[Dict[str, Any]] = None
        self.done: Dict[str, Any] = {}
        self.reply: Dict[str, Any] = {}
        self.prompts: List[Dict[str, Any]] = []
        self.stdout = ""
        self.stderr = ""

    @property
    def status(self) -> str:
        return str(self.done["status"])

    @property
    def text(self) -> str:
        assert self.result is not None, (self.done, self.error, self.stderr)
        return str(self.result["data"]["text/plain"])

    @property
    def error_name(self) -> str:
        assert self.error is not None, self.done
        return str(self.error["name"])


class Kernel:
    """A kernel process and the three ends that the host side holds."""

    def __init__(
        self,
        python: str = sys.executable,
        env: Optional[Dict[str, str]] = None,
        options: Sequence[str] = PLAIN,
        start: str = START,
        wrapper: Sequence[str] = (),
    ) -> None:
        ours, theirs = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        fd = theirs.fileno()
        self.process = subprocess.Popen(
            [
                *wrapper,
                python,
                "-I",
                "-B",
                "-c",
                start.format(root=str(ROOT), fd=fd, options=list(options)),
            ],
            pass_fds=[fd],
            stdin=subprocess.DEVNULL,
            stdout=out_write,
            stderr=err_write,
            env=dict(os.environ) if env is None else env,
        )
        theirs.close()
        os.close(out_write)
        os.close(err_write)
        self.socket = ours
        self.out, self.err = out_read, err_read
        self.output: Dict[int, bytearray] = {out_read: bytearray(), err_read: bytearray()}
        self._open = {out_read, err_read}
        self._received = bytearray()
        self.ready = self._expect_ready()

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *unused: object) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.err)

    def _expect_ready(self) -> Dict[str, Any]:
        kind, token, body = self.frame()
        assert (kind, token) == (READY, 0), (kind, token, body)
        return body

    def send(self, kind: int, token: int, body: Dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.socket.sendall(struct.pack("<IBQ", 9 + len(data), kind, token) + data)

    def _pump(self, seconds: float) -> None:
        """Waits for something on any of the three and keeps it."""
        control = self.socket.fileno()
        readable, _, _ = select.select([control, *self._open], [], [], seconds)
        for each in readable:
            if each == control:
                data = self._receive()
                if not data:
                    raise Ended
                self._received += data
            else:
                self._read_output(each)

    def _read_output(self, fd: int) -> None:
        data = os.read(fd, 1 << 20)
        self.output[fd] += data
        if not data:
            self._open.discard(fd)

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(1 << 20)
        except ConnectionResetError:
            return b""

    def frame(self) -> Tuple[int, int, Dict[str, Any]]:
        """The next frame."""
        end = time.monotonic() + SECONDS_MAX
        while True:
            got = self._received
            if len(got) >= 4:
                length = struct.unpack_from("<I", got)[0]
                if len(got) >= 4 + length:
                    kind, token = struct.unpack_from("<BQ", got, 4)
                    body = bytes(got[13 : 4 + length])
                    del got[: 4 + length]
                    return kind, token, json.loads(body)
            assert time.monotonic() < end, "no frame: " + str(self.output)
            self._pump(1.0)

    def wait_for_output(self, text: str) -> None:
        """Waits until a text has been written to stdout."""
        end = time.monotonic() + SECONDS_MAX
        while text.encode() not in self.output[self.out]:
            assert time.monotonic() < end, self.output
            self._pump(1.0)

    def take_output(self) -> Tuple[str, str]:
        """What was written to stdout and stderr and not yet taken."""
        while True:
            readable = select.select([*self._open], [], [], 0)[0]
            if not readable:
                break
            for fd in readable:
                self._read_output(fd)
        texts = []
        for fd in (self.out, self.err):
            texts.append(bytes(self.output[fd]).decode("utf-8", "replace"))
            self.output[fd].clear()
        return texts[0], texts[1]

    def begin(self, code: str, **options: Any) -> int:
        token = random.getrandbits(63) + 1
        body = {"code": code, "allow_input": False, "silent": False, **options}
        self.send(EXECUTE, token, body)
        return token

    def finish(self, token: int, answers: Tuple[Optional[str], ...] = ()) -> Turn:
        """Collects a turn; answers its input requests in order, None being the end of input."""
        turn = Turn()
        waiting = list(answers)
        while True:
            kind, got, body = self.frame()
            assert got == token, (kind, got, body)
            if kind == INPUT_REQUEST:
                turn.prompts.append(body)
                answer = waiting.pop(0)
                reply = {"end": True} if answer is None else {"value": answer}
                self.send(INPUT_REPLY, token, reply)
            if self._keep(turn, kind, body):
                turn.stdout, turn.stderr = self.take_output()
                return turn

    @staticmethod
    def _keep(turn: Turn, kind: int, body: Dict[str, Any]) -> bool:
        if kind == DISPLAY:
            turn.displays.append(body)
        elif kind == CLEAR:
            turn.clears.append(body)
        elif kind == RESULT:
            assert turn.result is None
            turn.result = body
        elif kind == ERROR:
            assert turn.error is None
            turn.error = body
        elif kind == DONE:
            turn.done = body
        elif kind == REPLY:
            turn.reply = body
        return kind in (DONE, REPLY)

    def run(self, code: str, *answers: Optional[str], **options: Any) -> Turn:
        """Runs a cell."""
        return self.finish(self.begin(code, **options), answers)

    def ask(self, kind: int, **body: Any) -> Dict[str, Any]:
        """Sends a completion or inspection request."""
        token = random.getrandbits(63) + 1
        self.send(kind, token, body)
        return self.finish(token).reply

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def wait_reading(self) -> int:
        """Waits until the process has ended, reading its output to the end; its status."""
        end = time.monotonic() + SECONDS_MAX
        while self._open:
            assert time.monotonic() < end, self.output
            for fd in select.select([*self._open], [], [], 1.0)[0]:
                self._read_output(fd)
        return self.wait()

    def wait(self) -> int:
        """Waits until the process has ended; its status."""
        return self.process.wait(SECONDS_MAX)
