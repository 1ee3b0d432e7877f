"""Ways in which the kernel's process, or a child of it, ends."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from typing import Any, Dict, NoReturn, Optional

from . import interrupts, stdio
from .pristine import __builtins__

_exit = os._exit
_run_exit_functions = atexit._run_exitfuncs
# Past any `__getattribute__`.
_code_of = vars(SystemExit)["code"].__get__
_join_threads: Any = threading._shutdown  # type: ignore[attr-defined]


def status_of(problem: SystemExit, says: bool = True) -> int:
    """The exit status that Python would give; a text goes to stderr, unless it is not wanted."""
    code: Any = _code_of(problem)
    if code is None:
        return 0
    if issubclass(type(code), int):
        return int.__int__(code) & 0xFF
    if says:
        stdio.complain(_text_of(code) + "\n")
    return 1


def _text_of(code: Any) -> str:
    try:
        return str(code)
    except Exception:
        return "<exit code whose str() failed>"


def end(status: int, join: bool = False) -> NoReturn:
    """Ends the process as the interpreter would, without tearing down its memory."""
    try:
        interrupts.arm()
        if join:
            _join_threads()
        _run_exit_functions()
    except BaseException:
        # Exit functions report their own exceptions; an interrupt ends the waiting.
        pass
    interrupts.disarm()
    stdio.flush()
    _exit(status)


def end_by_interrupt() -> NoReturn:
    """Ends as Python does when nobody caught an interrupt: by the signal itself."""
    try:
        _run_exit_functions()
    except BaseException:
        pass
    stdio.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)
    # Process 1 is still here.
    _exit(130)


def end_child(error: Optional[Dict[str, Any]], exit_code: Optional[int]) -> NoReturn:
    """Ends a child that user code forked and that came to the end of the cell."""
    if error is not None:
        stdio.complain("\n".join(error["traceback"]) + "\n")
    stdio.flush()
    _exit(exit_code if exit_code is not None else int(error is not None))
