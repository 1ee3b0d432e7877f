"""The shell of environments without IPython: plain Python cells, magics, rich display."""

from __future__ import annotations

import builtins
import sys
from types import ModuleType
from typing import Any, Dict

from . import display, namespace, run_code
from .pristine import __builtins__


class PlainShell:
    """Runs cells in ``__main__`` and answers questions about it."""

    is_ipython = False

    def __init__(self, main: ModuleType) -> None:
        self.main = main
        self.names: Dict[str, Any] = main.__dict__
        self.runner = run_code.CellRunner(self.names)

    def start(self) -> None:
        """Gives user code its builtins."""
        builtins.display = display.display  # type: ignore[attr-defined]
        sys.displayhook = display.display_result

    def run(self, code: str, name: str) -> None:
        """Runs a cell and keeps its result; raises what the cell raises."""
        value = self.runner.run(code, name)
        if value is not run_code.NOTHING:
            self._report(value)

    def _report(self, value: Any) -> None:
        hook = getattr(sys, "displayhook", None)
        if hook is not None:
            hook(value)
        if value is not None:
            run_code.set_underscore(value)

    def mend(self) -> None:
        """Puts back what a turn took away."""
        namespace.mend(self.main, self.names)

    def remember_exception(self, problem: BaseException) -> None:
        """Leaves the exception where debuggers look for it."""
        if isinstance(problem, MemoryError):
            # Its frames may hold the memory that the next turn needs.
            return
        sys.last_type, sys.last_value = type(problem), problem
        sys.last_traceback = problem.__traceback__

    def complete(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers a completion request."""
        return {"matches": [], "start": 0, "end": 0}

    def inspect(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers an inspection request."""
        return {"found": False, "data": {}}
