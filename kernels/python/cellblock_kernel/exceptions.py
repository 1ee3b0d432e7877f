"""Exceptions as data: name, value and a traceback of lines, without frames of the kernel.

User code may raise anything: exceptions whose ``__str__`` raises, groups, cycles of causes, deep
recursion. Whatever goes wrong while one is described, a shorter description comes out.
"""

from __future__ import annotations

import os
import traceback
from typing import Any, Dict, Iterator, List, Set, Tuple

from .pristine import __builtins__

# A value is read by people and models; beyond this it says nothing more.
VALUE_CHARS_MAX = 64 << 10
# All lines of a traceback together.
TRACEBACK_CHARS_MAX = 256 << 10
LINES_MAX = 2000
# Causes, contexts and members of groups that are looked at.
RELATED_MAX = 500

_HIDDEN: Tuple[str, ...] = (os.path.dirname(os.path.abspath(__file__)) + os.sep,)
_TracebackException = traceback.TracebackException
_StackSummary = traceback.StackSummary
_class_name = type.__dict__["__name__"].__get__
# Past any `__getattribute__`.
traceback_of = vars(BaseException)["__traceback__"].__get__


def hide(directory: str) -> None:
    """Leaves frames of the code in a directory out of tracebacks."""
    global _HIDDEN
    _HIDDEN += (directory + os.sep,)


class UsageError(Exception):
    """A magic was used wrongly; where is plain from the cell, so no traceback is shown."""


def name_of(exception: BaseException) -> str:
    """The name of the class, past any metaclass."""
    return str(_class_name(type(exception)))


def value_of(exception: BaseException) -> str:
    """What the exception says, or that it cannot. An interrupt stops one that takes too long."""
    try:
        text = str(exception)
        return clip(text if type(text) is str else str.__str__(text), VALUE_CHARS_MAX)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return "<%s whose str() failed>" % name_of(exception)


def clip(text: str, limit: int) -> str:
    """Cuts a text that is longer than a limit and says so."""
    if len(text) <= limit:
        return text
    return text[:limit] + "... [%d more characters]" % (len(text) - limit)


def describe(exception: BaseException) -> Dict[str, Any]:
    """The body of an error frame."""
    name = name_of(exception)
    value = value_of(exception)
    if name == "UsageError":
        return {"name": name, "value": value, "traceback": ["UsageError: " + value]}
    try:
        lines = _lines(_trimmed(exception))
    except BaseException:
        lines = ["%s: %s" % (name, value)]
    return {"name": name, "value": value, "traceback": lines}


def bare(exception: BaseException) -> Dict[str, Any]:
    """An error body made without running any code of the user's."""
    name = name_of(exception)
    return {"name": name, "value": "", "traceback": [name]}


def text_of(exception: BaseException) -> str:
    """The traceback as one text, as Python prints it on stderr."""
    return "\n".join(describe(exception)["traceback"]) + "\n"


def _trimmed(exception: BaseException) -> traceback.TracebackException:
    summary = _TracebackException(type(exception), exception, traceback_of(exception))
    for each in _related(summary):
        stack: Any = _StackSummary()
        stack.extend(frame for frame in each.stack if not frame.filename.startswith(_HIDDEN))
        each.stack = stack
    return summary


def _related(summary: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting: List[Any] = [summary]
    seen: Set[int] = set()
    while waiting and len(seen) < RELATED_MAX:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        waiting += getattr(each, "exceptions", None) or []


def _lines(summary: traceback.TracebackException) -> List[str]:
    lines: List[str] = []
    room = TRACEBACK_CHARS_MAX
    for chunk in summary.format():
        for line in chunk.splitlines():
            room -= len(line)
            if room < 0 or len(lines) == LINES_MAX:
                return lines + ["... [traceback cut here]"]
            lines.append(line)
    return lines
