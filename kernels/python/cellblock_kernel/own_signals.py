"""Signals that code sends its own process where that is process 1.

Linux drops those that process 1 has no handler for, ``SIGKILL`` among them. Code is to find what
it would find anywhere else: that it has ended, or stands still.
"""

from __future__ import annotations

import os
import signal

from .pristine import __builtins__

# What a shell adds to the number of a signal.
SIGNAL_BASE = 128

_IGNORED = frozenset((signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH))
_STOPPING = frozenset((signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))
_DEFAULT = signal.SIG_DFL
_exit = os._exit
_getpid = os.getpid
_handler_of = signal.getsignal
_kill = os.kill
_pause = signal.pause
_raise = signal.raise_signal


def install() -> None:
    """Puts our functions in the place of Python's."""
    os.kill = kill
    signal.raise_signal = raise_signal


def kill(pid: int, signal: int, /) -> None:
    """Kill a process with a signal."""
    _kill(pid, signal)
    if pid == 1 == _getpid():
        _obey(int(signal))


def raise_signal(signalnum: int, /) -> None:
    """Send a signal to the executing process."""
    _raise(signalnum)
    if _getpid() == 1:
        _obey(int(signalnum))


def _obey(number: int) -> None:
    """Does what Linux would do to any other process."""
    if number == 0 or number in _IGNORED or _handler_of(number) != _DEFAULT:
        return
    while number in _STOPPING:
        try:
            _pause()
        except BaseException:
            # What stands still hears nothing; whoever waits for it ends it.
            pass
    _exit(SIGNAL_BASE + number)
