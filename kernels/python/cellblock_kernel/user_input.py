"""``input()`` and ``getpass``: a question to the caller, or a refusal at once.

Descriptor 0 is at its end from the start, so everything else that reads stdin sees the end too.
"""

from __future__ import annotations

import builtins
import getpass
import select
import sys
from typing import Any, Optional

from . import frames, interrupts, stdio
from .pristine import __builtins__
from .turn import turn

PROMPT_CHARS_MAX = 64 << 10
REFUSAL = "input is not available in this session"

_poll = select.poll
_POLLIN = select.POLLIN


class _Fetched:
    """The frame that a wait brought, read where no interrupt can tear it."""

    frame: Optional[frames.Frame] = None


def install() -> None:
    """Puts our functions in the place of Python's."""
    builtins.input = read_line
    getpass.getpass = read_password


def read_line(prompt: object = "", /) -> str:
    """Asks the caller for a line."""
    return _ask(prompt, password=False)


def read_password(prompt: str = "Password: ", stream: Any = None, **ignored: Any) -> str:
    """Asks the caller for a line that is not to be shown."""
    return _ask(prompt, password=True)


read_line.__name__ = read_line.__qualname__ = "input"
read_password.__name__ = read_password.__qualname__ = "getpass"


def _ask(prompt: object, password: bool) -> str:
    text = str(prompt)
    if sys.stdin is not stdio.original_stdin():
        return _read_from_substitute(text)
    if not turn.may_ask():
        raise EOFError(REFUSAL)
    stdio.flush()
    request = {"prompt": text[:PROMPT_CHARS_MAX], "password": password}
    turn.send(frames.INPUT_REQUEST, request)
    reply = _wait_for_reply()
    value = reply.get("value")
    if type(value) is not str:
        raise EOFError("end of input")
    return value


def _read_from_substitute(prompt: str) -> str:
    """Reads from what user code bound to ``sys.stdin``, as Python's own ``input`` does."""
    if prompt:
        sys.stdout.write(prompt)
        sys.stdout.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError("EOF when reading a line")
    return line[:-1] if line.endswith("\n") else line


def _wait_for_reply() -> Any:
    channel = turn.channel
    assert channel is not None
    waiter = _poll()
    waiter.register(channel.fd, _POLLIN)
    while True:
        _Fetched.frame = None
        interrupts.held_back(_take, channel)
        frame: Optional[frames.Frame] = _Fetched.frame
        if frame is None:
            # An interrupt may come here, where nothing has been read.
            waiter.poll()
            interrupts.held_back(_fill, channel)
        elif frame.kind != frames.INPUT_REPLY:
            frames.give_up("a frame of kind %d instead of input" % frame.kind)
        elif frame.token == turn.token:
            return frame.body


def _take(channel: frames.Channel) -> None:
    try:
        _Fetched.frame = channel.take()
    except frames.Malformed as problem:
        frames.give_up(str(problem))


def _fill(channel: frames.Channel) -> None:
    try:
        channel.fill()
    except frames.Closed:
        frames.leave(0)
    except frames.Malformed as problem:
        frames.give_up(str(problem))
