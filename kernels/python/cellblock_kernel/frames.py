"""Frames between the host side and the kernel: length, kind, token, JSON.

Reading is total: whatever arrives is a frame, the end of the stream, or nonsense. Writing is
whole or fatal: half a frame would make a later turn unreadable. Nothing here runs user code,
and nothing is looked up in a module that user code can patch.
"""

from __future__ import annotations

import errno
import json
import json.encoder
import json.scanner
import os
import select
import struct
import threading
from typing import Any, Callable, Dict, List, NamedTuple, NoReturn, Optional, Tuple

from .pristine import __builtins__

PROTOCOL = 1

CONFIGURE = 1
EXECUTE = 2
SCRIPT = 3
COMPLETE = 4
INSPECT = 5
INPUT_REPLY = 6
SHUTDOWN = 7
TOOL_REPLY = 8
TOOLS = 9

READY = 65
DISPLAY = 66
RESULT = 67
CLEAR = 68
INPUT_REQUEST = 69
ERROR = 70
DONE = 71
REPLY = 72
ENDED = 73
TOOL_CALL = 74

# The host sends at most 16 MiB of code, and escapes make it longer.
RECEIVED_BYTES_MAX = 20 << 20
# What the host takes in one frame.
SENT_BYTES_MAX = 16 << 20
# A usual frame in one system call. Buffers that are much larger cost more to get from the C library
# than a small cell to run.
READ_BYTES = 4 << 10
# Of a long frame, whose length is known, this much at once.
READ_BYTES_MAX = 1 << 20
# kind and token
PREFIX_BYTES = 9

STATUS_NONSENSE = 70

_HEADER = struct.Struct("<IBQ")
_pack_header = _HEADER.pack
_unpack_header = _HEADER.unpack_from
_poll = select.poll
_POLLIN = select.POLLIN
_read = os.read
_write = os.write
_set_blocking = os.set_blocking
_exit = os._exit


class Closed(Exception):
    """The host side is gone."""


class Malformed(Exception):
    """What arrived is no frame of this protocol."""


class TooLong(Exception):
    """A frame is longer than the host takes."""


class Frame(NamedTuple):
    """One frame from the host."""

    kind: int
    token: int
    body: Dict[str, Any]


def _not_json(value: object) -> NoReturn:
    raise TypeError("is not JSON")


_make_scanner: Any = json.scanner.make_scanner
_scan = _make_scanner(json.JSONDecoder())
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
_escape = json.encoder.encode_basestring
try:
    _make_encoder({}, _not_json, _escape, None, ":", ",", False, False, False)({}, 0)
except TypeError:
    # Its arguments are Python's own affair, and may change; without it only time is lost.
    _make_encoder = None
_plain_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_not_json).encode


def encode(body: Dict[str, Any], default: Callable[[object], NoReturn] = _not_json) -> bytes:
    """Makes JSON of a body. What UTF-8 cannot say becomes a question mark."""
    if not body:
        return b"{}"
    if _make_encoder is None:
        text = _plain_encode(body)
    else:
        encoder = _make_encoder({}, default, _escape, None, ":", ",", False, False, False)
        text = "".join(encoder(body, 0))
    return text.encode("utf-8", "replace")


def decode(data: bytes) -> Dict[str, Any]:
    """Reads a body; empty means no fields."""
    if not data:
        return {}
    try:
        text = data.decode("utf-8")
    except ValueError as problem:
        raise Malformed("not JSON") from problem
    body = decode_text(text)
    if type(body) is not dict:
        raise Malformed("not a JSON object")
    return body


def decode_text(text: str) -> Any:
    """Reads one JSON value."""
    text = text.strip(" \t\r\n")
    try:
        value, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError) as problem:
        raise Malformed("not JSON") from problem
    if end != len(text):
        raise Malformed("more than one JSON value")
    return value


class Channel:
    """The kernel's end of the control socket."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._received = bytearray()
        self._lock = threading.RLock()
        self._writing = False
        self._waiting: List[bytes] = []
        self._poller = _poll()
        self._poller.register(fd, _POLLIN)

    def has_bytes(self) -> bool:
        """Whether reading would not wait. One thread at a time may ask."""
        return bool(self._poller.poll(0))

    def take(self) -> Optional[Frame]:
        """Returns a frame that has wholly arrived, without waiting."""
        received = self._received
        if len(received) < _HEADER.size:
            return None
        length, kind, token = _unpack_header(received)
        if not PREFIX_BYTES <= length <= RECEIVED_BYTES_MAX:
            raise Malformed("a frame of %d bytes" % length)
        end = 4 + length
        if len(received) < end:
            return None
        body = bytes(received[_HEADER.size : end])
        del received[:end]
        return Frame(kind, token, decode(body))

    def fill(self) -> None:
        """Waits for bytes and keeps them. Interrupted, it may lose them: see ``interrupts``."""
        try:
            data = _read(self.fd, self._wanted())
        except OSError as problem:
            if problem.errno == errno.ECONNRESET:
                raise Closed from problem
            if problem.errno == errno.EAGAIN:
                # Code that meant other descriptors; whoever called asks again.
                _set_blocking(self.fd, True)
                return
            raise Malformed("the control descriptor fails") from problem
        if not data:
            raise Closed
        self._received += data

    def _wanted(self) -> int:
        received = self._received
        if len(received) < _HEADER.size:
            return READ_BYTES
        missing: int = 4 + _unpack_header(received)[0] - len(received)
        return min(max(missing, READ_BYTES), READ_BYTES_MAX)

    def receive(self) -> Frame:
        """Waits for the next frame."""
        while True:
            frame = self.take()
            if frame is not None:
                return frame
            self.fill()

    def send(self, kind: int, token: int, body: Dict[str, Any]) -> None:
        """Writes one frame, whole. Threads take turns."""
        self.send_encoded(kind, token, encode(body))

    def send_encoded(self, kind: int, token: int, data: bytes) -> None:
        """The same where the body is JSON already."""
        length = PREFIX_BYTES + len(data)
        if length > SENT_BYTES_MAX:
            raise TooLong("a frame of %d bytes" % length)
        with self._lock:
            self._put(_pack_header(length, kind, token) + data)

    def _put(self, data: bytes) -> None:
        # A signal handler of the user's may display in the middle of a frame.
        if self._writing:
            self._waiting.append(data)
            return
        self._writing = True
        try:
            _write_all(self.fd, data)
            while self._waiting:
                _write_all(self.fd, self._waiting.pop(0))
        finally:
            self._writing = False

    def close(self) -> None:
        """Lets go of the descriptor; whatever is sent later goes nowhere."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            try:
                os.close(fd)
            except OSError:
                pass


def _write_some(fd: int, data: Any) -> int:
    while True:
        try:
            return _write(fd, data)
        except BlockingIOError:
            # Code that meant other descriptors.
            _set_blocking(fd, True)
        except OSError:
            _exit(STATUS_NONSENSE)


def _write_all(fd: int, data: bytes) -> None:
    if fd < 0:
        return
    count = _write_some(fd, data)
    if count == len(data):
        return
    try:
        rest = memoryview(data)[count:]
        while rest:
            rest = rest[_write_some(fd, rest) :]
    except BaseException:
        # Half a frame is out, and nothing can be said after it.
        _exit(STATUS_NONSENSE)


def leave(status: int) -> NoReturn:
    """Ends the process: nobody is left to serve."""
    _exit(status)


def give_up(problem: str) -> NoReturn:
    """Ends the process because of what the host side sent."""
    try:
        _write(2, ("kernel: %s\n" % problem).encode("utf-8", "replace"))
    except OSError:
        pass
    _exit(STATUS_NONSENSE)


def checked(body: Dict[str, Any], **fields: Tuple[type, ...]) -> None:
    """Refuses a body whose fields are of other types than named."""
    for name, kinds in fields.items():
        if type(body.get(name)) not in kinds:
            raise Malformed("field %s" % name)
