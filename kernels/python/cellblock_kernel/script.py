"""A script run once, as ``python FILE args`` would run it; the process ends with it."""

from __future__ import annotations

import linecache
import os
import sys
from typing import Any, Callable, Dict, NoReturn, Optional, Tuple

from . import ending, exceptions, figures, first, frames, interrupts, namespace, stand_in, stdio
from .pristine import __builtins__

_compile = compile
_exec = exec
_TEXTS_MAX = 4096
# What no exit status is.
INTERRUPTED = -2


def run(body: Dict[str, Any], ended: Callable[[int], None]) -> NoReturn:
    """Runs the script of a request and ends the process with its status. As process 1 it has a
    child run it, and ``ended`` is told of a signal that ends that."""
    path, code, name, argv = _fields(body)
    if os.getpid() == 1:
        first.stand_aside(ended)
    stdio.undo_for_script()
    figures.undo_for_script()
    if path is not None and code is not None:
        _write(path, code)
    stand_in.uninstall()
    names = namespace.fresh_main().__dict__
    names["__file__"] = name
    names["__cached__"] = None
    sys.argv = [name, *argv]
    if path is not None and sys.path[:1] == [""]:
        sys.path[0] = os.path.dirname(os.path.abspath(path))
    if path is None:
        del names["__file__"], names["__cached__"]
    status = _status(path, code, name, names)
    if status == INTERRUPTED:
        ending.end_by_interrupt()
    ending.end(status, join=True)


def _fields(body: Dict[str, Any]) -> Tuple[Optional[str], Optional[str], str, Any]:
    path, code, argv = body.get("path"), body.get("code"), body.get("argv") or []
    if path is None:
        frames.checked(body, code=(str,))
    else:
        frames.checked(body, path=(str,))
    if type(argv) is not list or any(type(each) is not str for each in argv[:_TEXTS_MAX]):
        raise frames.Malformed("field argv")
    name = body.get("name")
    if type(name) is not str:
        name = path if path is not None else "-c"
    return path, code if type(code) is str else None, name, argv


def _write(path: str, code: str) -> None:
    """Puts the file there that the code is to have come from."""
    try:
        with open(path, "wb") as file:
            file.write(code.encode("utf-8", "replace"))
    except OSError as problem:
        stdio.complain("%s: can't write file %r: %s\n" % (sys.executable, path, problem.strerror))
        ending.end(2, join=False)


def _status(path: Optional[str], code: Optional[str], name: str, names: Dict[str, Any]) -> int:
    """Runs the code; prints what it raises the way Python does."""
    try:
        interrupts.arm()
        source: Any = _source(path, name) if code is None else code.encode("utf-8", "replace")
        if isinstance(source, int):
            return source
        if code is not None:
            shown = name if path is not None else "<string>"
            linecache.cache[shown] = (len(code), None, code.splitlines(True), shown)
            name = shown
        _exec(_compile(source, name, "exec", 0, True), names)
        return 0
    except SystemExit as problem:
        stdio.flush()
        return ending.status_of(problem)
    except BaseException as problem:
        interrupts.disarm()
        _print(problem)
        return INTERRUPTED if isinstance(problem, KeyboardInterrupt) else 1


def _source(path: Optional[str], name: str) -> Any:
    """The bytes of the file, or the status with which Python ends where there is none."""
    assert path is not None
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as problem:
        stdio.complain(
            "%s: can't open file %r: [Errno %s] %s\n"
            % (sys.executable, os.path.abspath(path), problem.errno, problem.strerror)
        )
        return 2


def _print(problem: BaseException) -> None:
    """Hands an exception to the user's hook, or prints it without frames of the kernel."""
    stdio.flush()
    hook = getattr(sys, "excepthook", None)
    if hook is None or hook is sys.__excepthook__:
        stdio.complain(exceptions.text_of(problem))
        return
    try:
        hook(type(problem), problem, problem.__traceback__)
    except BaseException as second:
        stdio.complain("Error in sys.excepthook:\n" + exceptions.text_of(second))
        stdio.complain("\nOriginal exception was:\n" + exceptions.text_of(problem))
