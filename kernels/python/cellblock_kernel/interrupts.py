"""Interrupts: SIGINT stops user code, never the kernel.

While user code runs, SIGINT has Python's own handler and becomes ``KeyboardInterrupt``. Between
turns it is ignored. While the kernel writes a frame in the middle of user code, it is held back
until the frame is out. Handlers that user code set for other signals run in its turns only: between
turns those signals wait, and timers that ran out are forgotten.
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


_getsignal = _signal.getsignal
_mask = _signal.pthread_sigmask
_wait_for = _signal.sigtimedwait
_BLOCK, _UNBLOCK = int(signal.SIG_BLOCK), int(signal.SIG_UNBLOCK)

_TIMERS = frozenset({int(signal.SIGALRM), int(signal.SIGVTALRM), int(signal.SIGPROF)})
# Signals for which programs set handlers; one that raises would raise in the kernel.
_HANDLED = (
    *_TIMERS,
    int(signal.SIGUSR1),
    int(signal.SIGUSR2),
    int(signal.SIGHUP),
    int(signal.SIGQUIT),
    int(signal.SIGCHLD),
    int(signal.SIGWINCH),
    int(signal.SIGIO),
)


class _State:
    main_thread = _get_ident()
    held = False
    waiting = False


def _note(signum: int, frame: Any) -> None:
    _State.held = True


def adopt_thread() -> None:
    """Names the calling thread as the one that handles signals."""
    _State.main_thread = _get_ident()


def arm() -> None:
    """Lets an interrupt stop the code that runs from now on."""
    _signal_to(_SIGINT, _raise_interrupt)
    if _State.waiting:
        _State.waiting = False
        while _wait_for(_TIMERS, 0) is not None:
            pass
        _mask(_UNBLOCK, _HANDLED)


def disarm() -> None:
    """Ignores interrupts from now on. One that comes at this moment is dropped."""
    while True:
        try:
            for number in _HANDLED:
                if not _State.waiting and callable(_getsignal(number)):
                    _State.waiting = True
                    _mask(_BLOCK, _HANDLED)
            _signal_to(_SIGINT, _IGNORE)
            return
        except BaseException:
            # An interrupt, or a handler of the user's that raises.
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
