"""Standard streams of the kernel's process.

Output is line-buffered text on descriptors 1 and 2: a line is one system call and is seen as it
is written. At the end of a turn everything is flushed, also what C code holds. Streams that user
code closed or removed are made anew; streams that it put in their place stay.
"""

from __future__ import annotations

import builtins
import fcntl
import io
import os
import select
import sys
from typing import Any, Callable, List, Optional, Tuple

from .pristine import __builtins__

# Above the descriptors that programs choose by number.
HIGH_FD = 100

_python_input = input
_open = io.open
_POLLNVAL = select.POLLNVAL
_dup2 = os.dup2
_dup_high = fcntl.fcntl


class _Spares:
    """Copies of descriptors 0, 1 and 2, for when user code closes them."""

    fds: List[int] = []


def _make_look() -> Callable[[int], List[Tuple[int, int]]]:
    """One system call that tells which of the three descriptors are closed."""
    poller = select.poll()
    for fd in (0, 1, 2):
        poller.register(fd, 0)
    return poller.poll


_look = _make_look()


def _make(fd: int) -> Any:
    errors = "surrogateescape" if fd == 1 else "backslashreplace"
    return _open(fd, "w", buffering=1, encoding="utf-8", errors=errors, closefd=False)


def _make_stdin() -> Any:
    return _open(0, "r", encoding="utf-8", errors="surrogateescape", closefd=False)


class _Streams:
    stdin: Any
    stdout: Any
    stderr: Any


def install() -> None:
    """Makes the three streams and puts them into ``sys``."""
    _Streams.stdin = _make_stdin()
    _Streams.stdout = _make(1)
    _Streams.stderr = _make(2)
    for name in ("stdin", "stdout", "stderr"):
        stream = getattr(_Streams, name)
        setattr(sys, name, stream)
        setattr(sys, "__%s__" % name, stream)


def keep_descriptors() -> None:
    """Remembers what descriptors 0, 1 and 2 are."""
    spares = []
    for fd in (0, 1, 2):
        try:
            spares.append(_dup_high(fd, fcntl.F_DUPFD_CLOEXEC, HIGH_FD))
        except OSError:
            spares.append(-1)
    _Spares.fds = spares


def take_input(fd: int) -> None:
    """Makes a descriptor the standard input, which nobody has read yet."""
    _dup2(fd, 0)
    os.close(fd)
    if _Spares.fds and _Spares.fds[0] >= 0:
        _dup2(0, _Spares.fds[0], False)


def let_go_of_input() -> None:
    """Closes the standard input of a process that does not read any."""
    for fd in [0, *_Spares.fds[:1]]:
        try:
            os.close(fd)
        except OSError:
            pass


def _load_fflush() -> Optional[Callable[[Any], Any]]:
    try:
        import ctypes

        flush: Callable[[Any], Any] = ctypes.CDLL(None).fflush
        return flush
    except (ImportError, OSError, AttributeError, MemoryError):
        return None


_fflush = _load_fflush()


def flush() -> None:
    """Writes out what streams hold: the user's, the original ones, those of C code."""
    stdout, stderr = getattr(sys, "stdout", None), getattr(sys, "stderr", None)
    for stream in (stdout, stderr):
        if stream is not _Streams.stdout and stream is not _Streams.stderr:
            _flush_quietly(stream)
    _flush_quietly(_Streams.stdout)
    _flush_quietly(_Streams.stderr)
    if _fflush is not None:
        _fflush(None)


def _flush_quietly(stream: Any) -> None:
    try:
        stream.flush()
    except BaseException:
        # Closed, without a reader, or the user's own object: nothing to save.
        pass


def repair() -> None:
    """Makes the streams and descriptors usable again that user code closed or removed."""
    try:
        events = _look(0)
    except OSError:
        # User code allowed itself too few descriptors even for the question.
        events = []
    for fd, event in events:
        if event & _POLLNVAL:
            _restore(fd)
    if not _are_whole():
        _replace_streams()


def _are_whole() -> bool:
    """Whether all three streams are those that were made here, and open: the usual case."""
    try:
        stdin, stdout, stderr = sys.stdin, sys.stdout, sys.stderr
    except AttributeError:
        return False
    streams = _Streams
    if stdin is not streams.stdin or stdout is not streams.stdout or stderr is not streams.stderr:
        return False
    return not (stdin.closed or stdout.closed or stderr.closed)


def _replace_streams() -> None:
    if _Streams.stdin.closed:
        _Streams.stdin = _make_stdin()
    if _Streams.stdout.closed:
        _Streams.stdout = _make(1)
    if _Streams.stderr.closed:
        _Streams.stderr = _make(2)
    for name in ("stdin", "stdout", "stderr"):
        if _is_gone(name):
            setattr(sys, name, getattr(_Streams, name))
        if _is_gone("__%s__" % name):
            setattr(sys, "__%s__" % name, getattr(_Streams, name))


def _is_gone(name: str) -> bool:
    stream = getattr(sys, name, None)
    if stream is None:
        return True
    try:
        return stream.closed is True
    except BaseException:
        # An object of the user's without that attribute: it is there.
        return False


def _restore(fd: int) -> None:
    spare = _Spares.fds[fd] if _Spares.fds else -1
    if spare < 0:
        return
    try:
        _dup2(spare, fd)
    except OSError:
        pass


def undo_for_script() -> None:
    """Gives a script the ``input`` and hooks of a plain interpreter."""
    builtins.input = _python_input
    for name in ("display", "__IPYTHON__"):
        vars(builtins).pop(name, None)
    sys.displayhook = sys.__displayhook__


def original_stdin() -> Any:
    """The stream on descriptor 0 that this module made."""
    return _Streams.stdin


def complain(text: str) -> None:
    """Says something on stderr, whatever the user made of it."""
    try:
        _Streams.stderr.write(text)
        _Streams.stderr.flush()
    except (OSError, ValueError):
        pass
