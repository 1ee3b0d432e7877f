"""``input()`` and ``getpass``: a question to the caller, or a refusal at once.

Descriptor 0 is at its end from the start, so everything else that reads stdin sees the end too.
"""

from __future__ import annotations

import builtins
import getpass
import sys
from typing import Any

from . import stdio
from .pristine import __builtins__
from .turn import Refused, turn

PROMPT_CHARS_MAX = 64 << 10
REFUSAL = "input is not available in this session"


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
    try:
        value = turn.ask_for_input(request).get("value")
    except Refused as problem:
        raise EOFError(str(problem)) from None
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
