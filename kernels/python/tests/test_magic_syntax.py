"""What is a magic and what is Python."""

from __future__ import annotations

import unittest

from cellblock_kernel.magic_syntax import CALL, transform


class TransformTest(unittest.TestCase):
    """A table of cells and the Python that they become."""

    def test_magics(self) -> None:
        table = [
            ("%cd /tmp", "M.run_line_magic('cd', '/tmp')\n"),
            ("%pwd", "M.run_line_magic('pwd', '')\n"),
            ("x = 1\n  \n%pwd\ny", "x = 1\n  \nM.run_line_magic('pwd', '')\ny"),
            ("if 1:\n    %pwd\n", "if 1:\n    M.run_line_magic('pwd', '')\n"),
            ("!ls -l", "M.system('ls -l')\n"),
            ("!!ls", "M.getoutput('ls')\n"),
            ("x = !ls", "x = M.getoutput('ls')\n"),
            ("a, b = !ls", "a, b = M.getoutput('ls')\n"),
            ("d['k'].x = %pwd", "d['k'].x = M.run_line_magic('pwd', '')\n"),
            ("!echo a \\\n  b\nx", "M.system('echo a    b')\n\nx"),
            ("%%bash -x\nls\n", "M.run_cell_magic('bash', '-x', 'ls\\n')\n"),
            ("\n\n%%bash\nls", "\n\nM.run_cell_magic('bash', '', 'ls')\n"),
            ("len?", "M.show_help('len', 0)\n"),
            ("a.b??", "M.show_help('a.b', 1)\n"),
            ("?len", "M.show_help('len', 0)\n"),
            ("??a.b", "M.show_help('a.b', 1)\n"),
            ("%time?", "M.show_help('%time', 0)\n"),
            ("# it's\n%pwd", "# it's\nM.run_line_magic('pwd', '')\n"),
            ("s = 'it\\'s'\n!ls", "s = 'it\\'s'\nM.system('ls')\n"),
            ("f(\n1)\n!ls", "f(\n1)\nM.system('ls')\n"),
            ("'''a\nb'''\n!ls", "'''a\nb'''\nM.system('ls')\n"),
            ("!echo '\n!echo \"", "M.system(\"echo '\")\nM.system('echo \"')\n"),
            ("!ls\r\nx", "M.system('ls')\nx"),
        ]
        for cell, expected in table:
            self.assertEqual(transform(cell), expected.replace("M.", CALL + "."), cell)

    def test_python_stays(self) -> None:
        cells = [
            "x = 5 \\\n  %3",
            "x = (5\n%3)",
            "s = '''\n%cd\n!ls\n'''",
            's = """\n%cd\n""" % ()',
            "x != 3",
            "x %= 3",
            "'%s' % x",
            "print('what?')",
            "f'{x!r}'",
            "x = 1  # !ls",
        ]
        for cell in cells:
            self.assertEqual(transform(cell), cell)

    def test_broken_python_stays_broken_python(self) -> None:
        for cell in ("x = = !ls", "f(a=!ls)", "(1\n!ls", "'''\n%pwd", "a b!", "%", "x ? y"):
            self.assertEqual(transform(cell), cell)

    def test_lines_keep_their_numbers(self) -> None:
        cell = "a\n%pwd\n!x \\\n y\nb\nc?\nd\n"
        made = transform(cell).split("\n")
        for line in ("a", "b", "d"):
            self.assertEqual(made.index(line), cell.split("\n").index(line))


if __name__ == "__main__":
    unittest.main()
