"""The shell of environments without IPython: plain Python cells, magics, rich display."""

from __future__ import annotations

import builtins
import sys
from types import ModuleType
from typing import Any, Dict, List

from . import (
    complete,
    display,
    figures,
    inspect_object,
    magic_syntax,
    magics,
    namespace,
    run_code,
    user_input,
)
from .exceptions import traceback_of
from .pristine import __builtins__

_pyplot = figures.PYPLOT
_modules = sys.modules
_LAST = ("last_exc", "last_traceback", "last_type", "last_value")


class PlainShell:
    """Runs cells in ``__main__`` and answers questions about it."""

    is_ipython = False

    def __init__(self, main: ModuleType) -> None:
        self.main = main
        self.names: Dict[str, Any] = main.__dict__
        self.runner = run_code.CellRunner(self.names)
        self.magics = magics.Magics(self.names, self._run_nested)
        self._name = "<cell>"
        self._fresh: Dict[str, Any] = {}

    def start(self) -> None:
        """Gives user code its builtins."""
        builtins.display = display.display  # type: ignore[attr-defined]
        sys.displayhook = display.display_result
        user_input.install()
        figures.install()
        self._fresh = dict(self.names)

    def run(self, code: str, name: str) -> None:
        """Runs a cell and keeps its result; raises what the cell raises."""
        self._name = name
        source = magic_syntax.transform(code)
        if source is not code:
            setattr(builtins, magic_syntax.CALL, self.magics)
        self.runner.remember(code, name)
        try:
            value = self.runner.run(source, name)
            if value is not run_code.NOTHING:
                self._report(value)
        finally:
            if _pyplot in _modules:
                figures.show_open()

    def run_plain(self, code: str, name: str) -> None:
        """Runs a cell as a program is run: nothing in it is a magic, and it has no value."""
        self._name = name
        try:
            self.runner.run_plain(code, name)
        finally:
            if _pyplot in _modules:
                figures.show_open()

    def _run_nested(self, code: str) -> Any:
        """Runs code that stands inside a magic."""
        value = self.runner.run(magic_syntax.transform(code), self._name)
        return None if value is run_code.NOTHING else value

    def _report(self, value: Any) -> None:
        hook = getattr(sys, "displayhook", None)
        if hook is not None:
            hook(value)
        if value is not None:
            run_code.set_underscore(value)

    def forget(self) -> None:
        """Makes the shell as it was before its first cell."""
        for name in [name for name in self.names if name not in self._fresh]:
            del self.names[name]
        self.names.update(self._fresh)
        self.runner.forget()
        for module, names in ((sys, _LAST), (builtins, ("_", magic_syntax.CALL))):
            for name in names:
                vars(module).pop(name, None)

    def mend(self) -> None:
        """Puts back what a turn took away."""
        namespace.mend(self.main, self.names)

    def remember_exception(self, problem: BaseException) -> None:
        """Leaves the exception where debuggers look for it."""
        if issubclass(type(problem), MemoryError):
            # Its frames may hold the memory that the next turn needs.
            return
        sys.last_type, sys.last_value = type(problem), problem
        sys.last_traceback = traceback_of(problem)

    def complete(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers a completion request."""
        return complete.answer(request, self.names, self._magic_names())

    def _magic_names(self) -> List[str]:
        found = []
        for name in dir(self.magics):
            if name.startswith("line_"):
                found.append("%" + name[5:])
            elif name.startswith("cell_"):
                found.append("%%" + name[5:])
        return found

    def inspect(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers an inspection request."""
        return inspect_object.answer(request, self.names)
