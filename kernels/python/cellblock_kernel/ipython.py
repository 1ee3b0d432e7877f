"""The shell of environments that have IPython: its magics, display and completion, our channel.

Nothing of IPython's reaches past the process: no history database, no thread, no profile
directory, no colours, no pager. Everything it would print or publish becomes a frame or output of
the turn. Importing this module imports IPython; ``load`` says whether that is possible.
"""

from __future__ import annotations

import keyword
import os
import re
import sys
from types import ModuleType
from typing import Any, Dict, List, Optional

import IPython
from IPython.core import interactiveshell, page
from IPython.core.autocall import ExitAutocall
from IPython.core.compilerop import CachingCompiler
from IPython.core.completer import provisionalcompleter, rectify_completions
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from IPython.utils.tokenutil import token_at_cursor
from traitlets.config import Config

from . import display, exceptions, figures, formatter, frames, shell_commands, user_input
from .complete import MATCHES_MAX
from .magic_syntax import is_python
from .plain_shell import PlainShell
from .pristine import __builtins__
from .turn import turn

_FIRST_WORD = re.compile(r"[^\W\d]\w*")
# What IPython has of its own; more are the user's.
_CLEANUPS = len(TransformerManager().cleanup_transforms)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Publisher(DisplayPublisher):  # type: ignore[misc]
    """Makes frames of what is displayed."""

    def publish(self, data: Any, metadata: Any = None, *unused: Any, **options: Any) -> None:
        """Shows a bundle."""
        self._validate_data(data, metadata)
        transient = options.get("transient") or {}
        update = bool(options.get("update"))
        display_id = transient.get("display_id")
        display.send_bundle(
            formatter.clean(data),
            formatter.metadata_of(metadata),
            None if display_id is None else str(display_id)[: display.ID_CHARS_MAX],
            update,
        )

    def clear_output(self, wait: bool = False) -> None:
        """Takes back what the turn has shown."""
        turn.send(frames.CLEAR, {"wait": bool(wait)})


class ResultHook(DisplayHook):  # type: ignore[misc]
    """Keeps the value of the cell's last expression to report."""

    def write_output_prompt(self) -> None:
        """There is no prompt."""

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        """Keeps the bundle; a second result of a turn is a display."""
        data, metadata = formatter.clean(format_dict), formatter.metadata_of(md_dict)
        if turn.result is None:
            turn.result = {"data": data, "metadata": metadata, "count": turn.count}
        else:
            display.send_bundle(data, metadata)

    def log_output(self, format_dict: Any) -> None:
        """Nothing is logged: bundles may be large, and the host has them."""

    def finish_displayhook(self) -> None:
        """There is nothing to finish."""
        self._is_active = False


class Compiler(CachingCompiler):  # type: ignore[misc]
    """Names cells as the kernel does."""

    def cache(self, transformed_code: str, number: int = 0, raw_code: Any = None) -> str:
        """Makes the lines of a cell known and returns its name."""
        return _Current.shell.name_cell(raw_code or transformed_code)


class Exit(ExitAutocall):  # type: ignore[misc]
    """``exit`` and ``quit``."""

    def __call__(self, code: Any = None) -> None:
        raise SystemExit(code)


class _NoProfile:
    """A profile directory that is nowhere."""

    location = os.devnull


class Interactive(InteractiveShell):  # type: ignore[misc]
    """IPython's shell without everything that belongs to a terminal."""

    profile_dir = _NoProfile()

    def init_ipython_dir(self, ipython_dir: Any) -> None:
        """No directory is made."""

    def init_profile_dir(self, profile_dir: Any) -> None:
        """No profile is made or read."""

    @property
    def db(self) -> Dict[str, Any]:
        """What magics remember; elsewhere a directory of pickles."""
        memory: Dict[str, Any] = self.__dict__.setdefault("_memory", {})
        return memory

    @db.setter
    def db(self, value: Any) -> None:
        """Only IPython itself sets it."""

    def enable_gui(self, gui: Any = None) -> None:
        """There is no window to enable."""

    def init_virtualenv(self) -> None:
        """The environment is the interpreter's own."""

    def init_user_ns(self) -> None:
        """Replaces ``exit``, which would end a program that does not exist."""
        super().init_user_ns()
        for name in ("exit", "quit"):
            self.user_ns[name] = self.user_ns_hidden[name] = Exit(self)

    def transform_cell(self, raw_cell: str) -> str:
        """Makes Python of a cell; one that surely is Python needs none of IPython's readings."""
        if self._is_surely_python(raw_cell):
            return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"
        transformed: str = super().transform_cell(raw_cell)
        return transformed

    def _is_surely_python(self, cell: str) -> bool:
        if self.input_transformers_post or len(self.input_transformers_cleanup) > _CLEANUPS:
            return False
        if "%" in cell or "!" in cell or "?" in cell or not is_python(cell):
            return False
        if "\n" in cell.strip():
            return True
        # Of a single line, the first word may be a magic without its mark, or a name that acts.
        word = _FIRST_WORD.match(cell)
        if word is None or word.group() in keyword.kwlist:
            return word is not None
        if word.end() == len(cell.rstrip()):
            return False
        return self.find_line_magic(word.group()) is None

    def should_run_async(self, raw_cell: str, **options: Any) -> bool:
        """Whether a cell awaits; looks closer only where a word says so."""
        if "await" not in raw_cell and "async" not in raw_cell:
            return False
        return bool(super().should_run_async(raw_cell, **options))

    def ask_exit(self) -> None:
        """Ends the cell as ``sys.exit`` does."""
        raise SystemExit(None)

    def system(self, cmd: str) -> None:
        """``!command``"""
        self.user_ns["_exit_code"] = shell_commands.system(self.var_expand(cmd, depth=1))

    system_piped = system_raw = system

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """``x = !command``"""
        lines = shell_commands.getoutput(self.var_expand(cmd, depth=depth + 1))
        return SList(lines) if split else lines.n

    async def run_code(self, code_obj: Any, result: Any = None, *, async_: bool = False) -> bool:
        """Runs one statement of a cell; returns whether it raised."""
        try:
            if async_:
                await eval(code_obj, self.user_global_ns, self.user_ns)
            else:
                exec(code_obj, self.user_global_ns, self.user_ns)
            return False
        except BaseException as problem:
            if result is not None:
                result.error_in_exec = problem
            else:
                self.shown.append(problem)
            return True

    def showtraceback(self, exc_tuple: Any = None, *arguments: Any, **options: Any) -> None:
        """Keeps the exception: it is the cell's, unless the cell has another."""
        problem = exc_tuple[1] if exc_tuple is not None else sys.exc_info()[1]
        if problem is not None:
            self.shown.append(problem)

    def showsyntaxerror(self, *arguments: Any, **options: Any) -> None:
        """Keeps the exception."""
        self.showtraceback()

    @property
    def shown(self) -> List[BaseException]:
        """Exceptions that IPython wanted to show since the cell began."""
        found: List[BaseException] = self.__dict__.setdefault("_shown", [])
        return found


class _Current:
    """The one shell, for the compiler, which IPython makes itself."""

    shell: "IPythonShell"


class IPythonShell(PlainShell):
    """Cells by way of IPython."""

    is_ipython = True

    def __init__(self, main: ModuleType) -> None:
        super().__init__(main)
        _Current.shell = self
        self._nested = 0
        self._last_name = "<cell>"
        if hasattr(interactiveshell, "PickleShareDB"):
            interactiveshell.PickleShareDB = str
        for part in ("core", "lib"):
            exceptions.hide(os.path.join(os.path.dirname(IPython.__file__), part))
        Interactive.displayhook_class.default_value = ResultHook
        Interactive.display_pub_class.default_value = Publisher
        Interactive.compiler_class.default_value = Compiler
        self.shell = Interactive.instance(user_module=main, config=_config())

    def start(self) -> None:
        """Completes what IPython does not do by itself."""
        user_input.install()
        figures.install()
        shell = self.shell
        shell.loop_runner = self.runner.wait_for
        shell.set_hook("show_in_pager", page.as_hook(_print_page), 0)
        shell.display_formatter.formatters["image/png"].for_type_by_name(
            "matplotlib.figure", "Figure", figures.png
        )
        self._fresh = dict(self.names)

    def forget(self) -> None:
        """Makes the shell as it was before its first cell."""
        shell = self.shell
        shell.reset()
        shell.execution_count = 1
        shell.shown.clear()
        super().forget()

    def name_cell(self, code: str) -> str:
        """Names the cell that is compiled; one that a cell runs has a number below it."""
        name = self._last_name
        if self._nested:
            name = "%s.%d>" % (name.rstrip(">"), self._nested)
        self._nested += 1
        self.runner.remember(code, name)
        return name

    def run(self, code: str, name: str) -> None:
        """Runs a cell; raises what it raises."""
        shell = self.shell
        self._last_name, self._nested = name, 0
        shell.shown.clear()
        if not turn.silent:
            shell.execution_count = turn.count
        try:
            result = shell.run_cell(code, store_history=not turn.silent, silent=turn.silent)
        finally:
            figures.show_open()
        problem = _problem(result, shell.shown)
        if problem is not None:
            raise problem

    def complete(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers a completion request."""
        code, cursor = request["code"], max(0, request["cursor"])
        with provisionalcompleter(), self.shell.builtin_trap:
            raw = self.shell.Completer.completions(code, min(cursor, len(code)))
            found = list(rectify_completions(code, raw))[:MATCHES_MAX]
        if not found:
            return {"matches": [], "start": cursor, "end": cursor}
        return {
            "matches": [each.text for each in found],
            "start": found[0].start,
            "end": found[0].end,
            "types": [each.type or "" for each in found],
        }

    def inspect(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Answers an inspection request."""
        name = token_at_cursor(request["code"], request["cursor"])
        detail = 1 if request.get("detail") == 1 else 0
        try:
            bundle = self.shell.object_inspect_mime(name, detail_level=detail)
        except KeyError:
            return {"found": False, "data": {}}
        texts = {mime: _COLOURS.sub("", text) for mime, text in bundle.items()}
        return {"found": True, "data": formatter.clean(texts)}


def _config() -> Any:
    config = Config()
    config.HistoryManager.enabled = False
    config.HistoryManager.hist_file = ":memory:"
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autoindent = False
    config.InteractiveShell.separate_in = ""
    config.IPCompleter.use_jedi = False
    return config


def _print_page(text: Any, *unused: Any, **options: Any) -> None:
    """Prints what would go to a pager."""
    if isinstance(text, dict):
        text = text.get("text/plain", "")
    print(_COLOURS.sub("", str(text)))


def _problem(result: Any, shown: List[BaseException]) -> Optional[BaseException]:
    """The exception that ended the cell, or that IPython showed in the middle of it."""
    early: Optional[BaseException] = result.error_before_exec
    if early is not None:
        # How the compiler was reached is of no interest.
        early.__traceback__ = None
        return early
    problem: Optional[BaseException] = result.error_in_exec
    if problem is None and shown:
        problem = shown[0]
    return problem


def load(main: ModuleType) -> PlainShell:
    """Makes the shell; raises where this IPython cannot be used."""
    return IPythonShell(main)
