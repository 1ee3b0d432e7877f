"""Interrupts: SIGINT stops user code, never the kernel.

While user code runs, SIGINT has Python's own handler and becomes ``KeyboardInterrupt``. Between
turns it is ignored. While the kernel writes a frame in the middle of user code, it is held back
until the frame is out.
"""

from __future__ import annotations

import signal
import threading
from typing import Any, Callable

import _signal  # type: ignore[import-not-found]

from .pristine import __builtins__

# The C functions: those of the module `signal` make enumerations of what they return.
_signal_to = _signal.signal
_get_ident = threading.get_ident
_SIGINT = int(signal.SIGINT)
_IGNORE = int(signal.SIG_IGN)
_DEFAULT = int(signal.SIG_DFL)
_raise_interrupt = signal.default_int_handler


class _State:
    main_thread = _get_ident()
    held = False


def _note(signum: int, frame: Any) -> None:
    _State.held = True


def adopt_thread() -> None:
    """Names the calling thread as the one that handles signals."""
    _State.main_thread = _get_ident()


def arm() -> None:
    """Lets an interrupt stop the code that runs from now on."""
    _signal_to(_SIGINT, _raise_interrupt)


def disarm() -> None:
    """Ignores interrupts from now on. One that comes at this moment is dropped."""
    while True:
        try:
            _signal_to(_SIGINT, _IGNORE)
            return
        except KeyboardInterrupt:
            continue


def held_back(function: Callable[..., None], *arguments: Any) -> None:
    """Calls a function that an interrupt must not tear, and lets the interrupt through after it."""
    if _get_ident() != _State.main_thread:
        function(*arguments)
        return
    handler = _signal_to(_SIGINT, _note)
    try:
        function(*arguments)
    finally:
        _signal_to(_SIGINT, _DEFAULT if handler is None else handler)
    if _State.held:
        _State.held = False
        if callable(handler):
            handler(_SIGINT, None)
