"""A prepared zygote and its forked children: nothing shared that must not be, nothing left over."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest
from typing import Any, Dict, List, Sequence

from . import driver
from .kernel_case import KernelCase, ipython_python

# Prepares, then becomes a kernel in a forked child; the parent waits for it.
FORKED = """
import os, sys
sys.path.insert(0, {root!r})
preload, ipython = {options!r}
from cellblock_kernel import entry, randomness
failures = entry.prepare(preload.split(), ipython=ipython == "ipython")
child = os.fork()
if child == 0:
    os.environ["FAILURES"] = repr(failures)
    randomness.reseed()
    entry.serve({fd})
os.close({fd})
os._exit(os.waitpid(child, 0)[1] >> 8)
"""

# Prepares, forks several children that each draw numbers, prints all draws.
DRAWING = """
import json, os, random, sys
sys.path.insert(0, {root!r})
from cellblock_kernel import entry, randomness
held = {{"a": random.Random(1), "b": [random.Random(2)]}}
numpy_held = []
try:
    import numpy
    class Holder: pass
    holder = Holder()
    holder.generator = numpy.random.default_rng(1)
    numpy_held = [numpy.random.default_rng(2), numpy.random.RandomState(3),
                  numpy.random.Generator(numpy.random.MT19937(4)),
                  numpy.random.Generator(numpy.random.Philox(5)),
                  numpy.random.Generator(numpy.random.SFC64(6)), holder.generator]
except ImportError:
    numpy = None
import ssl, tempfile, uuid
tempfile.mktemp()
entry.prepare(["numpy"] if numpy else [], ipython=False)

def draw():
    drawn = {{
        "random": random.random(), "a": held["a"].random(), "b": held["b"][0].random(),
        "uuid": uuid.uuid4().hex, "openssl": ssl.RAND_bytes(8).hex(), "temp": tempfile.mktemp(),
        "uuid1": uuid.uuid1().hex,
    }}
    if numpy:
        drawn["numpy"] = float(numpy.random.random())
        for at, each in enumerate(numpy_held):
            drawn["numpy %d" % at] = float(each.random())
    return drawn

draws = []
for _ in range(4):
    read, write = os.pipe()
    if os.fork() == 0:
        randomness.reseed()
        os.write(write, json.dumps(draw()).encode())
        os._exit(0)
    os.wait()
    draws.append(json.loads(os.read(read, 65536)))
print(json.dumps(draws))
"""

# Has memory that a child writes to: shared, shared and only read so far, and of a file.
SHARING = """
import ctypes, mmap, os, sys, tempfile
sys.path.insert(0, {root!r})
from cellblock_kernel import zygote
file = tempfile.TemporaryFile()
file.write(b"c" * 4096)
file.flush()
held = [mmap.mmap(-1, 8192), mmap.mmap(-1, 4096), mmap.mmap(file.fileno(), 4096)]
held[0][0], held[1][0] = b"ab"
places = [ctypes.addressof(ctypes.c_char.from_buffer(each)) for each in held]
ctypes.CDLL(None).mprotect(ctypes.c_size_t(places[1]), ctypes.c_size_t(4096), mmap.PROT_READ)
{own}
if os.fork() == 0:
    for place in places:
        ctypes.CDLL(None).mprotect(ctypes.c_size_t(place), ctypes.c_size_t(4096), 3)
        ctypes.memmove(place, b"x", 1)
    os._exit(0)
os.wait()
print(*[ctypes.string_at(place, 1).decode() for place in places])
"""


class ForkedCase(KernelCase):
    """A kernel forked from a zygote."""

    options: Sequence[str] = ("json", "plain")

    def setUp(self) -> None:
        self.kernel = driver.Kernel(self.python, options=self.options, start=FORKED)
        self.addCleanup(self.kernel.__exit__)

    def check_fresh(self) -> None:
        self.assertEqual(self.kernel.run("x = 1").done["count"], 1)
        self.assertEqual(self.kernel.run("print('a')").stdout, "a\n")
        turn = self.kernel.run("[name for name in globals() if 'warm' in name or name == 'sys']")
        self.assertEqual(turn.text, "[]")
        code = (
            "import linecache, sys, threading\n"
            "[hasattr(sys, 'last_value'), threading.active_count(),\n"
            " any('wa' + 'rm_' in str(e) for n, e in linecache.cache.items() if '<cell' in n)]"
        )
        self.assertEqual(self.kernel.run(code).text, "[False, 1, False]")
        turn = self.kernel.run("import os\nsorted(map(int, os.listdir('/proc/self/fd')))[-4:]")
        self.assertEqual(turn.text, "[100, 101, 102, 103]")
        self.assertEqual(self.kernel.run("import asyncio\nawait asyncio.sleep(0, 5)").text, "5")
        self.assertEqual(self.kernel.run("1/0").error_name, "ZeroDivisionError")


class PlainZygoteTest(ForkedCase):
    """Without IPython."""

    def test_nothing_failed(self) -> None:
        self.assertEqual(self.kernel.run("import os\nos.environ['FAILURES']").text, "'[]'")

    def test_warmth_leaves_no_trace(self) -> None:
        self.check_fresh()

    def test_threads_are_limited(self) -> None:
        self.assertEqual(self.kernel.run("import os\nos.environ['OMP_NUM_THREADS']").text, "'1'")

    def test_interrupts(self) -> None:
        token = self.kernel.begin("import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
        self.assertEqual(self.kernel.finish(token).status, "interrupted")
        self.assert_works()


class FailingPreloadTest(ForkedCase):
    """A module that cannot be loaded."""

    options = ("json cellblock_nowhere", "plain")

    def test_it_is_reported(self) -> None:
        turn = self.kernel.run("import os\nos.environ['FAILURES']")
        self.assertIn("cellblock_nowhere: ModuleNotFoundError", turn.text)


class LoadedZygoteTest(ForkedCase):
    """With pandas, matplotlib and IPython."""

    options = ("numpy pandas matplotlib.pyplot", "ipython")

    @classmethod
    def setUpClass(cls) -> None:
        cls.python = ipython_python()

    def test_warmth_leaves_no_trace(self) -> None:
        self.assertEqual(self.kernel.ready["ipython"], True)
        self.check_fresh()
        self.assertEqual(self.kernel.run("In[1], min(Out)").text, "('x = 1', 3)")
        turn = self.kernel.run("import matplotlib.pyplot as plt\nplt.get_fignums()")
        self.assertEqual(turn.text, "[]")
        turn = self.kernel.run("plt.plot([1])\nplt.title('t');")
        self.assertEqual(len(turn.displays), 1)


class PlainLoadedZygoteTest(LoadedZygoteTest):
    """With pandas and matplotlib, without IPython."""

    options = ("numpy pandas matplotlib.pyplot", "plain")

    def test_warmth_leaves_no_trace(self) -> None:
        self.check_fresh()
        turn = self.kernel.run("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.title('t');")
        self.assertEqual(len(turn.displays), 1)


class RandomnessTest(unittest.TestCase):
    """Children of one zygote draw different numbers."""

    python = sys.executable
    has_numpy = False

    def draws(self) -> List[Dict[str, Any]]:
        code = DRAWING.format(root=str(driver.ROOT))
        done = subprocess.run(
            [self.python, "-I", "-B", "-c", code],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        found: List[Dict[str, Any]] = json.loads(done.stdout)
        return found

    def test_all_draws_differ(self) -> None:
        draws = self.draws()
        self.assertEqual(len(draws), 4)
        if self.has_numpy:
            self.assertIn("numpy 5", draws[0])
        for name in draws[0]:
            values = {draw[name] for draw in draws}
            self.assertEqual(len(values), 4, (name, values))


class NumpyRandomnessTest(RandomnessTest):
    """The same with numpy's generators."""

    has_numpy = True

    @classmethod
    def setUpClass(cls) -> None:
        cls.python = ipython_python()


class MemoryTest(unittest.TestCase):
    """What a module shares with its children, strangers do not get."""

    def seen(self, own: str) -> str:
        code = SHARING.format(root=str(driver.ROOT), own=own)
        done = subprocess.run(
            [sys.executable, "-I", "-B", "-c", code],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def test_what_a_child_writes_is_its_own(self) -> None:
        self.assertEqual(self.seen("zygote._own_memory()"), "a b c")

    def test_without_that_it_would_be_shared(self) -> None:
        self.assertEqual(self.seen(""), "x x x")


if __name__ == "__main__":
    unittest.main()
