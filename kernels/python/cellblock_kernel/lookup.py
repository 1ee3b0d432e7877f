"""Finding an object by the dotted name that stands in code, with as few side effects as may be.

A name is looked up in the namespace and the builtins, its attributes by ``getattr_static``: no
property, no ``__getattr__`` of the user's runs. Only modules are asked directly, as theirs is the
one ``__getattr__`` that loads parts of libraries.
"""

from __future__ import annotations

import builtins
import inspect
import re
from types import MemberDescriptorType, ModuleType
from typing import Any, Dict, Iterable, Set, Tuple

from .pristine import __builtins__

NAME_PARTS_MAX = 32

_DOTTED_BEFORE = re.compile(r"(?:[^\W\d]\w*\s*\.\s*)*[^\W\d]\w*$")
_WORD_AFTER = re.compile(r"\w*")


_default_dir: Any = object.__dir__


class Missing(Exception):
    """There is no object of that name, or it cannot be had without running code."""


def find(name: str, names: Dict[str, Any]) -> Any:
    """The object of a dotted name."""
    first, *attributes = [part.strip() for part in name.split(".")][:NAME_PARTS_MAX]
    if first in names:
        value = names[first]
    elif first in vars(builtins):
        value = vars(builtins)[first]
    else:
        raise Missing(first)
    for attribute in attributes:
        value = attribute_of(value, attribute)
    return value


def attribute_of(value: Any, name: str) -> Any:
    """An attribute, unless getting it runs code of the user's."""
    if isinstance(value, ModuleType):
        try:
            return getattr(value, name)
        except Exception:
            raise Missing(name) from None
    try:
        found = inspect.getattr_static(value, name)
    except AttributeError:
        raise Missing(name) from None
    if isinstance(found, (staticmethod, classmethod)):
        return found.__func__
    if isinstance(found, MemberDescriptorType):
        # A slot: reading it runs nothing.
        return getattr(value, name)
    return found


def attributes_of(value: Any) -> Iterable[Any]:
    """Names of attributes: what ``__dir__`` says where there is one, else what is stored."""
    kind = type(value)
    own: Any = kind.__dir__
    if own is not _default_dir:
        return list(own(value))
    names: Set[Any] = set()
    for each in kind.__mro__:
        names.update(vars(each))
    try:
        names.update(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        # Only slots.
        pass
    return names


def name_at(code: str, cursor: int) -> str:
    """The dotted name around a place in code, or in front of the bracket before it."""
    cursor = max(0, min(cursor, len(code)))
    after = _WORD_AFTER.match(code, cursor)
    end = after.end() if after else cursor
    match = _DOTTED_BEFORE.search(code[:end])
    if match is None:
        before = code[:cursor].rstrip("( \t")
        match = _DOTTED_BEFORE.search(before)
    return match.group() if match else ""


def split_bracket(code: str, cursor: int) -> Tuple[str, str]:
    """The code before a place, and the identifier that ends there."""
    before = code[: max(0, min(cursor, len(code)))]
    match = re.search(r"\w*$", before)
    word = match.group() if match else ""
    return before[: len(before) - len(word)], word
