"""What test cases share: one kernel for each test, plain or with IPython."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest
from typing import Sequence

from . import driver


def ipython_python() -> str:
    """The interpreter that has IPython, matplotlib and pandas; skips where none is named."""
    python = os.environ.get("CELLBLOCK_TEST_IPYTHON", "")
    required = os.environ.get("CELLBLOCK_REQUIRE_IPYTHON") == "1"
    if not python:
        if required:
            raise AssertionError("CELLBLOCK_TEST_IPYTHON names no interpreter")
        raise unittest.SkipTest("CELLBLOCK_TEST_IPYTHON names no interpreter")
    check = [python, "-I", "-c", "import IPython, matplotlib, pandas"]
    if subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode != 0:
        raise AssertionError(python + " lacks IPython, matplotlib or pandas")
    return python


class KernelCase(unittest.TestCase):
    """A kernel without IPython."""

    python = sys.executable
    options: Sequence[str] = driver.PLAIN

    def setUp(self) -> None:
        self.kernel = driver.Kernel(self.python, options=self.options)
        self.addCleanup(self.kernel.__exit__)

    def assert_works(self) -> None:
        """The next turn works: code runs, output and result arrive."""
        turn = self.kernel.run("print('still here')\n6 * 7")
        self.assertEqual(turn.status, "ok", (turn.error, turn.stderr))
        self.assertEqual(turn.text, "42")
        self.assertEqual(turn.stdout, "still here\n")


class SharedKernelCase(KernelCase):
    """One kernel for all tests of a class, where starting one is slow."""

    shared: driver.Kernel

    @classmethod
    def setUpClass(cls) -> None:
        cls.shared = driver.Kernel(cls.python, options=cls.options)
        cls.addClassCleanup(cls.shared.__exit__)

    def setUp(self) -> None:
        self.kernel = self.shared


class IPythonCase(KernelCase):
    """A kernel with IPython for each test."""

    options: Sequence[str] = ()

    @classmethod
    def setUpClass(cls) -> None:
        cls.python = ipython_python()
