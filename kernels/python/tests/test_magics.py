"""The small shell's own magics, beyond what both shells have in common."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from .kernel_case import KernelCase


class MagicTest(KernelCase):
    """Magics and what they say."""

    def test_directories(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            real = str(Path(directory).resolve())
            self.assertEqual(self.kernel.run("%cd " + real).stdout, real + "\n")
            self.assertEqual(self.kernel.run("%pwd").text, repr(real))
            turn = self.kernel.run("%cd nowhere")
            self.assertEqual(turn.status, "ok")
            self.assertIn("No such file or directory", turn.stdout)
            self.kernel.run("%cd -q /")
            self.assertEqual(self.kernel.run("%cd -").stdout, real + "\n")
            self.kernel.run("%cd -q /")

    def test_env_vars(self) -> None:
        self.assertEqual(self.kernel.run("%env A=b c").stdout, "env: A=b c\n")
        self.assertEqual(self.kernel.run("%set_env B two").stdout, "env: B=two\n")
        self.assertEqual(self.kernel.run("%env A").text, "'b c'")
        self.assertEqual(self.kernel.run("%env['A'] + 1").error_name, "UsageError")
        self.assertEqual(self.kernel.run("env = %env\nenv['B']").text, "'two'")
        self.assertEqual(self.kernel.run("%env NOWHERE").error_name, "UsageError")
        self.assertEqual(self.kernel.run("!echo $A").stdout, "b c\n")

    def test_variables(self) -> None:
        self.assertEqual(self.kernel.run("%who").stdout, "Interactive namespace is empty.\n")
        self.kernel.run("b = 1; a = 'x'; _hidden = 2\nimport os")
        self.assertEqual(self.kernel.run("%who").stdout, "a\t b\n")
        self.assertEqual(self.kernel.run("%who int").stdout, "b\n")
        self.assertIn("str", self.kernel.run("%whos").stdout)
        self.assertEqual(self.kernel.run("%reset").stdout, "Nothing done.\n")
        self.assertEqual(self.kernel.run("a").text, "'x'")
        self.kernel.run("%reset", "y", allow_input=True)
        self.assertEqual(self.kernel.run("a").error_name, "NameError")
        self.kernel.run("a = 1\n%reset -f")
        self.assertEqual(self.kernel.run("a").error_name, "NameError")
        self.assert_works()

    def test_files(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "x.txt"
            cell = "%%writefile {}{}\none\n{{two}}\n"
            turn = self.kernel.run(cell.format("", path))
            self.assertEqual(turn.stdout, "Writing %s\n" % path)
            self.assertEqual(
                self.kernel.run(cell.format("", path)).stdout, "Overwriting %s\n" % path
            )
            self.kernel.run(cell.format("-a ", path))
            self.assertEqual(path.read_text(), "one\n{two}\n" * 2)
        self.assertEqual(self.kernel.run("%%writefile\nx").error_name, "UsageError")

    def test_commands(self) -> None:
        self.assertEqual(self.kernel.run("!cat; echo end").stdout, "end\n")
        self.assertEqual(self.kernel.run("!awk 'BEGIN {print 5}'").stdout, "5\n")
        self.assertEqual(
            self.kernel.run("name = 'x'\n!echo '$name' $name $$ \"{name!r}\"").stdout[:8],
            "$name x ",
        )
        self.assertEqual(self.kernel.run("%%script cat\n{a}\n").stdout, "{a}\n")
        self.assertEqual(self.kernel.run("x = !exit 3\nx").text, "[]")

    def test_time_and_timeit(self) -> None:
        turn = self.kernel.run("%time x = 5")
        self.assertIn("Wall time: ", turn.stdout)
        self.assertEqual(self.kernel.run("x").text, "5")
        self.assertEqual(self.kernel.run("%%timeit -n 2 -r 1 x = 1\nx += 1").status, "ok")
        self.assertEqual(self.kernel.run("r = %timeit -n 2 -r 3 -q -o pass\nr.repeat").text, "3")
        self.assertEqual(self.kernel.run("%timeit -n many pass").error_name, "UsageError")
        self.assertEqual(self.kernel.run("%timeit -z pass").error_name, "UsageError")
        self.assertEqual(self.kernel.run("%time 1/0").error_name, "ZeroDivisionError")

    def test_shown_cells(self) -> None:
        [shown] = self.kernel.run("%%html\n<b>x</b>").displays
        self.assertEqual(shown["data"]["text/html"], "<b>x</b>")
        self.assertEqual(self.kernel.run("%matplotlib inline\n5").text, "5")
        self.assertIn("%%bash", self.kernel.run("%lsmagic").stdout)

    def test_a_line_magic_for_a_cell_is_pointed_out(self) -> None:
        turn = self.kernel.run("%bash")
        assert turn.error is not None
        self.assertIn("But cell magic `%%bash` exists.", turn.error["value"])


if __name__ == "__main__":
    unittest.main()
