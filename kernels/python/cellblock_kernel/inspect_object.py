"""What an object is, in words: for ``name?`` and for inspection requests."""

from __future__ import annotations

import inspect
from typing import Any, Dict, Optional

from . import lookup
from .exceptions import clip
from .pristine import __builtins__

TEXT_CHARS_MAX = 256 << 10
# One line of the object's own text.
STRING_CHARS_MAX = 200


def answer(request: Dict[str, Any], names: Dict[str, Any]) -> Dict[str, Any]:
    """Answers an inspection request."""
    name = lookup.name_at(request["code"], request["cursor"])
    detail = request.get("detail")
    text = describe_name(name, names, detail if type(detail) is int else 0) if name else None
    if text is None:
        return {"found": False, "data": {}}
    return {"found": True, "data": {"text/plain": text}}


def describe_name(name: str, names: Dict[str, Any], detail: int) -> Optional[str]:
    """Describes the object of a name, or nothing if there is none."""
    try:
        return describe(lookup.find(name, names), name, detail)
    except lookup.Missing:
        return None


def describe(value: Any, name: str, detail: int) -> str:
    """Describes an object: signature, type, text, file, documentation, with detail the source."""
    sections = [("Signature", _signature(value, name)), ("Type", type(value).__name__)]
    if not callable(value):
        sections.append(("String form", _string_form(value)))
        sections.append(("Length", _length(value)))
    source = _source(value) if detail else None
    if source is not None:
        sections.append(("Source", "\n" + source))
    else:
        sections.append(("Docstring", _document(value)))
    sections.append(("File", _file(value)))
    lines = ["%-12s %s" % (title + ":", text) for title, text in sections if text]
    return clip("\n".join(lines), TEXT_CHARS_MAX)


def _signature(value: Any, name: str) -> Optional[str]:
    if not callable(value):
        return None
    try:
        return name.rsplit(".", 1)[-1] + str(inspect.signature(value))
    except (ValueError, TypeError):
        return None


def _string_form(value: Any) -> Optional[str]:
    try:
        return clip(str(value).replace("\n", " "), STRING_CHARS_MAX)
    except Exception:
        return None


def _length(value: Any) -> Optional[str]:
    try:
        return str(len(value))
    except Exception:
        return None


def _source(value: Any) -> Optional[str]:
    try:
        return inspect.getsource(value)
    except (OSError, TypeError):
        return None


def _document(value: Any) -> str:
    text = inspect.getdoc(value)
    return text if isinstance(text, str) and text else "<no docstring>"


def _file(value: Any) -> Optional[str]:
    try:
        return inspect.getfile(value)
    except (OSError, TypeError):
        return None
