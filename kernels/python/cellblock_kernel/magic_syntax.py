"""Cells with magics made into plain Python: ``%name``, ``%%name``, ``!command``, ``name?``.

Only a line that begins a statement can be a magic: what stands inside strings, brackets or
continued lines is left as it is. A cell that is valid Python is never changed.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import List, Optional

from .pristine import __builtins__

CALL = "__cellblock_magics__"

_compile = compile
_PARSE = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_ASSIGN = re.compile(r"^(\s*)([^=#]*[^=#\s!%<>])\s*=\s*([%!])(?!=)(.*)$", re.DOTALL)
_HELP_AFTER = re.compile(r"^(\s*)(%{0,2}[^\W\d][\w.]*(?:\[[^\]]*\][\w.]*)*)(\?\??)\s*;?\s*$")
_HELP_BEFORE = re.compile(r"^(\s*)(\?\??)\s*(%{0,2}[^\W\d][\w.]*)\s*$")
_CELL = re.compile(r"^%%([^\W\d]\w*)[ \t]*(.*)$")
_LINE = re.compile(r"^(\s*)%([^\W\d]\S*)[ \t]*(.*)$", re.DOTALL)
_SHELL = re.compile(r"^(\s*)!(!?)(.*)$", re.DOTALL)


def transform(source: str) -> str:
    """The cell as Python. Lines keep their numbers."""
    if "%" not in source and "!" not in source and "?" not in source or is_python(source):
        return source
    cell = _cell_magic(source)
    if cell is not None:
        return cell
    lines = source.splitlines(True)
    place = Place()
    made: List[str] = []
    at = 0
    while at < len(lines):
        changed = None
        if place.begins_statement:
            count = _joined(lines, at)
            text = "".join(lines[at : at + count])
            changed = _statement(text)
        if changed is None:
            place.pass_line(lines[at])
            made.append(lines[at])
            at += 1
        else:
            made.append(changed + "\n" * max(1, text.count("\n")))
            at += count
    return "".join(made)


def is_python(source: str) -> bool:
    """Whether a text compiles as a cell."""
    try:
        if "\\" in source:
            # The compiler warns of odd escapes, and will again when the cell is run.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _compile(source, "<cell>", "exec", _PARSE, True)
        else:
            _compile(source, "<cell>", "exec", _PARSE, True)
        return True
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _cell_magic(source: str) -> Optional[str]:
    stripped = source.lstrip("\n\r")
    skipped = source[: len(source) - len(stripped)]
    first, _, body = stripped.partition("\n")
    match = _CELL.match(first.rstrip("\r"))
    if match is None:
        return None
    call = "%s.run_cell_magic(%r, %r, %r)" % (CALL, match.group(1), match.group(2).strip(), body)
    return skipped + call + "\n"


def _joined(lines: List[str], at: int) -> int:
    """How many lines a magic takes: a backslash at the end continues it."""
    count = 1
    if lines[at].lstrip()[:1] not in ("%", "!") and _ASSIGN.match(lines[at].rstrip("\n")) is None:
        return count
    while at + count < len(lines) and lines[at + count - 1].rstrip("\r\n").endswith("\\"):
        count += 1
    return count


def _statement(text: str) -> Optional[str]:
    """A line as Python, or nothing if it is no magic."""
    line = text.rstrip("\r\n").replace("\\\r\n", " ").replace("\\\n", " ")
    for make in (_help, _line_magic, _shell, _assignment):
        made = make(line)
        if made is not None:
            return made
    return None


def _help(line: str) -> Optional[str]:
    match = _HELP_AFTER.match(line)
    if match is not None:
        indent, name, marks = match.groups()
    else:
        match = _HELP_BEFORE.match(line)
        if match is None:
            return None
        indent, marks, name = match.groups()
    return "%s%s.show_help(%r, %d)" % (indent, CALL, name, len(marks) - 1)


def _line_magic(line: str) -> Optional[str]:
    match = _LINE.match(line)
    if match is None:
        return None
    indent, name, rest = match.groups()
    return "%s%s.run_line_magic(%r, %r)" % (indent, CALL, name, rest.strip())


def _shell(line: str) -> Optional[str]:
    match = _SHELL.match(line)
    if match is None:
        return None
    indent, twice, command = match.groups()
    return "%s%s.%s(%r)" % (indent, CALL, "getoutput" if twice else "system", command.strip())


def _assignment(line: str) -> Optional[str]:
    match = _ASSIGN.match(line)
    if match is None or not is_python(match.group(2) + " = 0"):
        return None
    indent, target, mark, rest = match.groups()
    rest = rest.strip()
    if mark == "!":
        return "%s%s = %s.getoutput(%r)" % (indent, target, CALL, rest)
    name, _, arguments = rest.partition(" ")
    return "%s%s = %s.run_line_magic(%r, %r)" % (indent, target, CALL, name, arguments.strip())


class Place:
    """Where in Python's syntax a line begins: in a string, in brackets, or at a statement.

    Python's tokenizer gives up at the first magic, so lines are read here; only quotes, brackets,
    comments and backslashes matter.
    """

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def begins_statement(self) -> bool:
        """Whether the next line begins a statement."""
        return not self._quote and self._depth == 0 and not self._continued

    def pass_line(self, line: str) -> None:
        """Goes past one line."""
        text = line.rstrip("\r\n")
        at = 0
        while at < len(text):
            at = self._in_string(text, at) if self._quote else self._in_code(text, at)
        self._continued = _is_continued(text)
        if len(self._quote) == 1 and not self._continued:
            self._quote = ""

    def _in_string(self, text: str, at: int) -> int:
        if text[at] == "\\":
            return at + 2
        if text.startswith(self._quote, at):
            width = len(self._quote)
            self._quote = ""
            return at + width
        return at + 1

    def _in_code(self, text: str, at: int) -> int:
        char = text[at]
        if char == "#":
            return len(text)
        if char in "\"'":
            self._quote = char * 3 if text.startswith(char * 3, at) else char
            return at + len(self._quote)
        if char in "([{":
            self._depth += 1
        elif char in ")]}":
            self._depth = max(0, self._depth - 1)
        return at + 1


def _is_continued(text: str) -> bool:
    ending = len(text) - len(text.rstrip("\\"))
    return ending % 2 == 1
