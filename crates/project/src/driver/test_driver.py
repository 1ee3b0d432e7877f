"""The driver, run as it is run in a sandbox, but on directories of a test."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import math
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest
from typing import Any

import driver

DRIVER = pathlib.Path(driver.__file__)


class Ran:
    """A project that was run, and what it left."""

    def __init__(self, files: dict[str, str], *arguments: str, data: str = "") -> None:
        with tempfile.TemporaryDirectory() as place:
            top = pathlib.Path(place)
            for name in ("repo/model", "outputs", "upstream", "parcel"):
                (top / name).mkdir(parents=True)
            for name, text in files.items():
                (top / "repo" / name).write_text(text)
            env = {
                **os.environ,
                "SANDBOX_REPO_PATH": str(top / "repo"),
                "SANDBOX_OUTPUT_PATH": str(top / "outputs"),
                "SANDBOX_UPSTREAM_PATH": str(top / "upstream"),
                "CELLBLOCK_PARCEL": str(top / "parcel"),
            }
            ended = subprocess.run(
                [sys.executable, DRIVER, *arguments], env=env, capture_output=True, text=True
            )
            self.status, self.out, self.err = ended.returncode, ended.stdout, ended.stderr
            self.parcel: dict[str, bytes] = {}
            packed = (top / "parcel/parcel.tar").read_bytes()
            with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    self.parcel[member.name] = file.read() if file else b""
            self.report: dict[str, Any] = json.loads(self.parcel["report.json"])
            self.files = {
                name: self.parcel[f"outputs/{number}"]
                for number, name in enumerate(self.report["files"])
            }

    def result(self, name: str) -> Any:
        return json.loads(self.parcel[f"results/{name}.json"])


class Values(unittest.TestCase):
    def test_values_become_json(self) -> None:
        day = datetime.date(2026, 1, 2)
        table: list[tuple[Any, Any]] = [
            ({"a": 1, 2: True, None: None}, {"a": 1, "2": True, "None": None}),
            ([math.nan, math.inf, -math.inf, 1.5], [None, None, None, 1.5]),
            ((1, {3, 1, 2}), [1, [1, 2, 3]]),
            (decimal.Decimal("1.50"), 1.5),
            (decimal.Decimal("2.00"), 2),
            (decimal.Decimal("NaN"), None),
            (day, "2026-01-02"),
            (datetime.timedelta(minutes=1), 60.0),
            ({day: pathlib.Path("a/b")}, {"2026-01-02": "a/b"}),
        ]
        for value, expected in table:
            self.assertEqual(json.loads(driver.as_json(value)), expected)

    def test_what_is_no_json_is_refused(self) -> None:
        nested: Any = []
        nested.append(nested)
        surrogate = "\ud800"
        for value in (object(), lambda: 1, b"bytes", surrogate, {surrogate: 1}, 10**400):
            with self.assertRaises((TypeError, ValueError)) as refused:
                driver.as_json(value)
            self.assertNotIsInstance(refused.exception, driver.Excess)
        for value in (nested, ["x" * driver.RESULT_BYTES_MAX]):
            with self.assertRaises(driver.Excess):
                driver.as_json(value)

    def test_values_of_packages(self) -> None:
        try:
            import numpy
            import pandas
        except ImportError:
            self.skipTest("there is no pandas")
        frame = pandas.DataFrame({"a": [1, 2], "b": [1.5, math.nan]})
        value = {
            "scalar": numpy.float64(2.5),
            "whole": numpy.int32(7),
            "flag": numpy.bool_(True),
            "array": numpy.array([[1, 2], [3, 4]]),
            "frame": frame,
            "series": frame["a"],
            "time": pandas.Timestamp("2026-01-02"),
            "none": pandas.NaT,
        }
        self.assertEqual(
            json.loads(driver.as_json(value)),
            {
                "scalar": 2.5,
                "whole": 7,
                "flag": True,
                "array": [[1, 2], [3, 4]],
                "frame": [{"a": 1, "b": 1.5}, {"a": 2, "b": None}],
                "series": {"0": 1, "1": 2},
                "time": "2026-01-02T00:00:00",
                "none": None,
            },
        )


class Pipelines(unittest.TestCase):
    def test_lists_that_are_written_out_are_read(self) -> None:
        table: list[tuple[str, Any]] = [
            ("PIPELINE = ['a', 'b']", ["a", "b"]),
            ("PIPELINE: list[str] = ['a']", ["a"]),
            ("PIPELINE = ('a',)", ["a"]),
            ("PIPELINE = []", []),
            ("PIPELINE = list('ab')", None),
            ("PIPELINE = ['a']\nPIPELINE += ['b']", None),
            ("def f():\n    PIPELINE = ['a']", None),
            ("x = 1", None),
            ("this is no Python", None),
        ]
        for text, expected in table:
            with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
                file.write(text)
                file.flush()
                self.assertEqual(driver.written_pipeline(file.name), expected, text)

    def test_names_are_names(self) -> None:
        many = [f"m{n}" for n in range(101)]
        for names in (["a b"], ["../a"], ["a", "a"], [1], ["x" * 129], ["a.b"], many):
            with self.assertRaises(driver.Unfit):
                driver.checked(names)


class Runs(unittest.TestCase):
    MODELS = {
        "model/one.py": "result = {'x': 1}\nprint('one')",
        "model/two.py": (
            "import json, os\n"
            "up = os.environ['SANDBOX_UPSTREAM_PATH']\n"
            "outputs = {'y': json.load(open(f'{up}/one/outputs.json'))['x'] + 1}\n"
        ),
    }

    def test_a_pipeline_hands_results_on(self) -> None:
        for entry in ("PIPELINE = ['one', 'two']", "PIPELINE = [n for n in ('one', 'two')]"):
            ran = Ran({"run.py": entry, **self.MODELS}, "project")
            self.assertEqual((ran.status, ran.out), (0, "one\n"), ran.err)
            self.assertEqual((ran.result("one"), ran.result("two")), ({"x": 1}, {"y": 2}))
            self.assertEqual(ran.report["pipeline"], ["one", "two"])

    def test_the_first_failure_ends_it(self) -> None:
        files = {
            "run.py": "PIPELINE = ['bad', 'one']",
            "model/bad.py": "import sys\nresult = {'x': 1}\nsys.exit(7)",
            **self.MODELS,
        }
        ran = Ran(files, "project")
        self.assertEqual((ran.status, ran.out), (7, ""))
        self.assertIn("model bad failed with exit status 7", ran.err)
        self.assertEqual([name for name in ran.parcel if name != "report.json"], [])

    def test_a_traceback_shows_the_model_alone(self) -> None:
        ran = Ran({"model/bad.py": "def f():\n    1 / 0\nf()"}, "model", "bad")
        self.assertEqual(ran.status, 1)
        self.assertIn("ZeroDivisionError", ran.err)
        self.assertNotIn("driver.py", ran.err)

    def test_a_model_killed_by_a_signal(self) -> None:
        ran = Ran({"model/bad.py": "import os\nos.kill(os.getpid(), 9)"}, "model", "bad")
        self.assertEqual(ran.status, -9)
        # One that Python handles by itself, and one that it ignores.
        for number in ("SIGINT", "SIGPIPE"):
            text = (
                "import os, signal\n"
                f"signal.signal(signal.{number}, signal.SIG_DFL)\n"
                f"os.kill(os.getpid(), signal.{number})\n"
            )
            ran = Ran({"model/bad.py": text}, "model", "bad")
            self.assertEqual(ran.status, -signal.Signals[number])
        ran = Ran({"model/bad.py": "raise SystemExit(137)"}, "model", "bad")
        self.assertEqual(ran.status, 137)

    def test_models_import_each_other(self) -> None:
        files = {
            "model/a.py": "import b\nfrom model import b as c\nresult = {'b': b.B + c.B}",
            "model/b.py": "B = 2",
        }
        self.assertEqual(Ran(files, "model", "a").result("a"), {"b": 4})

    def test_what_is_not_there_is_told(self) -> None:
        for arguments, text in ((("project",), "no run.py"), (("model", "x"), "no model/x.py")):
            ran = Ran({}, *arguments)
            self.assertEqual(ran.status, driver.UNFIT)
            self.assertIn(text, ran.err)

    def test_a_result_that_is_no_json_is_no_failure(self) -> None:
        ran = Ran({"model/a.py": "result = {'f': lambda: 1}"}, "model", "a")
        self.assertEqual((ran.status, list(ran.parcel)), (0, ["report.json"]))
        self.assertIn("is not kept", ran.err)
        self.assertEqual([note["code"] for note in ran.report["notes"]], ["unfit"])

    def test_a_result_that_is_no_dict_is_told(self) -> None:
        table = [("result = [1, 2]", "list, not a dict"), ("result = 'x'", "str, not a dict")]
        for text, told in table:
            ran = Ran({"model/a.py": text}, "model", "a")
            self.assertEqual(ran.status, 0)
            self.assertIn(told, ran.report["notes"][0]["message"])
        for text in ("def result(): pass", "result = None", "import json as result", "x = 1"):
            self.assertEqual(Ran({"model/a.py": text}, "model", "a").report["notes"], [])

    def test_files_are_bounded_and_plain(self) -> None:
        text = (
            "import os\n"
            "out = os.environ['SANDBOX_OUTPUT_PATH']\n"
            "for n in range(300): open(f'{out}/{n:04}', 'w').write('x')\n"
            "os.mkfifo(f'{out}/0000-pipe')\n"
            "os.symlink('/etc/passwd', f'{out}/0000-link')\n"
            "os.makedirs(f'{out}/00d/e'); open(f'{out}/00d/e/f', 'w').write('deep')\n"
            "open(f'{out}/0000-large', 'wb').truncate(20 << 20)\n"
            "open(os.fsencode(out) + b'/0000-\\xff', 'w')\n"
        )
        ran = Ran({"model/a.py": text}, "model", "a")
        self.assertEqual(len(ran.files), driver.FILES_MAX, ran.err)
        self.assertEqual(ran.files["0000"], b"x")
        reasons = {"kind": 2, "file_bytes": 1, "name": 1, "count": 300 + 1 - driver.FILES_MAX}
        self.assertEqual(ran.report["reasons"], reasons)
        for odd in ("0000-pipe", "0000-link", "0000-large", "0000-\\udcff"):
            self.assertIn(odd, ran.report["left_out"])

    def test_names_may_differ_by_case_alone(self) -> None:
        text = (
            "import os\n"
            "out = os.environ['SANDBOX_OUTPUT_PATH']\n"
            "for name in ('a', 'A', 'd/x', 'D/x'):\n"
            "    os.makedirs(os.path.dirname(f'{out}/{name}'), exist_ok=True)\n"
            "    open(f'{out}/{name}', 'w').write(name)\n"
        )
        ran = Ran({"model/a.py": text}, "model", "a")
        names = ("A", "a", "D/x", "d/x")
        self.assertEqual(ran.files, {name: name.encode() for name in names})

    def test_all_files_together_are_bounded(self) -> None:
        text = (
            "import os\n"
            "out = os.environ['SANDBOX_OUTPUT_PATH']\n"
            "for n in range(8): open(f'{out}/{n}', 'wb').truncate(9 << 20)\n"
        )
        ran = Ran({"model/a.py": text}, "model", "a")
        self.assertEqual((len(ran.files), ran.report["reasons"]), (7, {"bytes": 1}))


if __name__ == "__main__":
    unittest.main()
