"""Cells and what comes back for them."""

from __future__ import annotations

import unittest

from . import driver


class CellTest(unittest.TestCase):
    """Plain Python cells in one kernel."""

    def setUp(self) -> None:
        self.kernel = driver.Kernel()
        self.addCleanup(self.kernel.__exit__)

    def test_state_lasts_and_the_last_expression_is_the_result(self) -> None:
        self.assertEqual(self.kernel.run("x = 41").status, "ok")
        turn = self.kernel.run("x + 1")
        self.assertEqual(turn.text, "42")
        self.assertEqual(turn.done, {"status": "ok", "count": 2, "exit_code": None})


if __name__ == "__main__":
    unittest.main()
