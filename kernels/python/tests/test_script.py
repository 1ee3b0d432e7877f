"""Scripts, compared with what the bare interpreter makes of them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import List, Tuple

from . import driver

SCRIPTS = {
    "hello": "print('hello')",
    "arguments": "import sys\nprint(sys.argv[1:], __name__, __file__ == sys.argv[0], sys.path[0])",
    "path": "import sys\nprint([p for p in sys.path if not p.endswith('kernels/python')])",
    "names": "print(sorted(n for n in globals() if n not in ('__annotations__', '__cached__')))",
    "uncaught": "def f():\n    1/0\nf()",
    "syntax": "x = = 1",
    "exit status": "import sys\nsys.exit(7)",
    "exit text": "import sys\nsys.exit('words')",
    "exit nothing": "import sys\nsys.exit()",
    "exit functions": "import atexit\natexit.register(print, 'bye')\nprint('hi')",
    "threads": "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('t'))).start()",
    "no newline": "print('x', end='')",
    "expression": "1 + 1",
    "no magics": "try:\n    display\nexcept NameError as e:\n    print(e)",
    "no stand-in": "import IPython.nowhere",
    "input": "try:\n    input('? ')\nexcept EOFError as e:\n    print(e)",
    "hook": "import sys\nsys.excepthook = lambda t, v, b: print('hook', v)\n1/0",
    "encoding": "# -*- coding: latin-1 -*-\nprint('\u00e9' == '\\xe9')",
    "module": "import sibling\nprint(sibling.x)",
    "pickle": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))) is A)",
    "main module": "import sys\nprint(sys.modules['__main__'].__dict__ is globals())",
    "warning": "import warnings\nwarnings.warn('w')",
    "base exception": "raise BaseException('b')",
    "future": "from __future__ import annotations\ndef f(x: nowhere): pass\nprint(f.__annotations__)",
    "multiprocessing": (
        "import multiprocessing\ndef f(x): return x + 1\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(f, [1, 2]))"
    ),
}


class ScriptTest(unittest.TestCase):
    """Each script by the kernel and by the interpreter."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name).resolve()
        (self.directory / "sibling.py").write_text("x = 5\n")

    def run_in_kernel(self, **body: object) -> Tuple[int, str, str]:
        with driver.Kernel() as kernel:
            kernel.send(driver.SCRIPT, 1, dict(body))
            status = kernel.wait_reading()
            return (status, *kernel.take_output())

    def run_bare(self, arguments: List[str]) -> Tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-B", "-E", "-s", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def test_files(self) -> None:
        path = self.directory / "script.py"
        for what, code in SCRIPTS.items():
            with self.subTest(what):
                path.write_bytes(code.encode("latin-1" if what == "encoding" else "utf-8"))
                ours = self.run_in_kernel(path=str(path), argv=["a", "b"], name=str(path))
                self.assertEqual(ours, self.run_bare([str(path), "a", "b"]))

    def test_a_missing_file(self) -> None:
        path = str(self.directory / "missing.py")
        ours = self.run_in_kernel(path=path, argv=[], name=path)
        self.assertEqual(ours, self.run_bare([path]))

    def test_code_without_a_file(self) -> None:
        code = "import sys\nprint(sys.argv, '__file__' in globals(), sys.path[0])"
        ours = self.run_in_kernel(code=code, argv=["a"], name="-c")
        self.assertEqual(ours, self.run_bare(["-c", code, "a"]))

    def test_code_shown_under_a_name(self) -> None:
        ours = self.run_in_kernel(code="1/0", path=None, argv=[], name="-c")
        self.assertEqual(ours[0], 1)
        self.assertIn('File "<string>", line 1, in <module>', ours[2])


if __name__ == "__main__":
    unittest.main()
