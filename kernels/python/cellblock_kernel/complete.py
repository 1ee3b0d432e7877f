"""Completion: names, keywords, attributes, imports of modules, paths inside strings, magics.

Looking must not act: attributes are listed, never fetched.
"""

from __future__ import annotations

import builtins
import glob
import keyword
import os
import pkgutil
import re
import sys
from typing import Any, Dict, Iterable, List, Sequence

from . import lookup
from .pristine import __builtins__

MATCHES_MAX = 1000
PATHS_MAX = 500

_ATTRIBUTE = re.compile(r"((?:[^\W\d]\w*\s*\.\s*)+)(\w*)$")
_IMPORT = re.compile(r"^\s*(?:import|from)\s+(?:[\w.]+\s*,\s*)*([\w.]*)$")
_FROM = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+(?:[\w]+\s*,\s*)*(\w*)$")
_MAGIC = re.compile(r"^\s*(%{1,2}\w*)$")
_WORD = re.compile(r"[^\W\d]\w*$")


def answer(
    request: Dict[str, Any], names: Dict[str, Any], magics: Sequence[str] = ()
) -> Dict[str, Any]:
    """Answers a completion request."""
    code = request["code"]
    cursor = max(0, min(request["cursor"], len(code)))
    before = code[:cursor]
    line = before.rsplit("\n", 1)[-1]
    text = _open_string(line)
    if text is not None:
        return _reply(_paths(text), cursor - len(text), cursor)
    for pattern, find in ((_MAGIC, _magics), (_FROM, _members), (_IMPORT, _modules)):
        match = pattern.match(line)
        if match is not None:
            found = find(magics, *match.groups())
            return _reply(found, cursor - len(match.group(match.lastindex or 0)), cursor)
    match = _ATTRIBUTE.search(line)
    if match is not None:
        found = _attributes(match.group(1), match.group(2), names)
        return _reply(found, cursor - len(match.group(2)), cursor)
    match = _WORD.search(line)
    word = match.group() if match else ""
    return _reply(_names(word, names), cursor - len(word), cursor)


def _reply(matches: Iterable[str], start: int, end: int) -> Dict[str, Any]:
    found = sorted(set(matches), key=_public_first)[:MATCHES_MAX]
    return {"matches": found, "start": start, "end": end}


def _public_first(name: str) -> Any:
    bare = name.lstrip("_%")
    return len(name) - len(bare), name


def _open_string(line: str) -> Any:
    """What stands between the last quote and the end, if a string is open there."""
    quote, start, at = "", 0, 0
    while at < len(line):
        char = line[at]
        if quote and char == "\\":
            at += 1
        elif quote and char == quote:
            quote = ""
        elif not quote and char == "#":
            return None
        elif not quote and char in "\"'":
            quote, start = char, at + 1
        at += 1
    return line[start:] if quote else None


def _paths(text: str) -> List[str]:
    pattern = glob.escape(os.path.expanduser(text)) + "*"
    found = []
    for path in glob.iglob(pattern):
        shown = text + path[len(pattern) - 1 :] if text.startswith("~") else path
        found.append(shown + os.sep if os.path.isdir(path) else shown)
        if len(found) == PATHS_MAX:
            break
    return found


def _magics(magics: Sequence[str], word: str) -> List[str]:
    return [name for name in magics if name.startswith(word)]


def _names(word: str, names: Dict[str, Any]) -> List[str]:
    return _matching([*names, *vars(builtins), *keyword.kwlist], word)


def _attributes(prefix: str, word: str, names: Dict[str, Any]) -> List[str]:
    path = prefix.rstrip(" \t.")
    try:
        value = lookup.find(path, names)
    except lookup.Missing:
        return []
    return _matching(lookup.attributes_of(value), word)


def _matching(known: Iterable[Any], word: str) -> List[str]:
    """Names that begin with a word; names with an underscore only if it has one too."""
    found = [name for name in known if isinstance(name, str) and name.startswith(word)]
    return found if word.startswith("_") else [name for name in found if name[:1] != "_"]


def _members(magics: Sequence[str], module: str, word: str) -> List[str]:
    loaded = sys.modules.get(module)
    found = dir(loaded) if loaded is not None else []
    return [name for name in found if name.startswith(word)]


def _modules(magics: Sequence[str], word: str) -> List[str]:
    parent, dot, last = word.rpartition(".")
    if not dot:
        known = [*sys.builtin_module_names, *(each.name for each in pkgutil.iter_modules())]
        return [name for name in known if name.startswith(last)]
    package = sys.modules.get(parent)
    path = getattr(package, "__path__", None)
    if path is None:
        return []
    return [
        parent + dot + each.name
        for each in pkgutil.iter_modules(path)
        if each.name.startswith(last)
    ]
