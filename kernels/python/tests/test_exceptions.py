"""Exceptions as the host side gets them."""

from __future__ import annotations

import sys
import unittest
from typing import List

from .kernel_case import KernelCase


class ExceptionTest(KernelCase):
    """Names, values, tracebacks."""

    def lines(self, code: str) -> List[str]:
        turn = self.kernel.run(code)
        assert turn.error is not None, turn.done
        return [line for line in turn.error["traceback"] if set(line.strip()) - set("~^")]

    def test_functions_of_earlier_cells_show_their_lines(self) -> None:
        self.kernel.run("def divide(a, b):\n    return a / b")
        expected = [
            "Traceback (most recent call last):",
            '  File "<cell 2>", line 1, in <module>',
            "    divide(1, 0)",
            '  File "<cell 1>", line 2, in divide',
            "    return a / b",
            "ZeroDivisionError: division by zero",
        ]
        self.assertEqual(self.lines("divide(1, 0)"), expected)

    def test_syntax_errors_point_at_the_place(self) -> None:
        turn = self.kernel.run("x = 1\nx = = 2")
        assert turn.error is not None
        self.assertEqual(turn.error["name"], "SyntaxError")
        lines = turn.error["traceback"]
        self.assertEqual(lines[:2], ['  File "<cell 1>", line 2', "    x = = 2"])
        self.assertEqual(lines[2].strip()[0], "^")
        self.assertTrue(lines[-1].startswith("SyntaxError: "))

    def test_a_cell_that_does_not_compile_runs_no_statement(self) -> None:
        self.kernel.run("x = 5\nreturn 6")
        self.assertEqual(self.kernel.run("x").error_name, "NameError")

    def test_causes_and_contexts(self) -> None:
        code = "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise KeyError('k') from e"
        lines = self.lines(code)
        self.assertIn("ZeroDivisionError: division by zero", lines)
        self.assertIn("KeyError: 'k'", lines)
        self.assertTrue(any("direct cause" in line for line in lines))

    def test_no_frame_of_the_kernel_is_shown(self) -> None:
        code = (
            "class A:\n    def __repr__(self): 1/0\n"
            "try:\n    display(A())\nexcept Exception:\n    raise OSError"
        )
        self.assertNotIn("cellblock_kernel", "".join(self.lines(code)))

    @unittest.skipIf(sys.version_info < (3, 11), "there are no groups")
    def test_groups(self) -> None:
        lines = self.lines("raise ExceptionGroup('many', [ValueError(1), OSError(2)])")
        text = "\n".join(lines)
        self.assertIn("ExceptionGroup: many (2 sub-exceptions)", text)
        self.assertIn("ValueError: 1", text)

    def test_hostile_exceptions(self) -> None:
        table = [
            ("def __str__(self): 1/0", "<E whose str() failed>"),
            ("def __str__(self): raise SystemExit(5)", "<E whose str() failed>"),
            ("def __str__(self): return 5", "<E whose str() failed>"),
            ("def __str__(self): return self.__str__()", "<E whose str() failed>"),
            (
                "def __str__(self): return 'x' * (1 << 20)",
                "x" * 65536 + "... [983040 more characters]",
            ),
            ("__module__ = 5", ""),
            ("__qualname__ = 'q'", ""),
            ("def __getattribute__(self, name): 1/0", ""),
            ("__notes__ = 5", ""),
            ("__class__ = property(lambda self: 1 / 0)", ""),
        ]
        for body, value in table:
            turn = self.kernel.run("class E(Exception):\n    %s\nraise E" % body)
            self.assertEqual(turn.status, "error", body)
            assert turn.error is not None
            self.assertEqual((turn.error["name"], turn.error["value"]), ("E", value), body)
            self.assertLess(len("".join(turn.error["traceback"])), 300_000)
        self.assert_works()

    def test_cycles_and_long_chains(self) -> None:
        self.kernel.run("a, b = ValueError('a'), ValueError('b')")
        self.kernel.run("a.__cause__, b.__cause__ = b, a\nraise a")
        code = (
            "e = None\nfor i in range(5000):\n    n = ValueError(i)\n    n.__cause__ = e\n    e = n\n"
            "raise e"
        )
        turn = self.kernel.run(code)
        self.assertEqual(turn.status, "error")
        self.assert_works()

    def test_metaclasses_do_not_lie_about_the_name(self) -> None:
        code = (
            "class M(type):\n    def __getattribute__(self, name): raise OSError\n"
            "class E(Exception, metaclass=M): pass\nraise E"
        )
        self.assertEqual(self.kernel.run(code).error_name, "E")

    def test_the_debugger_finds_the_exception(self) -> None:
        self.kernel.run("1/0")
        self.assertEqual(
            self.kernel.run("import sys\nsys.last_type.__name__").text, "'ZeroDivisionError'"
        )

    def test_warnings_name_the_cell(self) -> None:
        turn = self.kernel.run("import warnings\nwarnings.warn('careful')")
        self.assertIn("<cell 1>:2: UserWarning: careful", turn.stderr)

    def test_the_compiler_warns_once(self) -> None:
        turn = self.kernel.run("import warnings\nwarnings.simplefilter('always')")
        turn = self.kernel.run("x = '\\d' % ()")
        self.assertEqual(turn.stderr.count("invalid escape sequence"), 1, turn.stderr)


if __name__ == "__main__":
    unittest.main()
