"""Interrupts: user code stops, the state stays."""

from __future__ import annotations

import time
import unittest

from .driver import Turn
from .kernel_case import IPythonCase, KernelCase


class Interrupts:
    """What holds for both kinds of kernel."""

    def interrupted(self, code: str) -> Turn:
        """Interrupts a cell once it has printed `go`."""
        token = self.kernel.begin(code)  # type: ignore[attr-defined]
        self.kernel.wait_for_output("go")  # type: ignore[attr-defined]
        self.kernel.interrupt()  # type: ignore[attr-defined]
        turn: Turn = self.kernel.finish(token)  # type: ignore[attr-defined]
        return turn


class InterruptTest(Interrupts, KernelCase):
    """Interrupts at every place where a turn may be."""

    def test_a_loop_and_a_sleep_stop_and_state_stays(self) -> None:
        for wait in ("while True: pass", "import time\ntime.sleep(60)"):
            turn = self.interrupted("x = 5\nprint('go')\n" + wait)
            self.assertEqual((turn.status, turn.error_name), ("interrupted", "KeyboardInterrupt"))
            self.assertEqual(self.kernel.run("x").text, "5")
        self.assert_works()

    def test_output_before_it_arrives(self) -> None:
        code = "import os\nprint('half', end='')\nos.write(1, b'go')\nwhile True: pass"
        self.assertEqual(self.interrupted(code).stdout, "gohalf")

    def test_user_code_may_catch_it(self) -> None:
        code = (
            "try:\n    print('go')\n    while True: pass\n"
            "except KeyboardInterrupt:\n    x = 'caught'"
        )
        self.assertEqual(self.interrupted(code).status, "ok")
        self.assertEqual(self.kernel.run("x").text, "'caught'")

    def test_an_awaiting_cell_stops_and_its_finally_runs(self) -> None:
        code = (
            "import asyncio\nasync def f():\n    try:\n        print('go')\n"
            "        await asyncio.sleep(60)\n    finally:\n        print('cleaned')\nawait f()"
        )
        turn = self.interrupted(code)
        self.assertEqual((turn.status, turn.stdout), ("interrupted", "go\ncleaned\n"))
        self.assertEqual(self.kernel.run("await asyncio.sleep(0, 3)").text, "3")

    def test_a_repr_stops(self) -> None:
        code = (
            "class A:\n    def __repr__(self):\n        print('go')\n        while True: pass\nA()"
        )
        self.assertEqual(self.interrupted(code).status, "interrupted")
        self.assert_works()

    def test_the_text_of_an_exception_stops(self) -> None:
        code = (
            "class E(Exception):\n    def __str__(self):\n        print('go')\n"
            "        while True: pass\nraise E"
        )
        turn = self.interrupted(code)
        self.assertEqual((turn.status, turn.error_name), ("interrupted", "KeyboardInterrupt"))
        self.assert_works()

    def test_a_command_stops_with_its_children(self) -> None:
        turn = self.interrupted("!echo go; sleep 60 & sleep 60")
        self.assertEqual(turn.status, "interrupted")
        self.assert_works()

    def test_waiting_for_input_stops_and_a_late_answer_is_ignored(self) -> None:
        token = self.kernel.begin("input()", allow_input=True)
        self.assertEqual(self.kernel.frame()[0], 69)
        self.kernel.interrupt()
        self.assertEqual(self.kernel.finish(token).status, "interrupted")
        self.kernel.send(6, token, {"value": "late"})
        self.assertEqual(self.kernel.run("input()", "timely", allow_input=True).text, "'timely'")

    def test_between_turns_it_is_ignored(self) -> None:
        self.kernel.run("x = 1")
        for _ in range(20):
            self.kernel.interrupt()
        time.sleep(0.05)
        self.assert_works()

    def test_a_handler_of_the_users_does_not_outlive_its_turn(self) -> None:
        self.kernel.run("import signal\nsignal.signal(signal.SIGINT, lambda *a: print('mine'))")
        self.assertEqual(self.interrupted("print('go')\nwhile True: pass").status, "interrupted")

    def test_a_storm_of_interrupts_tears_no_frame(self) -> None:
        code = "for i in range(100_000): display({'i': 'x' * 200})"
        for pause in (0.0, 0.001, 0.003, 0.01, 0.03):
            token = self.kernel.begin("print('go')\n" + code)
            self.kernel.wait_for_output("go")
            time.sleep(pause)
            self.kernel.interrupt()
            turn = self.kernel.finish(token)
            self.assertEqual(turn.status, "interrupted")
            for shown in turn.displays:
                self.assertIn("'i'", shown["data"]["text/plain"])
        self.assert_works()

    def test_interrupts_at_the_edges_of_short_turns(self) -> None:
        for _ in range(200):
            token = self.kernel.begin("x = 1")
            self.kernel.interrupt()
            self.assertIn(self.kernel.finish(token).status, ("ok", "interrupted"))
        self.assert_works()


class IPythonInterruptTest(Interrupts, IPythonCase):
    """The same by IPython's shell."""

    def test_cells_stop_and_state_stays(self) -> None:
        for wait in ("while True: pass", "import asyncio\nawait asyncio.sleep(60)"):
            turn = self.interrupted("x = 5\nprint('go')\n" + wait)
            self.assertEqual((turn.status, turn.error_name), ("interrupted", "KeyboardInterrupt"))
            self.assertEqual(self.kernel.run("x").text, "5")
        self.assert_works()

    def test_short_turns(self) -> None:
        for _ in range(50):
            token = self.kernel.begin("x = 1")
            self.kernel.interrupt()
            self.assertIn(self.kernel.finish(token).status, ("ok", "interrupted"))
        self.assert_works()


if __name__ == "__main__":
    unittest.main()
