"""Compiling and running one cell in a namespace that lasts.

The last expression of a cell is its value, unless a semicolon ends it. A cell may await at top
level; one event loop, made when it is first needed, runs all such cells.
"""

from __future__ import annotations

import __future__

import ast
import builtins
import importlib
import linecache
from collections import deque
from types import CodeType
from typing import Any, Deque, Dict, Optional, Tuple

from .pristine import __builtins__

# Sources that tracebacks can show. Functions of older cells lose their lines, nothing else.
SOURCES_MAX = 1000
SOURCES_CHARS_MAX = 32 << 20

_compile = compile
_eval = eval
_Expr = ast.Expr
_Expression = ast.Expression
_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_PARSE = ast.PyCF_ONLY_AST | _AWAIT
# What `from __future__ import` turns on in one cell holds for later cells too. The oldest feature
# shares its bit with nested functions.
_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag
_FUTURES &= ~__future__.nested_scopes.compiler_flag
_COROUTINE = 0x80
_splitlines = str.splitlines
_sources = linecache.cache


class _Nothing:
    """The value of a cell that does not end in an expression."""


NOTHING = _Nothing()
Parts = Tuple[Optional[CodeType], Optional[CodeType]]


class CellRunner:
    """Runs cells in one namespace."""

    def __init__(self, names: Dict[str, Any]) -> None:
        self.names = names
        self._futures = 0
        self._loop: Any = None
        self._named: Deque[Tuple[str, int]] = deque()
        self._named_chars = 0

    def run(self, source: str, name: str) -> Any:
        """Runs a cell; returns the value of its last expression or ``NOTHING``."""
        body, last = self.split(source, name)
        if body is not None:
            value = _eval(body, self.names)
            if body.co_flags & _COROUTINE:
                self.wait_for(value)
        if last is None:
            return NOTHING
        value = _eval(last, self.names)
        if last.co_flags & _COROUTINE:
            value = self.wait_for(value)
        return value

    def run_plain(self, source: str, name: str) -> None:
        """Runs a cell that is no more than Python, as a program is.

        Its lines are not kept: such cells share one name, and a traceback would show those of
        another.
        """
        _eval(_compile(source, name, "exec", 0, True), self.names)

    def split(self, source: str, name: str) -> Parts:
        """Compiles a cell into its statements and the expression at its end."""
        tree: Any = _compile(source, name, "exec", _PARSE | self._futures, True)
        statements = tree.body
        if not statements:
            return None, None
        expression = None
        if type(statements[-1]) is _Expr and not _is_muted(source, statements[-1]):
            expression = _Expression(statements.pop().value)
        body = last = None
        if statements:
            body = _compile(tree, name, "exec", _AWAIT | self._futures, True)
            self._futures |= body.co_flags & _FUTURES
        if expression is not None:
            last = _compile(expression, name, "eval", _AWAIT | self._futures, True)
        return body, last

    def remember(self, source: str, name: str) -> None:
        """Lets tracebacks and ``inspect`` find the lines of a cell."""
        _sources[name] = (len(source), None, _splitlines(source, True), name)
        named = self._named
        named.append((name, len(source)))
        self._named_chars += len(source)
        while len(named) > SOURCES_MAX or self._named_chars > SOURCES_CHARS_MAX:
            old, chars = named.popleft()
            self._named_chars -= chars
            if old != name:
                _sources.pop(old, None)

    def forget(self) -> None:
        """Drops the sources of all cells and the event loop, which no fork may share."""
        while self._named:
            _sources.pop(self._named.popleft()[0], None)
        self._named_chars = self._futures = 0
        if self._loop is not None:
            self._loop.close()
            self._loop = None
            importlib.import_module("asyncio").set_event_loop(None)

    def wait_for(self, coroutine: Any) -> Any:
        """Runs a coroutine to its end on the kernel's event loop."""
        loop = self.loop()
        task = loop.create_task(coroutine)
        try:
            return loop.run_until_complete(task)
        except BaseException:
            if not task.done() and not loop.is_closed():
                task.cancel()
                _drain(loop, task)
            raise

    def loop(self) -> Any:
        """The event loop of all cells, made on first use."""
        if self._loop is None or self._loop.is_closed():
            asyncio = importlib.import_module("asyncio")
            self._loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop


def _drain(loop: Any, task: Any) -> None:
    """Lets an interrupted task run its ``finally`` blocks."""
    try:
        loop.run_until_complete(task)
    except BaseException:
        # The interrupt is what counts; a second one ends the waiting.
        pass


def _is_muted(source: str, last: ast.Expr) -> bool:
    """Whether a semicolon follows the last expression."""
    if ";" not in source:
        return False
    lines = source.encode("utf-8", "replace").split(b"\n")
    rest = lines[(last.end_lineno or 1) - 1][last.end_col_offset :]
    return rest.lstrip(b" \t)").startswith(b";")


def set_underscore(value: Any) -> None:
    """Keeps the last value as ``_``, where Python's own prompt keeps it."""
    builtins._ = value  # type: ignore[attr-defined]
