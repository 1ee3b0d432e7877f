"""Process 1 while a script runs: it stands apart, reaps, and ends as the script did.

Linux drops signals to process 1 that it has no handler for, and every orphan becomes its child. A
script is to find neither, so it runs in a child of the kernel, as it would below an init.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Callable, NoReturn

from . import stdio
from .pristine import __builtins__

PR_SET_DUMPABLE = 4
# Above any descriptor that the kernel holds.
DESCRIPTORS_MAX = 65536
# What a shell adds to the number of a signal.
SIGNAL_BASE = 128

_exit = os._exit
_waitpid = os.waitpid
_prctl = ctypes.PyDLL(None).prctl


def stand_aside(ended: Callable[[int], None]) -> None:
    """Returns in a child. The parent stays and ends as the child does, which ``ended`` is told if
    a signal ended it."""
    # Whoever shares its user must not look into it.
    _prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    child = os.fork()
    if child != 0:
        _attend(child, ended)
    _prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    os.setsid()
    os.closerange(3, DESCRIPTORS_MAX)


def _attend(child: int, ended: Callable[[int], None]) -> NoReturn:
    # Whoever writes to it learns when the script reads no more.
    stdio.let_go_of_input()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    while True:
        pid, status = _waitpid(-1, 0)
        if pid != child:
            continue
        if not os.WIFSIGNALED(status):
            _exit(os.WEXITSTATUS(status))
        ended(os.WTERMSIG(status))
        _exit(SIGNAL_BASE + os.WTERMSIG(status))
