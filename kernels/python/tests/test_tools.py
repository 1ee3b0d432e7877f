"""Tools of the host side as functions of a module."""

from __future__ import annotations

import json
import time
import unittest
from typing import Any, Callable, Dict, List, Tuple

from . import driver
from .driver import TOOL_CALL, TOOL_REPLY, TOOLS, Turn
from .kernel_case import IPythonCase, KernelCase

Answer = Callable[[Dict[str, Any]], Dict[str, Any]]

LEN = {"name": "length", "doc": "How long a text is."}
ECHO = {"name": "echo", "doc": ""}


def content(value: Any, **more: Any) -> Dict[str, Any]:
    """A reply with a value."""
    return {"content": json.dumps(value), **more}


def parsed(call: Dict[str, Any]) -> Dict[str, Any]:
    """A call with its arguments as values."""
    return {**call, "input": json.loads(call["input"])}


def echo(call: Dict[str, Any]) -> Dict[str, Any]:
    """Answers with what was given."""
    return content(call["input"])


class Calls:
    """What both kinds of kernel need to have tools."""

    kernel: driver.Kernel

    def register(self, *tools: Dict[str, str]) -> None:
        """Has the kernel know these tools."""
        reply = self.kernel.ask(TOOLS, tools=list(tools))
        assert reply == {}, reply

    def run_with(self, code: str, answer: Answer = echo) -> Tuple[Turn, List[Dict[str, Any]]]:
        """Runs a cell and answers its calls in order."""
        token, calls = self.kernel.begin(code), []
        turn = Turn()
        while True:
            kind, got, body = self.kernel.frame()
            assert got == token, (kind, body)
            if kind == TOOL_CALL:
                calls.append(parsed(body))
                self.answer(token, body, answer(parsed(body)))
            elif self.kernel._keep(turn, kind, body):
                turn.stdout, turn.stderr = self.kernel.take_output()
                return turn, calls

    def answer(self, token: int, call: Dict[str, Any], reply: Dict[str, Any]) -> None:
        """Answers a call."""
        self.kernel.send(TOOL_REPLY, token, {"call": call["call"], **reply})

    def next_call(self, token: int) -> Dict[str, Any]:
        """The next frame, which is a call."""
        kind, got, body = self.kernel.frame()
        assert (kind, got) == (TOOL_CALL, token), (kind, body)
        return parsed(body)

    def error_of(self, code: str, answer: Answer = echo) -> Tuple[str, str]:
        """The exception that ends a cell: its name and what it says."""
        error = self.run_with(code, answer)[0].error
        assert error is not None
        return error["name"], error["value"]


class ToolsTest(Calls, KernelCase):
    """Calls, their errors and their limits."""

    def setUp(self) -> None:
        super().setUp()
        self.register(LEN, ECHO)

    def test_a_call_goes_out_and_its_answer_comes_back(self) -> None:
        code = "import _platform_tools as t\nt.echo(a=[1, None, 'é'], b={'c': 1.5})"
        turn, calls = self.run_with(code)
        given = {"a": [1, None, "é"], "b": {"c": 1.5}}
        self.assertEqual(calls, [{"call": 1, "name": "echo", "input": given}])
        self.assertEqual(turn.text, "{'a': [1, None, 'é'], 'b': {'c': 1.5}}")
        turn, calls = self.run_with(
            "[t.length(n=n) for n in range(3)]", lambda c: content(c["call"])
        )
        self.assertEqual((turn.text, len(calls)), ("[1, 2, 3]", 3))
        self.assert_works()

    def test_functions_say_what_they_are(self) -> None:
        code = (
            "import _platform_tools as t, cellblock_tools as c\n"
            "(t is c, t.length.__name__, t.length.__doc__, t.__all__, issubclass(t.ToolError, "
            "Exception))"
        )
        expected = "(True, 'length', 'How long a text is.', ['ToolError', 'length', 'echo'], True)"
        self.assertEqual(self.kernel.run(code).text, expected)
        turn = self.kernel.run("from _platform_tools import *\nlength('positional')")
        self.assertEqual(turn.error_name, "TypeError")

    def test_errors_are_exceptions(self) -> None:
        def failed(call: Dict[str, Any]) -> Dict[str, Any]:
            return {"error": "tool 'echo' failed: HTTP 500"}

        name, value = self.error_of("from _platform_tools import *\necho()", failed)
        self.assertEqual((name, value), ("ToolError", "tool 'echo' failed: HTTP 500"))
        code = "try:\n    echo()\nexcept ToolError as problem:\n    found = problem.args\nfound"
        turn, _ = self.run_with(code, lambda call: content({"why": 1}, is_error=True))
        self.assertEqual(turn.text, "({'why': 1},)")
        turn, _ = self.run_with("import _platform_tools\n_platform_tools.echo()", failed)
        assert turn.error is not None
        traceback = "\n".join(turn.error["traceback"])
        self.assertNotIn("cellblock_kernel", traceback)

    def test_content_that_cannot_be_read_costs_one_call(self) -> None:
        unreadable = ["[" * 100_000, "{", "1 2", ""]
        for text in unreadable:
            code = "from _platform_tools import *\necho()"
            _, value = self.error_of(code, lambda call, text=text: {"content": text})
            self.assertTrue(value.startswith("tool 'echo' transport error: "), value)
        self.assert_works()

    def test_input_that_is_not_json_goes_nowhere(self) -> None:
        for value, error in [("{1}", "TypeError"), ("float('nan')", "ValueError")]:
            turn, calls = self.run_with(f"import _platform_tools as t\nt.echo(a={value})")
            self.assertEqual((turn.error_name, calls), (error, []))
        name, value = self.error_of("t.echo(a='x' * (1 << 20))")
        self.assertEqual((name, "1048576 bytes" in value), ("ToolError", True))
        code = "a = []\nfor _ in range(10**5): a = [a]\nt.echo(a=a)"
        self.assertEqual(self.run_with(code)[0].error_name, "RecursionError")
        self.assertEqual(self.run_with("t.echo(a='\\udcff')")[0].text, "{'a': '?'}")

    def test_registering_again_takes_effect_at_once(self) -> None:
        self.kernel.run(
            "import _platform_tools as t\nfrom _platform_tools import length, ToolError"
        )
        self.register(ECHO, {"name": "other", "doc": "x"})
        turn, calls = self.run_with("(hasattr(t, 'length'), t.other(a=1), t.__all__)")
        self.assertEqual(turn.text, "(False, {'a': 1}, ['ToolError', 'echo', 'other'])")
        self.assertEqual(calls[0]["name"], "other")
        name, value = self.error_of("length(a=1)")
        self.assertEqual((name, value), ("ToolError", "tool 'length' is not registered"))
        self.register(LEN)
        self.assertEqual(
            self.run_with("(length(), ToolError is t.ToolError)")[0].text, "({}, True)"
        )

    def test_the_module_can_be_reloaded_and_found_again(self) -> None:
        code = (
            "import importlib, sys, _platform_tools as t\n"
            "again = importlib.reload(t)\ndel sys.modules['cellblock_tools']\n"
            "import cellblock_tools as c\n(again is t, c is t, t.echo(a=1))"
        )
        self.assertEqual(self.run_with(code)[0].text, "(True, True, {'a': 1})")

    def test_names_of_internals_break_nothing(self) -> None:
        names = ["_call", "_function", "turn", "frames", "call", "type", "print", "register"]
        self.register(*({"name": name, "doc": ""} for name in names))
        code = (
            "from _platform_tools import *\nimport _platform_tools as t\nprint(a=1)\nt._call(b=2)"
        )
        turn, calls = self.run_with(code)
        self.assertEqual(turn.text, "{'b': 2}")
        self.assertEqual([call["name"] for call in calls], ["print", "_call"])
        self.kernel.run("del print")
        self.assert_works()

    def test_there_is_no_module_before_it_is_registered(self) -> None:
        with driver.Kernel() as kernel:
            turn = kernel.run("import _platform_tools")
            self.assertEqual(turn.error_name, "ModuleNotFoundError")

    def test_an_interrupt_ends_the_wait_and_a_late_answer_is_nobodys(self) -> None:
        token = self.kernel.begin("import _platform_tools as t\nt.echo()")
        call = self.next_call(token)
        self.kernel.interrupt()
        self.assertEqual(self.kernel.finish(token).status, "interrupted")
        self.answer(token, call, content("late"))
        turn, calls = self.run_with("t.echo(a=2)")
        self.assertEqual((turn.text, calls[0]["call"]), ("{'a': 2}", 1))

    def test_an_answer_after_an_interrupt_that_was_caught_is_nobodys(self) -> None:
        code = (
            "import _platform_tools as t\ntry:\n    t.echo(a=1)\nexcept KeyboardInterrupt:\n"
            "    pass\nt.echo(a=2)"
        )
        token = self.kernel.begin(code)
        first = self.next_call(token)
        self.kernel.interrupt()
        second = self.next_call(token)
        self.assertEqual((first["call"], second["call"]), (1, 2))
        self.answer(token, first, content("late"))
        self.answer(token, second, content("mine"))
        self.assertEqual(self.kernel.finish(token).text, "'mine'")

    def test_wrong_answers_are_dropped(self) -> None:
        token = self.kernel.begin("import _platform_tools as t\nt.echo(a=1)")
        call = self.next_call(token)
        self.answer(token + 1, call, content("another turn's"))
        for number in [0, 7, None, "1"]:
            self.kernel.send(TOOL_REPLY, token, {"call": number, **content("nobody's")})
        self.answer(token, call, content("right"))
        self.assertEqual(self.kernel.finish(token).text, "'right'")
        self.assert_works()


THREADS = """
import threading, _platform_tools as t
found = {}
def work(n):
    try:
        found[n] = t.echo(n=n)['n']
    except t.ToolError as problem:
        found[n] = str(problem)
threads = [threading.Thread(target=work, args=(n,)) for n in range(%d)]
for each in threads: each.start()
"""
JOIN = "for each in threads: each.join()\n"


class ThreadsTest(Calls, KernelCase):
    """Several calls at once."""

    def setUp(self) -> None:
        super().setUp()
        self.register(ECHO)

    def test_answers_come_in_any_order(self) -> None:
        token = self.kernel.begin(THREADS % 8 + JOIN + "sorted(found.items())")
        calls = [self.next_call(token) for _ in range(8)]
        for call in reversed(calls):
            self.answer(token, call, echo(call))
        self.assertEqual(self.kernel.finish(token).text, str([(n, n) for n in range(8)]))

    def test_what_is_too_much_at_once_waits(self) -> None:
        token = self.kernel.begin(THREADS % 30 + JOIN + "len(found)")
        waiting = [self.next_call(token) for _ in range(8)]
        for _ in range(22):
            self.answer(token, waiting[-1], echo(waiting.pop()))
            waiting.append(self.next_call(token))
        for call in waiting:
            self.answer(token, call, echo(call))
        self.assertEqual(self.kernel.finish(token).text, "30")

    def test_calls_made_by_threads_go_on_while_the_cell_waits_for_input(self) -> None:
        token = self.kernel.begin(
            THREADS % 3 + "line = input()\n" + JOIN + "(line, len(found))", allow_input=True
        )
        kinds = []
        for _ in range(4):
            kind, _, body = self.kernel.frame()
            kinds.append(kind)
            if kind == TOOL_CALL:
                self.answer(token, body, echo(parsed(body)))
        self.assertEqual(sorted(kinds), [69, TOOL_CALL, TOOL_CALL, TOOL_CALL])
        self.kernel.send(6, token, {"value": "x"})
        self.assertEqual(self.kernel.finish(token).text, "('x', 3)")

    def test_the_end_of_the_turn_ends_what_threads_wait_for(self) -> None:
        token = self.kernel.begin(THREADS % 10 + "input()", allow_input=True)
        # Ten threads, and places for eight.
        frames = [self.kernel.frame() for _ in range(9)]
        calls = [body for kind, _, body in frames if kind == TOOL_CALL]
        self.kernel.send(6, token, {"value": ""})
        self.kernel.finish(token)
        for call in calls:
            self.answer(token, call, content("late"))
        turn = self.kernel.run(JOIN + "sorted(set(found.values()))")
        self.assertEqual(
            (len(calls), turn.text), (8, "['the turn ended before the tool answered']")
        )
        self.assert_works()

    def test_a_thread_cannot_call_between_turns(self) -> None:
        code = (
            "import threading, time, _platform_tools as t\n"
            "def work():\n    global found\n    go.wait()\n    time.sleep(0.2)\n    try:\n"
            "        t.echo()\n    except t.ToolError as problem:\n        found = str(problem)\n"
            "go = threading.Event()\nthread = threading.Thread(target=work)\nthread.start()\n"
            "go.set()"
        )
        self.kernel.run(code)
        time.sleep(0.6)
        turn = self.kernel.run("thread.join()\nfound")
        self.assertIn("while a turn is in flight", turn.text)

    def test_coroutines_call_from_threads_and_plainly(self) -> None:
        code = (
            "import asyncio, _platform_tools as t\n"
            "found = await asyncio.gather(*(asyncio.to_thread(t.echo, n=n) for n in range(20)))\n"
            "[each['n'] for each in found] + [t.echo(n='plain')['n']]"
        )
        turn, calls = self.run_with(code)
        self.assertEqual(turn.text, str([*range(20), "plain"]))
        self.assertEqual(len(calls), 21)

    def test_large_answers_reach_each_their_own(self) -> None:
        code = THREADS % 8 + JOIN + "[len(found[n]) for n in range(8)]"
        token = self.kernel.begin(code.replace("['n']", ""))
        calls = [self.next_call(token) for _ in range(8)]
        for call in calls:
            self.answer(token, call, content("x" * (1 + call["input"]["n"]) * 100_000))
        sizes = [(1 + n) * 100_000 for n in range(8)]
        self.assertEqual(self.kernel.finish(token).text, str(sizes))

    def test_an_interrupt_ends_a_wait_for_threads(self) -> None:
        token = self.kernel.begin(THREADS % 2 + JOIN)
        for _ in range(2):
            self.next_call(token)
        self.kernel.interrupt()
        self.assertEqual(self.kernel.finish(token).status, "interrupted")
        self.assert_works()


class HostileTest(Calls, KernelCase):
    """Code that makes it hard."""

    def setUp(self) -> None:
        super().setUp()
        self.register(ECHO)

    def test_a_forked_child_has_no_tools(self) -> None:
        code = (
            "import os, _platform_tools as t\npid = os.fork()\n"
            "if pid == 0:\n    try:\n        t.echo()\n    except t.ToolError as problem:\n"
            "        os._exit(7 if 'another process' in str(problem) else 8)\n"
            "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n(status, t.echo(a=1))"
        )
        self.assertEqual(self.run_with(code)[0].text, "(7, {'a': 1})")

    def test_a_fork_while_calls_are_in_flight_disturbs_nothing(self) -> None:
        code = THREADS % 4 + (
            "import os\npid = os.fork()\nif pid == 0:\n    try:\n        t.echo()\n"
            "    except t.ToolError:\n        os._exit(7)\n"
            "status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        )
        turn, calls = self.run_with(code + JOIN + "(status, len(found))")
        self.assertEqual((turn.text, len(calls)), ("(7, 4)", 4))
        self.assert_works()

    def test_a_program_of_its_own_has_no_tools(self) -> None:
        code = (
            "import subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', 'import _platform_tools']).returncode"
        )
        turn = self.kernel.run(code)
        self.assertEqual(turn.text, "1")
        self.assertIn("No module named '_platform_tools'", turn.stderr)

    def test_patched_modules_disturb_nothing(self) -> None:
        code = (
            "import builtins, json, os, select, threading, _platform_tools as t\n"
            "for module, names in [(os, ['read', 'write', 'pipe', 'close']), (select, ['poll']),\n"
            "                      (json, ['dumps', 'loads']), (threading, ['RLock'])]:\n"
            "    for name in names: setattr(module, name, None)\n"
            "for name in ['len', 'type', 'isinstance', 'dict', 'list', 'Exception']:\n"
            "    setattr(builtins, name, None)\n"
            "t.echo(a=1)"
        )
        turn, _ = self.run_with(code)
        self.assertEqual((turn.status, turn.text), ("ok", "{'a': 1}"))

    def test_a_signal_handler_may_call_while_another_call_waits(self) -> None:
        code = (
            "import signal, _platform_tools as t\nfound = []\n"
            "def handler(*_): found.append(t.echo(n='inner'))\n"
            "signal.signal(signal.SIGALRM, handler)\nsignal.setitimer(signal.ITIMER_REAL, 0.2)\n"
            "outer = t.echo(n='outer')\n(found, outer)"
        )
        token = self.kernel.begin(code)
        outer = self.next_call(token)
        inner = self.next_call(token)
        self.answer(token, outer, echo(outer))
        self.answer(token, inner, echo(inner))
        self.assertEqual(self.kernel.finish(token).text, "([{'n': 'inner'}], {'n': 'outer'})")

    def test_the_number_of_calls_is_bounded(self) -> None:
        code = (
            "import _platform_tools as t\nfound = 0\ntry:\n    while True:\n        t.echo()\n"
            "        found += 1\nexcept t.ToolError as problem:\n    pass\nfound"
        )
        turn, calls = self.run_with(code)
        self.assertEqual((turn.text, len(calls)), ("10000", 10_000))
        self.assertEqual(self.run_with("t.echo(a=1)")[0].text, "{'a': 1}")

    def test_looking_at_objects_calls_nothing(self) -> None:
        self.kernel.run(
            "import _platform_tools as t\nclass Sly:\n    def __repr__(self):\n"
            "        t.echo()\n        return 'sly'\nsly = Sly()"
        )
        reply = self.kernel.ask(driver.INSPECT, code="sly", cursor=2, detail=0)
        self.assertIn("found", reply)
        self.assert_works()

    def test_no_pipes_are_left(self) -> None:
        count = "import os, _platform_tools as t\nlen(os.listdir('/proc/self/fd'))"
        before = self.kernel.run(count).text
        self.run_with(THREADS % 20 + JOIN)
        self.run_with("for _ in range(50): t.echo()")
        self.assertEqual(self.kernel.run(count).text, before)

    def test_nonsense_from_the_host_ends_it(self) -> None:
        for body in ({}, {"tools": [1]}, {"tools": [{"name": "a"}]}, {"tools": [{"name": 1}]}):
            with driver.Kernel() as kernel:
                kernel.send(TOOLS, 5, body)
                self.assertEqual(kernel.wait(), 70)


class IPythonToolsTest(Calls, IPythonCase):
    """The same under IPython."""

    def test_calls_and_errors(self) -> None:
        self.register(ECHO)
        code = "import asyncio\nfrom _platform_tools import *\nawait asyncio.to_thread(echo, a=1)"
        self.assertEqual(self.run_with(code)[0].text, "{'a': 1}")
        name, value = self.error_of(
            "echo()", lambda call: {"error": "tool 'echo' failed: HTTP 503"}
        )
        self.assertEqual((name, value), ("ToolError", "tool 'echo' failed: HTTP 503"))
        token = self.kernel.begin("echo()")
        call = self.next_call(token)
        self.kernel.interrupt()
        self.assertEqual(self.kernel.finish(token).status, "interrupted")
        self.answer(token, call, content("late"))
        self.register(LEN)
        self.assertIn("not registered", self.error_of("echo()")[1])
        self.assert_works()


if __name__ == "__main__":
    unittest.main()
