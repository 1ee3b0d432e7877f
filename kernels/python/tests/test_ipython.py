"""What hostile cells do to a kernel with IPython, and what only IPython has."""

from __future__ import annotations

import unittest

from . import driver
from .kernel_case import IPythonCase


class IPythonTest(IPythonCase):
    """By IPython's shell."""

    def test_cells_that_break_their_own_surroundings(self) -> None:
        cells = (
            "import builtins\nbuiltins.print = None",
            "import sys\ndel sys.modules['__main__']",
            "import sys\nsys.stdout.close(); sys.stderr.close()",
            "import sys\ndel sys.stdout, sys.stderr",
            "import os\nos.closerange(0, 3)",
            "del get_ipython, In, Out, _",
            "%reset -f",
        )
        for code in cells:
            # IPython itself may stumble over what is gone, in this turn.
            self.assertIn(self.kernel.run(code).status, ("ok", "error"), code)
            turn = self.kernel.run("import os\nos.write(1, b'x')\n6 * 7")
            self.assertEqual((turn.status, turn.text, turn.stdout), ("ok", "42", "x"), code)
        self.assertEqual(self.kernel.run("1/0").error_name, "ZeroDivisionError")

    def test_forked_children_end_with_their_cell(self) -> None:
        code = (
            "import os\npid = os.fork()\nif pid == 0:\n    display('child')\n%s\n"
            "os.waitpid(pid, 0)[1] >> 8"
        )
        for ending, status in (("", 0), ("    1/0", 1), ("    raise SystemExit(5)", 5)):
            turn = self.kernel.run(code % ending)
            if ending:
                self.assertEqual(turn.text, str(status))
            self.assertEqual(turn.displays, [])
        self.assertEqual(self.kernel.run("5").text, "5")

    def test_death_is_seen(self) -> None:
        token = self.kernel.begin("import os\nos._exit(3)")
        with self.assertRaises(driver.Ended):
            self.kernel.finish(token)
        self.assertEqual(self.kernel.wait(), 3)

    def test_earlier_cells_show_their_lines(self) -> None:
        self.kernel.run("def divide(a, b):\n    return a / b")
        turn = self.kernel.run("divide(1, 0)")
        assert turn.error is not None
        self.assertIn("    return a / b", turn.error["traceback"])
        self.assertNotIn("site-packages", "".join(turn.error["traceback"]))

    def test_history_and_counts(self) -> None:
        self.kernel.run("6 * 7")
        self.assertEqual(self.kernel.run("_ + 1, _1, In[1], Out[1]").text, "(43, 42, '6 * 7', 42)")
        self.kernel.run("x = 5", silent=True)
        turn = self.kernel.run("x")
        assert turn.result is not None
        self.assertEqual((turn.result["count"], turn.done["count"]), (3, 3))

    def test_what_ipython_reads_beyond_python(self) -> None:
        table = [
            ("pwd", "'"),
            ("  6 * 7", "42"),
            (">>> 6 * 7", "42"),
            ("x = %pwd\nx[0]", "'/'"),
        ]
        for code, expected in table:
            self.assertIn(expected, self.kernel.run(code).text, code)
        self.assertEqual(self.kernel.run("exit").status, "exit")

    def test_transformers_of_the_users(self) -> None:
        self.kernel.run(
            "ip = get_ipython()\n"
            "ip.input_transformers_post.append(\n"
            "    lambda lines: [line.replace('SEVEN', '7') for line in lines])"
        )
        self.assertEqual(self.kernel.run("SEVEN + 1").text, "8")

    def test_display_of_its_own_objects(self) -> None:
        turn = self.kernel.run("from IPython.display import Image\nImage(data=b'\\x89PNG')")
        assert turn.result is not None
        self.assertEqual(turn.result["data"]["image/png"], "iVBORw==")

    def test_a_repr_that_fails_is_the_error_of_the_cell(self) -> None:
        turn = self.kernel.run("class A:\n    def __repr__(self): 1/0\nA()")
        self.assertEqual((turn.status, turn.error_name), ("error", "ZeroDivisionError"))

    def test_scripts_see_no_ipython(self) -> None:
        code = "import sys\nprint('__IPYTHON__' in vars(__builtins__), 'get_ipython' in globals())"
        self.kernel.send(driver.SCRIPT, 1, {"code": code, "argv": [], "name": "-c"})
        self.assertEqual(self.kernel.wait_reading(), 0)
        self.assertEqual(self.kernel.take_output()[0], "False False\n")


if __name__ == "__main__":
    unittest.main()
