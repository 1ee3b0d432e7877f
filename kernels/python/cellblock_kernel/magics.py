"""Magics of environments without IPython: the common ones, answering as IPython's do."""

from __future__ import annotations

import getopt
import importlib
import os
import shlex
import subprocess
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import display, inspect_object, shell_commands, timing, user_input
from .exceptions import UsageError
from .pristine import __builtins__

WHOS_CHARS_MAX = 60

_ROW = "%-10s %-12s %s"


class Magics:
    """What a transformed cell calls."""

    def __init__(self, names: Dict[str, Any], run_cell: Callable[[str], Any]) -> None:
        self._names = names
        self._run_cell = run_cell
        self._previous_directory: Optional[str] = None

    def run_line_magic(self, name: str, line: str) -> Any:
        """Runs ``%name line``."""
        function = getattr(self, "line_" + name, None)
        if function is None:
            hint = ""
            if hasattr(self, "cell_" + name):
                hint = " But cell magic `%%%%%s` exists." % name
            raise UsageError("Line magic function `%%%s` not found.%s" % (name, hint))
        if name not in ("time", "timeit"):
            line = shell_commands.expand(line, self._names)
        return function(line)

    def run_cell_magic(self, name: str, line: str, body: str) -> Any:
        """Runs ``%%name line`` over the rest of the cell."""
        function = getattr(self, "cell_" + name, None)
        if function is None:
            raise UsageError("Cell magic `%%%%%s` not found." % name)
        return function(line, body)

    def system(self, command: str) -> None:
        """``!command``"""
        command = shell_commands.expand(command, self._names)
        self._names["_exit_code"] = shell_commands.system(command)

    def getoutput(self, command: str) -> shell_commands.Lines:
        """``x = !command``"""
        return shell_commands.getoutput(shell_commands.expand(command, self._names))

    def show_help(self, name: str, detail: int) -> None:
        """``name?`` and ``name??``"""
        name = name.lstrip("%")
        magic = getattr(self, "line_" + name, None) or getattr(self, "cell_" + name, None)
        text = inspect_object.describe_name(name, self._names, detail)
        if text is None and magic is not None:
            text = inspect_object.describe(magic, name, detail)
        print(text if text is not None else "Object `%s` not found." % name)

    # What follows is called by name, with the rest of the line.

    def line_pip(self, line: str) -> None:
        """Runs pip for this interpreter."""
        shell_commands.pip(shlex.split(line))
        importlib.invalidate_caches()
        print(shell_commands.PIP_NOTE)

    def line_cd(self, line: str) -> None:
        """Changes the working directory."""
        options, rest = _options(line, "q")
        target = rest.strip().strip("'\"")
        if target == "-":
            if self._previous_directory is None:
                raise UsageError("%cd -: No previous directory to change to.")
            target = self._previous_directory
        here = os.getcwd()
        try:
            os.chdir(os.path.expanduser(target or "~"))
        except OSError as problem:
            print(problem)
            return
        self._previous_directory = here
        if "q" not in options:
            print(os.getcwd())

    def line_pwd(self, line: str) -> str:
        """The working directory."""
        return os.getcwd()

    def line_ls(self, line: str) -> None:
        """Lists files."""
        shell_commands.system("ls -F " + line)

    def line_env(self, line: str) -> Any:
        """Shows or sets env vars."""
        if not line.strip():
            return dict(os.environ)
        if "=" not in line and " " not in line.strip():
            name = line.strip()
            if name not in os.environ:
                raise UsageError("Environment does not have key: %s" % name)
            return os.environ[name]
        self.line_set_env(line)
        return None

    def line_set_env(self, line: str) -> None:
        """Sets one env var."""
        name, mark, value = line.strip().partition("=" if "=" in line else " ")
        name, value = name.strip(), value.strip()
        if not mark or not name or " " in name:
            raise UsageError("Malformed env setting: %s" % line)
        os.environ[name] = value
        print("env: %s=%s" % (name, value))

    def line_time(self, line: str) -> Any:
        """Times one statement."""
        return timing.time_call(lambda: self._run_cell(line))

    def cell_time(self, line: str, body: str) -> Any:
        """Times the cell."""
        code = (line + "\n" if line else "\n") + body
        return timing.time_call(lambda: self._run_cell(code))

    def line_timeit(self, line: str) -> Any:
        """Times one statement over many loops."""
        options, rest = _options(line, "n:r:tcqop:s:")
        return timing.time_repeatedly(rest, "", options, self._names)

    def cell_timeit(self, line: str, body: str) -> Any:
        """Times the cell over many loops; what stands on the first line runs before each."""
        options, setup = _options(line, "n:r:tcqop:s:")
        return timing.time_repeatedly(body, setup, options, self._names)

    def cell_bash(self, line: str, body: str) -> None:
        """Runs the cell by bash."""
        self._script(["bash", *shlex.split(line)], body)

    def cell_sh(self, line: str, body: str) -> None:
        """Runs the cell by sh."""
        self._script(["sh", *shlex.split(line)], body)

    def cell_script(self, line: str, body: str) -> None:
        """Runs the cell by the program that the line names."""
        arguments = shlex.split(line)
        if not arguments:
            raise UsageError("%%script needs a program")
        self._script(arguments, body)

    def _script(self, arguments: List[str], body: str) -> None:
        status = shell_commands.run(arguments, stdin=body.encode("utf-8", "surrogateescape"))
        if status != 0:
            raise subprocess.CalledProcessError(status, arguments)

    def cell_writefile(self, line: str, body: str) -> None:
        """Writes the cell to a file."""
        options, rest = _options(shell_commands.expand(line, self._names), "a")
        if not rest.strip():
            raise UsageError("%%writefile needs a file name")
        path = os.path.expanduser(rest.strip().strip("'\""))
        appends = "a" in options
        verb = "Appending to" if appends else "Overwriting" if os.path.exists(path) else "Writing"
        print("%s %s" % (verb, path))
        with open(path, "a" if appends else "w", encoding="utf-8") as file:
            file.write(body)

    cell_file = cell_writefile

    def cell_html(self, line: str, body: str) -> None:
        """Shows the cell as HTML."""
        display.publish_display_data({"text/html": body, "text/plain": "<HTML>"})

    def cell_markdown(self, line: str, body: str) -> None:
        """Shows the cell as Markdown."""
        display.publish_display_data({"text/markdown": body, "text/plain": "<Markdown>"})

    def line_matplotlib(self, line: str) -> None:
        """Accepted for notebooks: figures are shown inline anyway."""

    def line_who_ls(self, line: str) -> List[str]:
        """Names of the user's variables, sorted."""
        kinds = line.split()
        names = (
            (name, value)
            for name, value in self._names.items()
            if not name.startswith("_") and not isinstance(value, ModuleType)
        )
        return sorted(name for name, value in names if not kinds or type(value).__name__ in kinds)

    def line_who(self, line: str) -> None:
        """Prints the user's variables."""
        found = self.line_who_ls(line)
        print("\t ".join(found) if found else "Interactive namespace is empty.")

    def line_whos(self, line: str) -> None:
        """Prints the user's variables with their types."""
        found = self.line_who_ls(line)
        if not found:
            print("Interactive namespace is empty.")
            return
        print(_ROW % ("Variable", "Type", "Data/Info"))
        print("-" * 40)
        for name in found:
            value = self._names[name]
            text = " ".join(repr(value).split())
            if len(text) > WHOS_CHARS_MAX:
                text = text[:WHOS_CHARS_MAX] + "..."
            print(_ROW % (name, type(value).__name__, text))

    def line_reset(self, line: str) -> None:
        """Deletes the user's variables."""
        options, _ = _options(line, "fs")
        if "f" not in options and not _agrees():
            print("Nothing done.")
            return
        for name in [name for name in self._names if not name.startswith("__")]:
            del self._names[name]

    def line_lsmagic(self, line: str) -> None:
        """Prints the names of all magics."""
        for kind, mark in (("line_", "%"), ("cell_", "%%")):
            found = sorted(name[5:] for name in dir(self) if name.startswith(kind))
            print("  ".join(mark + name for name in found))


def _agrees() -> bool:
    question = "Once deleted, variables cannot be recovered. Proceed (y/[n])? "
    try:
        return user_input.read_line(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _options(line: str, known: str) -> Tuple[Dict[str, str], str]:
    """Options at the beginning of a line, and the rest of it as it was written."""
    options: Dict[str, str] = {}
    rest = line.lstrip()
    while rest.startswith("-") and len(rest) > 1 and not rest[1].isspace():
        word, _, after = rest.partition(" ")
        takes_next = len(word) == 2 and (word[1] + ":") in known
        words = [word]
        if takes_next:
            value, _, after = after.lstrip().partition(" ")
            words.append(value)
        try:
            found, left = getopt.getopt(words, known)
        except getopt.GetoptError as problem:
            raise UsageError(str(problem)) from None
        if left:
            break
        options.update((name[1:], value) for name, value in found)
        rest = after.lstrip()
    return options, rest
