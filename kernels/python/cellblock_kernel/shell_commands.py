"""Commands of ``!``, ``%%bash`` and ``%pip``: processes that write where the kernel writes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import string
import subprocess
import sys
from typing import Any, Dict, List, Optional, Sequence

from . import stdio
from .pristine import __builtins__

# How long an interrupted command may take to end by itself.
GRACE_SECONDS = 1.0

PIP_NOTE = "Note: you may need to restart the kernel to use updated packages."


# As in the shell, nothing is replaced between single quotes.
_DOLLAR = re.compile(r"\$(\$?[^\W\d][\w.]*)(?=(?:[^']*'[^']*')*[^']*$)")


class Lines(List[str]):
    """The output of a command: a list of lines that can also be had as text."""

    @property
    def n(self) -> str:
        """The lines, one below the other."""
        return "\n".join(self)

    @property
    def s(self) -> str:
        """The lines, side by side."""
        return " ".join(self)

    @property
    def l(self) -> List[str]:  # noqa: E743
        """The lines themselves."""
        return self


def expand(text: str, names: Dict[str, Any]) -> str:
    """Replaces ``{expression}`` and ``$name``; a text in which one fails is left as it is."""
    if "{" not in text and "$" not in text:
        return text
    made = []
    try:
        for literal, field, form, conversion in string.Formatter().parse(text):
            made.append(_expand_dollars(literal, names))
            if field is not None:
                value = eval(field, names)
                if conversion:
                    value = string.Formatter().convert_field(value, conversion)
                made.append(format(value, form or ""))
    except Exception:
        return text
    return "".join(made)


def _expand_dollars(text: str, names: Dict[str, Any]) -> str:
    def replace(match: "re.Match[str]") -> str:
        name = match.group(1).rstrip(".")
        if name.startswith("$"):
            return match.group(1)
        if name.split(".", 1)[0] not in names:
            # A variable of the shell's.
            return match.group()
        return str(eval(name, names)) + match.group(1)[len(name) :]

    return _DOLLAR.sub(replace, text)


def shell() -> str:
    """The shell of ``!``."""
    return shutil.which("bash") or "/bin/sh"


def system(command: str) -> int:
    """Runs a command of the shell; its output is the turn's. Returns its status."""
    return run([shell(), "-c", command], stderr=subprocess.STDOUT)


def getoutput(command: str) -> Lines:
    """Runs a command of the shell and returns what it writes."""
    process = _start([shell(), "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = _wait(process, None)
    return Lines(text.decode("utf-8", "replace").splitlines())


def run(
    arguments: Sequence[str],
    stdin: Optional[bytes] = None,
    stdout: Optional[int] = None,
    stderr: Optional[int] = None,
) -> int:
    """Runs a program to its end, or until the turn is interrupted. Returns its status."""
    process = _start(
        arguments,
        stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
    )
    _wait(process, stdin)
    return process.returncode


def pip(arguments: Sequence[str]) -> None:
    """Runs pip for this interpreter. That it fails is no exception; its output says so."""
    run([sys.executable, "-m", "pip", *arguments], stderr=subprocess.STDOUT)


def _start(arguments: Sequence[str], **streams: Any) -> "subprocess.Popen[bytes]":
    stdio.flush()
    streams.setdefault("stdin", subprocess.DEVNULL)
    # A session of its own can be interrupted as a whole.
    return subprocess.Popen(list(arguments), start_new_session=True, **streams)


def _wait(process: "subprocess.Popen[bytes]", stdin: Optional[bytes]) -> bytes:
    try:
        output, _ = process.communicate(stdin)
        return output or b""
    except BaseException:
        _stop(process)
        raise


def _stop(process: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(GRACE_SECONDS)
            return
        except subprocess.TimeoutExpired:
            continue
        except OSError:
            return
