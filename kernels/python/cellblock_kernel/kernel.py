"""The kernel: reads requests, runs them one at a time, answers.

The loop must survive whatever a turn did. Everything that runs user code, or touches objects of
the user's, happens between ``interrupts.arm`` and ``disarm`` inside ``attempt``; what comes after
uses data of the kernel's own.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import Any, Callable, Dict, NoReturn, Optional

from . import (
    children,
    display,
    ending,
    exceptions,
    figures,
    frames,
    interrupts,
    namespace,
    own_signals,
    script,
    stdio,
    tools,
)
from .plain_shell import PlainShell
from .pristine import __builtins__
from .turn import turn

_gettrace, _settrace = sys.gettrace, sys.settrace
_getprofile, _setprofile = sys.getprofile, sys.setprofile
_text = (str,)
_number = (int,)


class Report:
    """How a turn ended."""

    __slots__ = ("error", "exit_code", "status")

    def __init__(
        self,
        status: str,
        error: Optional[Dict[str, Any]] = None,
        exit_code: Optional[int] = None,
    ) -> None:
        self.status = status
        self.error = error
        self.exit_code = exit_code


_OK = Report("ok")
# By far the most frequent body; making it anew costs as much as a small cell.
_DONE_OK = b'{"status":"ok","count":%d,"exit_code":null}'


class Kernel:
    """One interpreter, its namespace and its channel."""

    def __init__(self, channel: frames.Channel, shell: PlainShell) -> None:
        self.channel = channel
        self.shell = shell
        own_signals.install()
        self._requests: Dict[int, Callable[[frames.Frame], None]] = {
            frames.CONFIGURE: self._configure,
            frames.EXECUTE: self._execute,
            frames.SCRIPT: self._script,
            frames.COMPLETE: self._complete,
            frames.INSPECT: self._inspect,
            frames.INPUT_REPLY: self._late_reply,
            frames.SHUTDOWN: self._shutdown,
            frames.TOOL_REPLY: self._late_reply,
            frames.TOOLS: self._tools,
        }

    def run(self, first: Optional[Callable[[], None]] = None) -> NoReturn:
        """Serves until the host ends it."""
        try:
            self._ready()
            if first is not None:
                self._begin(first)
            while True:
                self.serve(self.channel.receive())
        except frames.Closed:
            frames.leave(0)
        except frames.Malformed as problem:
            frames.give_up(str(problem))
        except BaseException as problem:
            # Memory has run out for the answer itself, most likely.
            frames.give_up(exceptions.name_of(problem))

    def _begin(self, first: Callable[[], None]) -> None:
        frame = self.channel.receive()
        if frame.kind != frames.CONFIGURE:
            raise frames.Malformed("a first frame of kind %d" % frame.kind)
        first()
        self.serve(frame)

    def serve(self, frame: frames.Frame) -> None:
        """Answers one request."""
        request = self._requests.get(frame.kind)
        if request is None:
            raise frames.Malformed("a frame of kind %d" % frame.kind)
        request(frame)

    def _ready(self) -> None:
        self.channel.send(
            frames.READY,
            0,
            {
                "protocol": frames.PROTOCOL,
                "python": platform.python_version(),
                "implementation": sys.implementation.name,
                "ipython": self.shell.is_ipython,
                "pid": turn.pid,
            },
        )

    def _configure(self, frame: frames.Frame) -> None:
        body = frame.body
        env = body.get("env")
        if env is not None:
            if type(env) is not dict or any(type(value) is not str for value in env.values()):
                raise frames.Malformed("field env")
            _replace_env(env)
        directory = body.get("directory")
        if directory is not None:
            frames.checked(body, directory=_text)
            _enter(directory)
        argv = body.get("argv")
        if type(argv) is list and all(type(each) is str for each in argv):
            sys.argv = argv
        self._ready()

    def _execute(self, frame: frames.Frame) -> None:
        body = frame.body
        code = body.get("code")
        if type(code) is not str:
            raise frames.Malformed("field code")
        silent = body.get("silent") is True
        turn.begin(frame.token, body.get("allow_input") is True, silent)
        name = body.get("file_name")
        if type(name) is not str:
            name = "<silent>" if silent else "<cell %d>" % turn.count
        report = attempt(self.shell, code, name, body.get("plain") is True)
        self._settle()
        if not turn.is_ours():
            ending.end_child(report.error, report.exit_code)
        if report.error is not None:
            turn.send_unheld(frames.ERROR, report.error)
        elif turn.result is not None:
            _send_result(turn.result)
        if report is _OK:
            turn.end_encoded(frames.DONE, _DONE_OK % turn.count)
            return
        done = {"status": report.status, "count": turn.count, "exit_code": report.exit_code}
        turn.end(frames.DONE, done)

    def _settle(self) -> None:
        """Makes the process fit for the next turn, whatever this one did to it."""
        try:
            stdio.flush()
            stdio.repair()
            self.shell.mend()
            if turn.pid == 1:
                children.reap()
        except BaseException as problem:
            stdio.complain("kernel: %s\n" % exceptions.name_of(problem))

    def _script(self, frame: frames.Frame) -> None:
        def ended(number: int) -> None:
            self.channel.send(frames.ENDED, frame.token, {"signal": number})

        script.run(frame.body, ended)

    def _complete(self, frame: frames.Frame) -> None:
        frames.checked(frame.body, code=_text, cursor=_number)
        answer = self.shell.complete
        self._reply(frame, answer, {"matches": [], "start": 0, "end": 0})

    def _inspect(self, frame: frames.Frame) -> None:
        frames.checked(frame.body, code=_text, cursor=_number)
        answer = self.shell.inspect
        self._reply(frame, answer, {"found": False, "data": {}})

    def _reply(
        self,
        frame: frames.Frame,
        answer: Callable[[Dict[str, Any]], Dict[str, Any]],
        nothing: Dict[str, Any],
    ) -> None:
        """Answers a question about objects of the user's, which may do anything when looked at."""
        turn.begin_question(frame.token)
        reply = nothing
        try:
            interrupts.arm()
            reply = answer(frame.body)
        except BaseException:
            # A question that cannot be answered has no answer; it is no failure.
            pass
        interrupts.disarm()
        self._settle()
        try:
            turn.end(frames.REPLY, reply)
        except (TypeError, ValueError, RecursionError, frames.TooLong):
            turn.end(frames.REPLY, nothing)

    def _late_reply(self, frame: frames.Frame) -> None:
        """An answer to what was interrupted meanwhile: nobody waits for it."""

    def _tools(self, frame: frames.Frame) -> None:
        registered = tools.read(frame.body)

        def register(body: Dict[str, Any]) -> Dict[str, Any]:
            tools.register(registered)
            return {}

        self._reply(frame, register, {})

    def _shutdown(self, frame: frames.Frame) -> None:
        ending.end(0)


def attempt(shell: PlainShell, code: str, name: str, plain: bool = False) -> Report:
    """Runs a cell and says how it ended. Raises nothing."""
    report = _OK
    has_run = False
    while True:
        try:
            if not has_run:
                has_run = True
                report = _run(shell, code, name, plain)
            _untrace()
            interrupts.disarm()
            return report
        except BaseException as problem:
            # An interrupt while the first exception was described, or between the lines here.
            report = Report(_status_of(problem), exceptions.bare(problem))


def _run(shell: PlainShell, code: str, name: str, plain: bool) -> Report:
    try:
        interrupts.arm()
        _retrace()
        (shell.run_plain if plain else shell.run)(code, name)
        return _OK
    except SystemExit as problem:
        return Report("exit", None, ending.status_of(problem, says=not plain))
    except KeyboardInterrupt as problem:
        return Report("interrupted", exceptions.describe(problem))
    except BaseException as problem:
        report = Report("error", exceptions.describe(problem))
        shell.remember_exception(problem)
        return report


def _status_of(problem: BaseException) -> str:
    return "interrupted" if issubclass(type(problem), KeyboardInterrupt) else "error"


class _Tracing:
    """Trace and profile functions of the user's, which must see turns only."""

    trace: Any = None
    profile: Any = None


def _untrace() -> None:
    # One that raises is taken out by Python, so that this comes through the second time.
    _Tracing.trace, _Tracing.profile = _gettrace(), _getprofile()
    if _Tracing.trace is not None:
        _settrace(None)
    if _Tracing.profile is not None:
        _setprofile(None)


def _retrace() -> None:
    if _Tracing.trace is not None:
        _settrace(_Tracing.trace)
    if _Tracing.profile is not None:
        _setprofile(_Tracing.profile)


def _send_result(result: Dict[str, Any]) -> None:
    try:
        turn.send_unheld(frames.RESULT, result)
    except frames.TooLong as problem:
        result["data"], result["metadata"] = display.left_out(result["data"], problem), {}
        turn.send_unheld(frames.RESULT, result)


def _replace_env(env: Dict[str, str]) -> None:
    try:
        os.environ.clear()
        os.environ.update(env)
        figures.choose()
        time.tzset()
    except (ValueError, OSError) as problem:
        raise frames.Malformed("field env: %s" % problem) from problem


def _enter(directory: str) -> None:
    try:
        os.chdir(directory)
    except (OSError, ValueError) as problem:
        raise frames.Malformed("field directory: %s" % problem) from problem
