"""What user code does to the kernel's process, and that the next turn works."""

from __future__ import annotations

import struct
import time
import unittest

from . import driver
from .kernel_case import KernelCase


class SurvivalTest(KernelCase):
    """Turns after which the session goes on."""

    def test_cells_that_break_their_own_surroundings(self) -> None:
        table = {
            "print is replaced": "import builtins\nbuiltins.print = None",
            "many builtins are replaced": (
                "import builtins\n"
                "for name in ('len', 'isinstance', 'str', 'type', 'getattr', 'Exception', 'open',\n"
                "             'BaseException', 'repr', 'callable', 'sorted', 'list', 'dict'):\n"
                "    setattr(builtins, name, None)"
            ),
            "modules are gutted": (
                "import io, json, json.encoder, linecache, os, signal, sys, threading, traceback\n"
                "for module in (json, json.encoder, linecache, os, signal, threading, traceback):\n"
                "    for name in list(vars(module)):\n"
                "        if not name.startswith('__'): setattr(module, name, None)"
            ),
            "modules are gone": "import sys\nsys.modules.clear()",
            "main is gone": "import sys\ndel sys.modules['__main__']",
            "builtins are gone from main": "del __builtins__",
            "everything is gone from main": "globals().clear()",
            "the streams are closed": "import sys\nsys.stdout.close(); sys.stderr.close()",
            "the streams are gone": "import sys\ndel sys.stdout, sys.stderr, sys.__stdout__",
            "a broken stream": (
                "import sys\nclass Broken:\n    def __getattr__(self, name): raise KeyboardInterrupt\n"
                "sys.stdout = Broken()\nsys.stdout = sys.__stdout__"
            ),
            "the import system is gone": "import sys\nsys.meta_path.clear(); sys.path.clear()",
            "hooks raise": (
                "import sys\ndef bad(*a): raise SystemExit(9)\n"
                "sys.excepthook = sys.unraisablehook = bad"
            ),
            "low recursion limit": "import sys\nsys.setrecursionlimit(60)",
            "few descriptors are allowed": (
                "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (1, 4096))"
            ),
            "standard descriptors are closed": "import os\nos.closerange(0, 3)",
            "low descriptors are closed": "import os\nos.closerange(3, 64)",
            "the collector is off": "import gc\ngc.disable()",
            "signals are changed": (
                "import signal\nsignal.signal(signal.SIGINT, signal.SIG_DFL)\n"
                "signal.signal(signal.SIGALRM, lambda *a: None)"
            ),
        }
        for what, code in table.items():
            with self.subTest(what), driver.Kernel() as kernel:
                turn = kernel.run(code)
                self.assertEqual(turn.status, "ok", (turn.error, turn.stderr))
                turn = kernel.run("import os\nos.write(1, b'still here\\n')\n6 * 7")
                if "gutted" in what:
                    turn = kernel.run("6 * 7")
                    self.assertEqual(turn.text, "42", what)
                    continue
                self.assertEqual(turn.status, "ok", (turn.error, turn.stderr))
                self.assertEqual(turn.text, "42", what)
                self.assertEqual(turn.stdout, "still here\n")
                turn = kernel.run("nowhere")
                self.assertEqual(turn.error_name, "NameError")
                self.assertIn("nowhere", "".join(turn.error["traceback"] if turn.error else []))

    def test_timers_that_run_out_between_turns_are_forgotten(self) -> None:
        code = (
            "import signal\ndef late(*a): raise TimeoutError\n"
            "signal.signal(signal.SIGALRM, late)\nsignal.setitimer(signal.ITIMER_REAL, %s)"
        )
        self.assertEqual(self.kernel.run(code % "0.5").status, "ok")
        time.sleep(0.7)
        self.assert_works()
        turn = self.kernel.run(code % "0.05" + "\nwhile True: pass")
        self.assertEqual(turn.error_name, "TimeoutError")
        self.assert_works()

    def test_a_storm_of_signals_hits_user_code_only(self) -> None:
        code = (
            "import signal\ndef late(*a): raise TimeoutError\n"
            "signal.signal(signal.SIGALRM, late)\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)"
        )
        self.kernel.run(code)
        for _ in range(100):
            self.assertIn(self.kernel.run("sum(range(10_000))").status, ("ok", "error"))
        self.kernel.run("signal.signal(signal.SIGALRM, signal.SIG_IGN);")
        while self.kernel.run("signal.setitimer(signal.ITIMER_REAL, 0)").status != "ok":
            self.kernel.run("signal.signal(signal.SIGALRM, signal.SIG_IGN);")
        self.assert_works()

    def test_trace_functions_see_turns_only(self) -> None:
        for name in ("settrace", "setprofile"):
            code = "import sys\nseen = set()\ndef f(frame, event, arg):\n    %s\nsys.%s(f)"
            self.kernel.run(code % ("raise OSError", name))
            self.assert_works()
            self.kernel.run(code % ("seen.add(frame.f_code.co_name)", name))
            turn = self.kernel.run("def mine(): pass\nmine()\nsys.%s(None)\nseen" % name)
            self.assertIn("mine", turn.text)
            self.assertNotIn("send_encoded", turn.text)

    def test_closed_streams_are_made_anew(self) -> None:
        self.kernel.run("import sys\nsys.stdout.close(); sys.stderr.close()")
        self.assert_works()
        self.kernel.run("import os\nos.closerange(0, 3)")
        self.assert_works()

    def test_a_replaced_stream_stays(self) -> None:
        self.kernel.run("import io, sys\nsys.stdout = io.StringIO()")
        self.assertEqual(self.kernel.run("print('kept')").stdout, "")
        turn = self.kernel.run("text = sys.stdout.getvalue()\nsys.stdout = sys.__stdout__\ntext")
        self.assertEqual(turn.text, "'kept\\n'")
        self.assert_works()

    def test_recursion(self) -> None:
        turn = self.kernel.run("def f(): f()\nf()")
        self.assertEqual(turn.error_name, "RecursionError")
        assert turn.error is not None
        self.assertLess(len(turn.error["traceback"]), 100)
        self.assert_works()

    def test_memory_error(self) -> None:
        turn = self.kernel.run("x = 'x' * (1 << 62)")
        self.assertEqual(turn.error_name, "MemoryError")
        code = (
            "import resource\n"
            "resource.setrlimit(resource.RLIMIT_AS, (600 << 20, resource.RLIM_INFINITY))\n"
            "kept = []\nwhile True: kept.append(bytearray(8 << 20))"
        )
        self.assertEqual(self.kernel.run(code).error_name, "MemoryError")
        self.assertEqual(self.kernel.run("del kept").status, "ok")
        self.assert_works()

    def test_binary_and_large_output(self) -> None:
        turn = self.kernel.run("import os\nos.write(1, bytes(range(256)));")
        self.assertEqual(turn.status, "ok")
        turn = self.kernel.run("print('x' * (64 << 20), end='')")
        self.assertEqual(len(turn.stdout), 64 << 20)
        self.assert_works()

    def test_text_that_is_no_utf_8(self) -> None:
        for code in ("print('\\udcff')", "display('\\ud800')", "raise ValueError('\\ud800')"):
            self.assertIn(self.kernel.run(code).status, ("ok", "error"))
        turn = self.kernel.run("class A:\n    def __repr__(self): return '\\ud800'\nA()")
        self.assertEqual(turn.text, "?")
        self.assert_works()

    def test_results_that_are_too_large(self) -> None:
        turn = self.kernel.run("'x' * (9 << 20)")
        self.assertIn("left out", turn.text)
        code = "class A:\n    def _repr_html_(self): return 'h' * (9 << 20)\nA()"
        turn = self.kernel.run(code)
        assert turn.result is not None
        self.assertEqual(list(turn.result["data"]), ["text/plain"])
        self.assertIn("text/html of 9437184 characters left out", turn.text)
        code = (
            "class A:\n    def _repr_mimebundle_(self, **k):\n"
            "        return {'text/x%d' % i: 'x' * (7 << 20) for i in range(4)}\n"
        )
        self.assertIn("left out", self.kernel.run(code + "A()").text)
        [shown] = self.kernel.run("display(A())").displays
        self.assertIn("left out", shown["data"]["text/plain"])
        self.assert_works()

    def test_forked_children_end_with_their_cell(self) -> None:
        code = (
            "import os\npid = os.fork()\n"
            "if pid == 0:\n    display('from the child')\n    print('child')\n%s\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if pid else '')"
        )
        for ending, status in (("", 0), ("    1/0", 1), ("    raise SystemExit(5)", 5)):
            turn = self.kernel.run(code % ending)
            self.assertEqual(turn.status, "ok", turn.error)
            self.assertEqual(turn.displays, [])
            self.assertIn("child\n", turn.stdout)
            self.assertIn("\n%d\n" % status, turn.stdout, ending)
        self.assertIn("ZeroDivisionError", self.kernel.run(code % "    1/0").stderr)
        self.assert_works()

    def test_buffered_output_is_not_doubled_by_a_fork(self) -> None:
        code = "import os\nprint('once', end='')\npid = os.fork()\npid and os.waitpid(pid, 0);"
        self.assertEqual(self.kernel.run(code).stdout, "once")

    def test_multiprocessing(self) -> None:
        code = (
            "import multiprocessing\ncontext = multiprocessing.get_context('fork')\n"
            "def square(x): return x * x\n"
            "with context.Pool(2) as pool: found = pool.map(square, range(4))\nfound"
        )
        self.assertEqual(self.kernel.run(code).text, "[0, 1, 4, 9]")
        self.assert_works()

    def test_reprs_that_raise(self) -> None:
        for name in ("KeyboardInterrupt", "SystemExit", "RecursionError", "MemoryError"):
            turn = self.kernel.run("class A:\n    def __repr__(self): raise %s\nA()" % name)
            self.assertIn(turn.status, ("error", "exit", "interrupted"))
            self.assertIsNone(turn.result)
        self.assert_works()


class DeathTest(KernelCase):
    """Turns after which there is no kernel, and the host side sees it at once."""

    def assert_ends(self, code: str) -> int:
        token = self.kernel.begin(code)
        with self.assertRaises(driver.Ended):
            self.kernel.finish(token)
        return self.kernel.wait()

    def test_exit_without_ado(self) -> None:
        self.assertEqual(self.assert_ends("import os\nos._exit(9)"), 9)

    def test_crash(self) -> None:
        self.assertEqual(self.assert_ends("import os, signal\nos.kill(os.getpid(), 11)"), -11)

    def test_the_control_descriptor_is_closed(self) -> None:
        token = self.kernel.begin("import os\nos.closerange(3, 1024)")
        with self.assertRaises(driver.Ended):
            self.kernel.finish(token)
        self.assertNotEqual(self.kernel.wait(), 0)

    def test_output_before_death_arrives(self) -> None:
        self.assert_ends("import os\nprint('last words')\nos._exit(1)")
        self.assertEqual(self.kernel.take_output()[0], "last words\n")


class HostTest(KernelCase):
    """What the kernel makes of the host side's frames."""

    def assert_refused(self, data: bytes) -> None:
        with driver.Kernel() as kernel:
            kernel.socket.sendall(data)
            self.assertEqual(kernel.wait(), 70, data[:40])

    def test_nonsense_ends_it(self) -> None:
        def frame(kind: int, body: bytes) -> bytes:
            return struct.pack("<IBQ", 9 + len(body), kind, 1) + body

        for data in (
            struct.pack("<IBQ", 8, 2, 1),
            struct.pack("<IBQ", 0, 2, 1),
            struct.pack("<IBQ", (20 << 20) + 1, 2, 1),
            b"\xff" * 64,
            frame(99, b"{}"),
            frame(65, b"{}"),
            frame(2, b""),
            frame(2, b"{"),
            frame(2, b"[]"),
            frame(2, b'{"code": 5}'),
            frame(2, b'{"code": "1"} {}'),
            frame(2, b'{"code": "\xff"}'),
            frame(2, b"[" * 100_000),
            frame(4, b'{"code": "x", "cursor": "1"}'),
            frame(1, b'{"env": {"A": 1}}'),
            frame(1, b'{"env": {"A=B": "1"}}'),
            frame(3, b"{}"),
        ):
            self.assert_refused(data)

    def test_the_end_of_the_stream_ends_it(self) -> None:
        self.kernel.socket.close()
        self.assertEqual(self.kernel.process.wait(driver.SECONDS_MAX), 0)

    def test_frames_may_arrive_in_pieces(self) -> None:
        body = b'{"code": "6 * 7"}'
        for byte in struct.pack("<IBQ", 9 + len(body), 2, 5) + body:
            self.kernel.socket.sendall(bytes([byte]))
        self.assertEqual(self.kernel.finish(5).text, "42")

    def test_a_long_cell(self) -> None:
        code = "x = '" + "y" * (15 << 20) + "'\nlen(x)"
        self.assertEqual(self.kernel.run(code).text, str(15 << 20))

    def test_shutdown_runs_exit_functions(self) -> None:
        self.kernel.run("import atexit\natexit.register(print, 'bye');")
        self.kernel.send(driver.SHUTDOWN, 0, {})
        self.assertEqual(self.kernel.wait(), 0)
        self.assertEqual(self.kernel.take_output()[0], "bye\n")

    def test_configure(self) -> None:
        body = {"env": {"ONLY": "this", "TZ": "UTC"}, "directory": "/", "argv": ["a", "b"]}
        self.kernel.send(driver.CONFIGURE, 0, body)
        self.assertEqual(self.kernel.frame()[0], driver.READY)
        turn = self.kernel.run("import os, sys\nos.environ['ONLY'], os.getcwd(), sys.argv")
        self.assertEqual(turn.text, "('this', '/', ['a', 'b'])")
        self.assertEqual(self.kernel.run("'HOME' in os.environ").text, "False")

    def test_ready(self) -> None:
        ready = self.kernel.ready
        self.assertEqual(ready["protocol"], 1)
        self.assertEqual(ready["pid"], self.kernel.process.pid)
        self.assertEqual((ready["implementation"], ready["ipython"]), ("cpython", False))

    def test_descriptors(self) -> None:
        # That of the listing is gone again, and libffi keeps its own file open.
        turn = self.kernel.run(
            "import os\nplace = '/proc/self/fd/'\nnames = os.listdir(place)\n"
            "links = {int(n): os.readlink(place + n) for n in names if os.path.lexists(place + n)}\n"
            "sorted(n for n, to in links.items() if n > 2 and 'libffi' not in to)"
        )
        self.assertEqual(turn.text, "[100, 101, 102, 103]")


if __name__ == "__main__":
    unittest.main()
