"""Completion and inspection of the small shell, and that looking does not act."""

from __future__ import annotations

import os
import tempfile
import unittest
from typing import List

from . import driver
from .kernel_case import KernelCase

WATCHED = (
    "ran = []\n"
    "class Watched:\n"
    "    __slots__ = ('slot',)\n"
    "    plain = 'text'\n"
    "    @property\n    def dangerous(self): ran.append('property'); return 'x'\n"
    "    @staticmethod\n    def fixed(a): 'Doc of fixed.'\n"
    "    def __getattr__(self, name): ran.append(name); raise AttributeError(name)\n"
    "w = Watched()\nw.slot = 'filled'"
)


class CompleteTest(KernelCase):
    """Completion requests."""

    def complete(self, code: str) -> List[str]:
        reply = self.kernel.ask(driver.COMPLETE, code=code, cursor=len(code))
        return [code[: reply["start"]] + match for match in reply["matches"]]

    def test_names(self) -> None:
        self.kernel.run("value_one = value_two = 1; _hidden = 2")
        self.assertEqual(self.complete("x + value_"), ["x + value_one", "x + value_two"])
        self.assertIn("while", self.complete("whi"))
        self.assertIn("y = print", self.complete("y = pri"))
        self.assertIn("_hidden", self.complete("_hid"))
        self.assertNotIn("_hidden", self.complete(""))
        self.assertEqual(self.complete("nothing_like_it"), [])

    def test_attributes(self) -> None:
        self.kernel.run("import os\n" + WATCHED)
        self.assertEqual(self.complete("os.path.isfi"), ["os.path.isfile"])
        self.assertIn("w.dangerous", self.complete("w."))
        self.assertEqual(self.complete("w.slot.upp"), ["w.slot.upper"])
        self.assertEqual(self.complete("w.plain.upp"), ["w.plain.upper"])
        self.assertEqual(self.complete("w.dangerous.upp"), [])
        self.assertEqual(self.kernel.run("ran").text, "[]")

    def test_modules_and_their_members(self) -> None:
        self.assertIn("import json", self.complete("import jso"))
        self.assertIn("import json.decoder", self.complete("import json.dec"))
        self.assertIn("from json import dumps", self.complete("from json import dum"))

    def test_paths(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "part"))
            with open(os.path.join(directory, "part.txt"), "w", encoding="utf-8"):
                pass
            prefix = "open('%s/pa" % directory
            self.assertEqual(self.complete(prefix), [prefix + "rt.txt", prefix + "rt/"])

    def test_magics(self) -> None:
        self.assertEqual(self.complete("%timei"), ["%timeit"])
        self.assertIn("%%bash", self.complete("%%ba"))

    def test_places(self) -> None:
        self.kernel.run("caf\u00e9_noir = 1")
        reply = self.kernel.ask(driver.COMPLETE, code="'\u00e9'; caf\u00e9 + 1", cursor=9)
        self.assertEqual(
            (reply["matches"], reply["start"], reply["end"]), (["caf\u00e9_noir"], 5, 9)
        )
        for cursor in (-5, 10**9):
            reply = self.kernel.ask(driver.COMPLETE, code="whi", cursor=cursor)
            self.assertIn("start", reply)

    def test_objects_that_resist(self) -> None:
        self.kernel.run("class A:\n    def __dir__(self): raise KeyboardInterrupt\na = A()")
        self.assertEqual(self.complete("a."), [])
        self.kernel.run("class B:\n    def __dir__(self): return [5, 'ok']\nb = B()")
        self.assertEqual(self.complete("b."), ["b.ok"])
        self.assert_works()

    def test_it_can_be_interrupted(self) -> None:
        code = "class A:\n    def __dir__(self):\n        print('go')\n        while True: pass\na = A()"
        self.kernel.run(code)
        self.kernel.send(driver.COMPLETE, 7, {"code": "a.", "cursor": 2})
        self.kernel.wait_for_output("go")
        self.kernel.interrupt()
        self.assertEqual(self.kernel.finish(7).reply["matches"], [])

    def test_it_does_not_count(self) -> None:
        self.kernel.run("1")
        self.complete("x")
        self.assertEqual(self.kernel.run("2").done["count"], 2)


class InspectTest(KernelCase):
    """Inspection requests."""

    def inspect(self, code: str, detail: int = 0) -> str:
        body = {"code": code, "cursor": len(code), "detail": detail}
        reply = self.kernel.ask(driver.INSPECT, **body)
        return str(reply["data"].get("text/plain", "")) if reply["found"] else ""

    def test_functions(self) -> None:
        self.kernel.run("def f(a, b=2):\n    'Doc of f.'\n    return a")
        for code in ("f", "f(", "x = f(", "f( "):
            self.assertIn("f(a, b=2)", self.inspect(code), code)
        self.assertIn("Doc of f.", self.inspect("f"))
        self.assertIn("return a", self.inspect("f", detail=1))

    def test_values(self) -> None:
        self.kernel.run("x = [1, 2]")
        text = self.inspect("x")
        for part in ("list", "[1, 2]", "Length:      2"):
            self.assertIn(part, text)

    def test_looking_does_not_act(self) -> None:
        self.kernel.run(WATCHED)
        self.assertIn("property", self.inspect("w.dangerous"))
        self.assertIn("Doc of fixed.", self.inspect("w.fixed"))
        self.assertEqual(self.inspect("w.missing"), "")
        self.assertEqual(self.kernel.run("ran").text, "[]")

    def test_nothing(self) -> None:
        for code in ("", "missing", "1 +", "os.path", "("):
            self.assertEqual(self.inspect(code), "", code)


if __name__ == "__main__":
    unittest.main()
