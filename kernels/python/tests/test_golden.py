"""The table of cells that clients of notebook kernels know, with IPython and without it.

Each row is a cell, what it is about, and what has to come back. It holds for both kinds of
kernel; only how `HTML` is imported differs.
"""

from __future__ import annotations

import base64
import os
import unittest
from typing import Any, Dict

from .driver import Turn
from .kernel_case import KernelCase, SharedKernelCase, ipython_python

PNG = b"\x89PNG\r\n\x1a\n"


class Golden:
    """The rows. Mixed into a case for each kind of kernel."""

    kernel: Any
    assertEqual: Any
    assertIn: Any
    assertTrue: Any
    assertIsNone: Any
    assertNotIn: Any

    def test_print(self) -> None:
        turn = self.kernel.run("print('hi')")
        self.assertEqual((turn.stdout, turn.stderr, turn.result), ("hi\n", "", None))

    def test_last_expression(self) -> None:
        before = self.kernel.run("x = 41").done["count"]
        self.kernel.run("pass")
        turn = self.kernel.run("x+1")
        expected = {"data": {"text/plain": "42"}, "metadata": {}, "count": before + 2}
        self.assertEqual(turn.result, expected)
        self.assertEqual(turn.stdout, "")

    def test_object_with_html(self) -> None:
        turn = self.kernel.run(
            "class A:\n"
            "    def __repr__(self): return 'plain'\n"
            "    def _repr_html_(self): return '<b>rich</b>'\n"
            "A()"
        )
        self.assertEqual(turn.result["data"], {"text/plain": "plain", "text/html": "<b>rich</b>"})

    def test_display_html(self) -> None:
        turn = self.kernel.run("from IPython.display import HTML\ndisplay(HTML('<b>x</b>'))")
        [shown] = turn.displays
        self.assertEqual(sorted(shown["data"]), ["text/html", "text/plain"])
        self.assertEqual(shown["data"]["text/html"], "<b>x</b>")
        self.assertIsNone(turn.result)

    def test_figure_without_show(self) -> None:
        self.assert_one_figure(self.kernel.run("import matplotlib.pyplot as plt\nplt.plot([1]);"))

    def test_figure_with_show(self) -> None:
        turn = self.kernel.run(
            "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint(plt.get_fignums())"
        )
        self.assert_one_figure(turn)
        self.assertEqual((turn.stdout, turn.stderr), ("[]\n", ""))

    def assert_one_figure(self, turn: Turn) -> None:
        self.assertEqual(turn.status, "ok")
        [shown] = turn.displays
        self.assertEqual(sorted(shown["data"]), ["image/png", "text/plain"])
        self.assertTrue(base64.b64decode(shown["data"]["image/png"]).startswith(PNG))
        self.assertEqual(shown["data"]["text/plain"], "<Figure size 640x480 with 1 Axes>")

    def test_dataframe(self) -> None:
        turn = self.kernel.run("import pandas\npandas.DataFrame({'a': [1]})")
        self.assertEqual(turn.text, "   a\n0  1")
        self.assertIn("<table", turn.result["data"]["text/html"])

    def test_exception(self) -> None:
        turn = self.kernel.run("x = 0\n1 / x")
        self.assertEqual((turn.status, turn.stdout, turn.stderr), ("error", "", ""))
        self.assertEqual(turn.error["name"], "ZeroDivisionError")
        self.assertEqual(turn.error["value"], "division by zero")
        traceback = [line for line in turn.error["traceback"] if set(line.strip()) - set("~^")]
        self.assertEqual(
            traceback,
            [
                "Traceback (most recent call last):",
                '  File "<cell %d>", line 2, in <module>' % turn.done["count"],
                "    1 / x",
                "ZeroDivisionError: division by zero",
            ],
        )

    def test_exit(self) -> None:
        for code, status in (("3", 3), ("", 0), ("None", 0), ("True", 1), ("256 + 7", 7)):
            turn = self.kernel.run("import sys\nsys.exit(%s)" % code)
            self.assertEqual((turn.status, turn.done["exit_code"]), ("exit", status), code)
            self.assertIsNone(turn.error)
        turn = self.kernel.run("raise SystemExit('words')")
        self.assertEqual((turn.done["exit_code"], turn.stderr), (1, "words\n"))
        self.assertEqual(self.kernel.run("exit(4)").done["exit_code"], 4)
        self.assertEqual(self.kernel.run("sys.stdin.closed, 5").text, "(False, 5)")

    def test_clear_output(self) -> None:
        turn = self.kernel.run(
            "from IPython.display import clear_output\nclear_output()\nclear_output(wait=True)"
        )
        self.assertEqual(turn.clears, [{"wait": False}, {"wait": True}])
        self.assertEqual(turn.stdout, "")

    def test_update_display(self) -> None:
        turn = self.kernel.run(
            "handle = display('a', display_id='one')\nhandle.update('b')\n"
            "from IPython.display import update_display\nupdate_display('c', display_id='one')"
        )
        seen = [
            (each["data"]["text/plain"], each["display_id"], each["update"])
            for each in turn.displays
        ]
        expected = [("'a'", "one", False), ("'b'", "one", True), ("'c'", "one", True)]
        self.assertEqual(seen, expected)

    def test_command(self) -> None:
        turn = self.kernel.run("!echo out; echo err >&2; exit 3")
        self.assertEqual((turn.status, turn.stdout, turn.stderr), ("ok", "out\nerr\n", ""))
        self.assertEqual(self.kernel.run("_exit_code").text, "3")

    def test_pip(self) -> None:
        turn = self.kernel.run("x = 1\n%pip --version\nx")
        self.assertIn("pip ", turn.stdout)
        note = "Note: you may need to restart the kernel to use updated packages.\n"
        self.assertTrue(turn.stdout.endswith(note), turn.stdout)
        self.assertEqual(turn.text, "1")

    def test_failing_pip_is_no_exception(self) -> None:
        turn = self.kernel.run("%pip nonsense")
        self.assertEqual((turn.status, turn.error), ("ok", None))
        self.assertIn("nonsense", turn.stdout)

    def test_unknown_magic(self) -> None:
        for code in ("%nonsense", "%%nonsense\nbody"):
            turn = self.kernel.run(code)
            self.assertEqual((turn.status, turn.error_name), ("error", "UsageError"))
            self.assertIn("nonsense", turn.error["value"])
            self.assertEqual(len(turn.error["traceback"]), 1)

    def test_await(self) -> None:
        self.assertEqual(self.kernel.run("import asyncio\nawait asyncio.sleep(0, 7)").text, "7")

    def test_input(self) -> None:
        turn = self.kernel.run("input('name? ')", "Ada", allow_input=True)
        self.assertEqual(turn.text, "'Ada'")
        self.assertEqual(turn.prompts, [{"prompt": "name? ", "password": False}])
        turn = self.kernel.run("input('name? ')")
        self.assertEqual((turn.error_name, turn.prompts), ("EOFError", []))

    def test_output_of_processes(self) -> None:
        turn = self.kernel.run("import os, subprocess\nos.system('echo a')\nos.system('echo b');")
        self.assertEqual(turn.stdout, "a\nb\n")

    def test_large_output(self) -> None:
        turn = self.kernel.run("print('x' * 2_000_000)")
        self.assertEqual(len(turn.stdout), 2_000_001)

    def test_magics(self) -> None:
        table: Dict[str, str] = {
            "%cd -q /\n%pwd": "'/'",
            "%env CELL=block\nimport os\nos.environ['CELL']": "'block'",
            "found = !printf 'a\\nb\\n'\nlist(found), found.n": "(['a', 'b'], 'a\\nb')",
            "name = 'x'\nfound = !echo {name}{1 + 1} $name\nfound[0]": "'x2 x'",
            "%time 6 * 7": "42",
            "%%time\nx = 6\nx * 7": "42",
            "text = '''\n%cd /tmp\n!false\n'''\nlen(text)": "17",
        }
        for code, expected in table.items():
            turn = self.kernel.run(code)
            self.assertEqual(turn.status, "ok", (code, turn.error))
            self.assertEqual(turn.text, expected, code)

    def test_script_magics(self) -> None:
        turn = self.kernel.run("%%bash\necho out\necho err >&2")
        self.assertEqual((turn.stdout, turn.stderr), ("out\n", "err\n"))
        self.assertEqual(self.kernel.run("%%sh\nexit 3").error_name, "CalledProcessError")

    def test_timeit(self) -> None:
        turn = self.kernel.run("%timeit -n 10 -r 2 pass")
        self.assertIn("mean \u00b1 std. dev. of 2 runs, 10 loops each", turn.stdout)

    def test_help(self) -> None:
        turn = self.kernel.run("def add(a, b):\n    'Adds two.'\n    return a + b\nadd?")
        self.assertIn("Adds two.", turn.stdout)
        self.assertIn("add(a, b)", turn.stdout)
        self.assertIn("return a + b", self.kernel.run("add??").stdout)
        self.assertIn("not found", self.kernel.run("missing?").stdout)

    def test_completion_and_inspection(self) -> None:
        self.kernel.run("alphabet = 'abc'")
        reply = self.kernel.ask(4, code="x = alpha", cursor=9)
        self.assertEqual((reply["matches"], reply["start"], reply["end"]), (["alphabet"], 4, 9))
        reply = self.kernel.ask(5, code="alphabet", cursor=4, detail=0)
        self.assertTrue(reply["found"])
        self.assertIn("str", reply["data"]["text/plain"])
        self.assertEqual(self.kernel.ask(5, code="missing", cursor=3)["found"], False)

    def test_no_colours(self) -> None:
        turn = self.kernel.run("def f(): 1/0\nf()")
        self.assertNotIn("\x1b", "".join(turn.error["traceback"]))


class IPythonGoldenTest(Golden, SharedKernelCase):
    """By IPython's shell."""

    options = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.python = ipython_python()
        super().setUpClass()

    def test_it_is_ipython(self) -> None:
        self.assertEqual(self.kernel.ready["ipython"], True)
        self.assertEqual(self.kernel.run("type(get_ipython()).__name__").text, "'Interactive'")

    def test_it_leaves_nothing_behind(self) -> None:
        turn = self.kernel.run("import os, threading\nthreading.active_count()")
        self.assertEqual(turn.text, "1")
        turn = self.kernel.run("os.path.exists(os.path.expanduser('~/.ipython/profile_default'))")
        before = os.path.exists(os.path.expanduser("~/.ipython/profile_default"))
        self.assertEqual(turn.text, str(before))


class PlainGoldenTest(Golden, SharedKernelCase):
    """By the small shell, in the same environment: with matplotlib and pandas, not IPython."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.python = ipython_python()
        super().setUpClass()

    def test_it_is_not_ipython(self) -> None:
        self.assertEqual(self.kernel.ready["ipython"], False)
        self.assertEqual(self.kernel.run("get_ipython").error_name, "NameError")


class BareGoldenTest(Golden, KernelCase):
    """By the small shell in the interpreter that runs the tests, which may have no library."""

    def setUp(self) -> None:
        super().setUp()
        for name in ("matplotlib", "pandas", "pip"):
            found = self.kernel.run("import " + name, silent=True).status == "ok"
            if not found and self.needs(name):
                self.skipTest("there is no " + name)

    def needs(self, library: str) -> bool:
        words = {"matplotlib": "figure", "pandas": "dataframe", "pip": "pip"}
        return words[library] in self.id()


if __name__ == "__main__":
    unittest.main()
