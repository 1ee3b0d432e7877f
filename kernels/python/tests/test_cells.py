"""Cells and what comes back for them."""

from __future__ import annotations

import tempfile
import unittest

from .kernel_case import KernelCase


class ResultTest(KernelCase):
    """State, results and counts."""

    def test_state_lasts_and_the_last_expression_is_the_result(self) -> None:
        self.assertEqual(self.kernel.run("x = 41").status, "ok")
        turn = self.kernel.run("x + 1")
        self.assertEqual(turn.text, "42")
        self.assertEqual(turn.done, {"status": "ok", "count": 2, "exit_code": None})
        self.assertEqual(turn.result, {"data": {"text/plain": "42"}, "metadata": {}, "count": 2})

    def test_which_cells_have_a_result(self) -> None:
        table = [
            ("1", "1"),
            ("1;", None),
            ("1 ; # quiet", None),
            ("(1);", None),
            ("';'", "';'"),
            ("'\u00e9' ;", None),
            ("None", None),
            ("x = 1", None),
            ("x = 1\nx", "1"),
            ("x = 1; x", "1"),
            ("for i in [1]: i", None),
            ("", None),
            ("# only a comment", None),
            ("'a' 'b'", "'ab'"),
            ("f'{1}'", "'1'"),
        ]
        for code, expected in table:
            turn = self.kernel.run(code)
            self.assertEqual(turn.status, "ok", code)
            got = None if turn.result is None else turn.text
            self.assertEqual(got, expected, code)

    def test_the_last_value_is_kept_as_underscore(self) -> None:
        self.kernel.run("40 + 2")
        self.kernel.run("x = 1")
        self.assertEqual(self.kernel.run("_").text, "42")

    def test_a_silent_cell_has_no_result_and_no_number(self) -> None:
        self.kernel.run("x = 1")
        turn = self.kernel.run("x", silent=True)
        self.assertIsNone(turn.result)
        self.assertEqual(turn.done["count"], 1)
        self.assertEqual(self.kernel.run("x").done["count"], 2)

    def test_a_plain_cell_is_no_more_than_python(self) -> None:
        for code in ("%pip list", "!ls", "await f()"):
            turn = self.kernel.run(code, plain=True)
            self.assertEqual((turn.status, turn.error["name"]), ("error", "SyntaxError"), code)
        turn = self.kernel.run("x = 41\nx + 1", plain=True)
        self.assertEqual((turn.status, turn.result), ("ok", None))
        self.assertEqual(self.kernel.run("x").text, "41")
        turn = self.kernel.run("raise SystemExit('words')", plain=True)
        self.assertEqual((turn.done["exit_code"], turn.stderr), (1, ""))

    def test_a_plain_cell_shows_no_line_of_another(self) -> None:
        options = {"plain": True, "file_name": "<code>"}
        self.kernel.run("def f():\n    raise ValueError", **options)
        turn = self.kernel.run("'some'\n'other'; f()", **options)
        lines = "\n".join(turn.error["traceback"])
        self.assertIn('File "<code>", line 2, in f', lines)
        self.assertNotIn("other", lines)

    def test_futures_last(self) -> None:
        self.kernel.run("from __future__ import annotations")
        self.assertEqual(self.kernel.run("def f(x: nowhere): pass").status, "ok")

    def test_main_is_a_module_like_any_other(self) -> None:
        code = "import __main__, pickle\nclass A: pass\nx = 3\n__main__.x, __name__, A.__module__"
        self.assertEqual(self.kernel.run(code).text, "(3, '__main__', '__main__')")
        self.assertEqual(self.kernel.run("type(pickle.loads(pickle.dumps(A()))) is A").text, "True")

    def test_nothing_of_the_kernel_is_in_the_namespace(self) -> None:
        turn = self.kernel.run("sorted(globals())")
        known = "['__builtins__', '__doc__', '__loader__', '__name__', '__package__', '__spec__']"
        self.assertEqual(turn.text.replace("\n", ""), known)

    def test_modules_of_the_working_directory_can_be_imported(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            self.kernel.run("import os\nos.chdir(%r)" % directory)
            self.kernel.run("%%writefile found_here.py\nx = 5\n")
            self.assertEqual(self.kernel.run("import found_here\nfound_here.x").text, "5")

    def test_a_replaced_displayhook_is_called(self) -> None:
        self.kernel.run("import sys\nsys.displayhook = lambda value: print('hook', value)")
        turn = self.kernel.run("5")
        self.assertIsNone(turn.result)
        self.assertEqual(turn.stdout, "hook 5\n")

    def test_a_cell_may_have_a_name(self) -> None:
        turn = self.kernel.run("1/0", file_name="query.py")
        assert turn.error is not None
        self.assertIn('  File "query.py", line 1, in <module>', turn.error["traceback"])


class AwaitTest(KernelCase):
    """Await at top level."""

    def test_await_in_a_statement_and_in_the_last_expression(self) -> None:
        code = "import asyncio\nasync def f(): return 7\nx = await f()\nawait f() + x"
        self.assertEqual(self.kernel.run(code).text, "14")

    def test_all_cells_share_one_loop(self) -> None:
        self.kernel.run("import asyncio\nloop = asyncio.get_running_loop() if False else None")
        self.kernel.run("async def get(): return asyncio.get_running_loop()\nfirst = await get()")
        self.kernel.run("event = asyncio.Event()\ntask = first.create_task(event.wait())")
        turn = self.kernel.run("event.set()\n(await task, first is await get())")
        self.assertEqual(turn.text, "(True, True)")

    def test_async_for_and_with(self) -> None:
        code = (
            "async def numbers():\n    yield 1\n    yield 2\n"
            "found = []\nasync for n in numbers():\n    found.append(n)\n"
            "[n async for n in numbers()], found"
        )
        self.assertEqual(self.kernel.run(code).text, "([1, 2], [1, 2])")

    def test_asyncio_run_works_beside_it(self) -> None:
        self.kernel.run("import asyncio\nawait asyncio.sleep(0)")
        self.assertEqual(self.kernel.run("asyncio.run(asyncio.sleep(0, 5))").text, "5")
        self.assertEqual(self.kernel.run("await asyncio.sleep(0, 6)").text, "6")

    def test_exceptions_come_through(self) -> None:
        turn = self.kernel.run("async def f(): 1/0\nawait f()")
        self.assertEqual(turn.error_name, "ZeroDivisionError")


class OutputTest(KernelCase):
    """Output as it is written."""

    def test_all_ways_to_write_reach_the_streams(self) -> None:
        code = (
            "import os, subprocess, sys\n"
            "print('a')\nos.write(1, b'b\\n')\nos.system('echo c; echo d >&2')\n"
            "subprocess.run(['echo', 'e'])\nsys.stdout.buffer.write(b'\\xff\\n')\n"
            "sys.__stdout__.write('f')\nprint('g', file=sys.stderr);"
        )
        turn = self.kernel.run(code)
        self.assertEqual(turn.stdout, "a\nb\nc\ne\n\ufffd\nf")
        self.assertEqual(turn.stderr, "d\ng\n")

    def test_output_of_c_code_is_flushed(self) -> None:
        turn = self.kernel.run("import ctypes\nctypes.CDLL(None).printf(b'from C');")
        self.assertEqual(turn.stdout, "from C")

    def test_a_line_is_seen_while_the_cell_runs(self) -> None:
        token = self.kernel.begin("print('early')\nx = input('go? ')", allow_input=True)
        kind, _, _ = self.kernel.frame()
        self.assertEqual(kind, 69)
        self.assertEqual(self.kernel.take_output()[0], "early\n")
        self.kernel.send(6, token, {"value": ""})
        self.kernel.finish(token)

    def test_a_late_thread_writes_into_the_turn_in_flight(self) -> None:
        self.kernel.run(
            "import threading\ngo = threading.Event()\n"
            "def late():\n    go.wait()\n    print('late')\n    display('dropped?')\n"
            "thread = threading.Thread(target=late)\nthread.start()"
        )
        turn = self.kernel.run("go.set()\nthread.join()")
        self.assertEqual(turn.stdout, "late\n")
        self.assertEqual(len(turn.displays), 1)

    def test_what_a_thread_displays_between_turns_goes_nowhere(self) -> None:
        self.kernel.run(
            "import threading, time\n"
            "def late():\n    time.sleep(0.2)\n    display('late')\n    print('shown')\n"
            "thread = threading.Thread(target=late)\nthread.start()"
        )
        self.kernel.wait_for_output("shown")
        turn = self.kernel.run("thread.join()\n1")
        self.assertEqual((turn.text, turn.displays), ("1", []))


if __name__ == "__main__":
    unittest.main()
