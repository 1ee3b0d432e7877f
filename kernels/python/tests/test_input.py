"""Input from the caller."""

from __future__ import annotations

import unittest

from .kernel_case import KernelCase


class InputTest(KernelCase):
    """``input``, ``getpass`` and stdin."""

    def test_answers(self) -> None:
        turn = self.kernel.run(
            "a = input('a? ')\nb = input()\n(a, b)", "1", "\u00e9", allow_input=True
        )
        self.assertEqual(turn.text, "('1', '\u00e9')")
        self.assertEqual([each["prompt"] for each in turn.prompts], ["a? ", ""])

    def test_a_password_is_asked_for_as_one(self) -> None:
        turn = self.kernel.run(
            "import getpass\ngetpass.getpass('pw: ')", "secret", allow_input=True
        )
        self.assertEqual(turn.prompts, [{"prompt": "pw: ", "password": True}])
        self.assertEqual(turn.text, "'secret'")

    def test_the_end_of_input(self) -> None:
        turn = self.kernel.run("input()", None, allow_input=True)
        self.assertEqual(turn.error_name, "EOFError")

    def test_refused_at_once(self) -> None:
        turn = self.kernel.run("input('name? ')")
        assert turn.error is not None
        self.assertEqual(turn.error["value"], "input is not available in this session")
        self.assertEqual(turn.prompts, [])
        self.assertEqual(
            self.kernel.run("import getpass\ngetpass.getpass()").error_name, "EOFError"
        )

    def test_stdin_is_at_its_end(self) -> None:
        self.assertEqual(self.kernel.run("import sys\nsys.stdin.read()").text, "''")
        self.assertEqual(self.kernel.run("import os\nos.read(0, 1)").text, "b''")

    def test_a_replaced_stdin_is_read(self) -> None:
        code = "import io, sys\nsys.stdin = io.StringIO('one\\ntwo')\n[input('? '), input()]"
        turn = self.kernel.run(code)
        self.assertEqual((turn.text, turn.stdout), ("['one', 'two']", "? "))
        self.assertEqual(self.kernel.run("input()").error_name, "EOFError")

    def test_a_forked_child_may_not_ask(self) -> None:
        code = (
            "import os\npid = os.fork()\n"
            "if pid == 0:\n    try:\n        input()\n    except EOFError:\n        os._exit(7)\n"
            "os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
        )
        self.assertEqual(self.kernel.run(code, allow_input=True).text, "7")

    def test_output_before_the_question_is_seen_before_it(self) -> None:
        token = self.kernel.begin("print('a', end='')\ninput()", allow_input=True)
        self.kernel.frame()
        self.assertEqual(self.kernel.take_output()[0], "a")
        self.kernel.send(6, token, {"value": ""})
        self.assertEqual(self.kernel.finish(token).status, "ok")

    def test_an_answer_to_another_turn_is_ignored(self) -> None:
        token = self.kernel.begin("input()", allow_input=True)
        self.kernel.frame()
        self.kernel.send(6, token + 1, {"value": "wrong"})
        self.kernel.send(6, token, {"value": "right"})
        self.assertEqual(self.kernel.finish(token).text, "'right'")

    def test_any_other_frame_instead_of_an_answer_ends_it(self) -> None:
        token = self.kernel.begin("input()", allow_input=True)
        self.kernel.frame()
        self.kernel.send(2, token, {"code": "1"})
        self.assertEqual(self.kernel.wait(), 70)


if __name__ == "__main__":
    unittest.main()
