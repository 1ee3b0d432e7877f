"""Processes around the kernel: children that user code forks, and orphans that it inherits.

A forked child loses the control descriptor at once and ends when its code is through. As process
1 of a sandbox the kernel inherits orphans. It cannot tell them from children that user code means
to wait for later, so zombies are left alone while they are few; beyond that, those that no
``subprocess.Popen`` claims are reaped.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any, List, Set

from .pristine import __builtins__
from .turn import turn

# Each zombie takes one of the sandbox's process slots.
ZOMBIES_LEFT = 16

_exit = os._exit
_current_thread = threading.current_thread
_main_thread = threading.main_thread
_waitid = os.waitid
_PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT


def watch_forks() -> None:
    """Takes the channel away from every child that is forked from now on."""
    os.register_at_fork(before=_flush_before, after_in_child=turn.abandon)


def obey_termination() -> None:
    """Ends on SIGTERM, which process 1 would ignore."""
    _exchange(signal.SIG_DFL, _terminate)
    # A child has the default from its first moment: Python drops what comes before its hooks run.
    os.register_at_fork(
        before=lambda: _exchange(_terminate, signal.SIG_DFL),
        after_in_parent=lambda: _exchange(signal.SIG_DFL, _terminate),
    )


def _terminate(signum: int, frame: Any) -> None:
    _exit(128 + signum)


def _exchange(old: Any, new: Any) -> None:
    """Changes the handler, unless it is the user's or this thread may not."""
    is_main = _current_thread() is _main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) == old:
        signal.signal(signal.SIGTERM, new)


def _flush_before() -> None:
    """What was printed is not printed again by the child."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass


def reap() -> None:
    """Reaps zombies that nobody waits for, where they are many."""
    try:
        if _waitid(os.P_ALL, 0, _PEEK) is None:
            return
    except OSError:
        return
    zombies = _zombies()
    if len(zombies) <= ZOMBIES_LEFT:
        return
    claimed = _claimed()
    for pid in zombies:
        if pid not in claimed:
            _wait(pid)


def _zombies() -> List[int]:
    try:
        with open("/proc/thread-self/children", encoding="ascii") as listing:
            pids = [int(word) for word in listing.read().split()]
    except (OSError, ValueError):
        return []
    return [pid for pid in pids if _is_zombie(pid)]


def _is_zombie(pid: int) -> bool:
    try:
        return os.waitid(os.P_PID, pid, _PEEK) is not None
    except OSError:
        return False


def _claimed() -> Set[int]:
    import gc
    import subprocess

    popen = subprocess.Popen
    found = (each for each in gc.get_objects() if type(each) is popen)
    return {each.pid for each in found if each.returncode is None}


def _wait(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except OSError:
        pass
