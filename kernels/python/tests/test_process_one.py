"""A kernel that is process 1 of its namespace, as in a sandbox."""

from __future__ import annotations

import shutil
import subprocess
import unittest

from . import driver

WRAPPER = (
    "unshare",
    "--user",
    "--map-root-user",
    "--pid",
    "--fork",
    "--mount-proc",
    "--kill-child",
)

STATES = """
import os, time
def states():
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit() and name != '1':
            try:
                with open('/proc/%s/stat' % name) as stat:
                    found.append(stat.read().rsplit(')', 1)[1].split()[0])
            except OSError:
                pass
    return found
def wait_until_all_have_ended():
    while set(states()) - {'Z'}: time.sleep(0.01)
"""


def can_unshare() -> bool:
    """Whether this machine lets us make the namespaces."""
    if shutil.which("unshare") is None:
        return False
    command = [*WRAPPER, "true"]
    return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(can_unshare(), "namespaces cannot be made here")
class ProcessOneTest(unittest.TestCase):
    """Orphans and signals."""

    def setUp(self) -> None:
        self.kernel = driver.Kernel(wrapper=WRAPPER)
        self.addCleanup(self.kernel.__exit__)
        self.assertEqual(self.kernel.ready["pid"], 1)

    def test_a_signal_to_itself_ends_it(self) -> None:
        self.kernel.run("import os, signal")
        self.kernel.run("os.kill(os.getpid(), 0); os.kill(os.getpid(), signal.SIGCHLD)")
        heard = "heard = []\nsignal.signal(signal.SIGTERM, lambda *_: heard.append(1))"
        self.kernel.run(heard)
        turn = self.kernel.run("os.kill(os.getpid(), signal.SIGTERM)\nheard")
        self.assertEqual(turn.text, "[1]")
        with self.assertRaises(driver.Ended):
            self.kernel.run("os.kill(os.getpid(), signal.SIGKILL)")

    def test_many_orphans_are_reaped(self) -> None:
        self.kernel.run(STATES)
        self.kernel.run("for _ in range(40): os.system('true &')")
        self.kernel.run("wait_until_all_have_ended()")
        self.assertLess(int(self.kernel.run("len(states())").text), 20)

    def test_children_that_user_code_waits_for_later_are_left_to_it(self) -> None:
        self.kernel.run(STATES + "import subprocess")
        self.kernel.run("held = [subprocess.Popen(['sh', '-c', 'exit 3']) for _ in range(40)]")
        self.kernel.run("wait_until_all_have_ended()")
        self.assertEqual(self.kernel.run("len(states())").text, "40")
        turn = self.kernel.run("{process.wait() for process in held}")
        self.assertEqual(turn.text, "{3}")

    def test_a_few_forked_children_are_left_too(self) -> None:
        code = "import os\npids = [os.fork() for _ in range(3)]\nif 0 in pids: os._exit(4)"
        self.kernel.run(code)
        self.kernel.run(STATES)
        self.kernel.run("wait_until_all_have_ended()")
        turn = self.kernel.run("[os.waitpid(pid, 0)[1] >> 8 for pid in pids]")
        self.assertEqual(turn.text, "[4, 4, 4]")

    def test_it_ends_when_told_to(self) -> None:
        token = self.kernel.begin("import os, signal\nos.kill(1, signal.SIGTERM)\nwhile True: pass")
        with self.assertRaises(driver.Ended):
            self.kernel.finish(token)

    def test_children_end_by_the_signal(self) -> None:
        turn = self.kernel.run(
            "import multiprocessing, time\ncontext = multiprocessing.get_context('fork')\n"
            "process = context.Process(target=time.sleep, args=(60,))\n"
            "process.start()\nprocess.terminate()\nprocess.join()\nprocess.exitcode"
        )
        self.assertEqual(turn.text, "-15")

    def test_interrupts(self) -> None:
        token = self.kernel.begin("import os, signal\nos.kill(1, signal.SIGINT)")
        self.assertEqual(self.kernel.finish(token).status, "interrupted")
        self.assertEqual(self.kernel.run("5").text, "5")


if __name__ == "__main__":
    unittest.main()
