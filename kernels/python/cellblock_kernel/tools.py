"""Tools: functions of the host side that code imports as a module.

A call goes over the control socket, and what becomes of it is the host's affair: there is no
network here, and no secret. The module's functions are replaced in place, so that code which has
imported it sees at once what is registered now.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Callable, Dict, List, NoReturn, Optional, Sequence, Tuple

from . import frames
from .pristine import __builtins__
from .turn import Refused, turn

NAMES = ("_platform_tools", "cellblock_tools")
# What the host takes as the arguments of one call, as JSON.
INPUT_BYTES_MAX = 1 << 20

_modules = sys.modules


class ToolError(Exception):
    """A tool has failed, or cannot be called."""


ToolError.__module__ = NAMES[0]


class _Registered:
    """The tools that there are, and the one module that has them."""

    names: Tuple[str, ...] = ()
    module = ModuleType(NAMES[0], "Tools of the platform, as functions of keyword arguments.")
    finder: Optional[Any] = None


def read(body: Dict[str, Any]) -> List[Tuple[str, str]]:
    """Reads a request to register tools: their names, and what is said of each."""
    listed = body.get("tools")
    if type(listed) is not list or any(type(each) is not dict for each in listed):
        raise frames.Malformed("field tools")
    for each in listed:
        frames.checked(each, name=(str,), doc=(str,))
    return [(each["name"], each["doc"]) for each in listed]


def register(tools: List[Tuple[str, str]]) -> None:
    """Has the module hold these tools and no others."""
    if _Registered.finder is None:
        _Registered.finder = finder = _Finder()
        _Registered.module.__spec__ = finder.find_spec(NAMES[0], None)
        _Registered.module.__loader__ = finder
        sys.meta_path.insert(0, finder)
    names = vars(_Registered.module)
    for name in _Registered.names:
        names.pop(name, None)
    _Registered.names = tuple(name for name, _ in tools)
    names["ToolError"] = ToolError
    names["__all__"] = ["ToolError", *_Registered.names]
    for name, doc in tools:
        names[name] = _function(name, doc)
    for name in NAMES:
        _modules[name] = _Registered.module


def _function(name: str, doc: str) -> Callable[..., Any]:
    def tool(**given: Any) -> Any:
        return _call(name, given)

    tool.__name__ = tool.__qualname__ = name
    tool.__module__ = NAMES[0]
    tool.__doc__ = doc or None
    return tool


def _call(name: str, given: Dict[str, Any]) -> Any:
    if name not in _Registered.names:
        raise ToolError("tool '%s' is not registered" % name)
    data = frames.encode(given, _not_json)
    if len(data) > INPUT_BYTES_MAX:
        raise ToolError("tool '%s' takes %d bytes of input at most" % (name, INPUT_BYTES_MAX))
    if not turn.is_ours():
        raise ToolError("tool '%s' cannot be called from another process" % name)
    if not turn.may_call():
        raise ToolError("tool '%s' can be called only while a turn is in flight" % name)
    try:
        reply = turn.call_tool(name, data.decode("utf-8"))
    except (Refused, OSError) as problem:
        raise ToolError("tool '%s' cannot be called: %s" % (name, problem)) from None
    return _content(name, reply)


def _content(name: str, reply: Dict[str, Any]) -> Any:
    error, text = reply.get("error"), reply.get("content")
    if type(error) is str:
        raise ToolError(error)
    try:
        # Read here, where what cannot be read costs no more than this call.
        content = frames.decode_text(text if type(text) is str else "")
    except frames.Malformed as problem:
        raise ToolError("tool '%s' transport error: %s" % (name, problem)) from None
    if reply.get("is_error") is True:
        raise ToolError(content)
    return content


def _not_json(value: object) -> NoReturn:
    raise TypeError("an object of type %s is not JSON" % type(value).__name__)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the module again where it was taken out of ``sys.modules`` or is to be reloaded."""

    def find_spec(self, name: str, path: Optional[Sequence[str]], target: Any = None) -> Any:
        """Finds it by its names."""
        return importlib.machinery.ModuleSpec(name, self) if name in NAMES else None

    def create_module(self, spec: Any) -> ModuleType:
        """The one that there is."""
        return _Registered.module

    def exec_module(self, module: ModuleType) -> None:
        """It is filled already."""
