"""Code that does its worst to whoever waits for it. None of it may harm the machine."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Torment:
    """Python code; what of it must still be seen; how it may end."""

    code: str
    shows: str = "begun"
    outcomes: tuple[str, ...] = ("timed_out",)


BEGUN = "print('begun', flush=True)\n"

# Ends of its own that some hosts let it come to.
ANY = (
    "timed_out",
    "kernel_died",
    "exited",
    "signaled",
    "raised",
    "denied",
    "output_limited",
    "out_of_memory",
)

TORMENTS = {
    "stops itself": Torment(
        BEGUN
        + """
import os, signal, time
os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(60)
"""
    ),
    "stops what it forked": Torment(
        BEGUN
        + """
import os, signal
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(child, 0)
"""
    ),
    "ignores every signal": Torment(
        BEGUN
        + """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
    ),
    "blocks every signal": Torment(
        BEGUN
        + """
import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    time.sleep(1)
"""
    ),
    "loops in C": Torment(
        BEGUN
        + """
sum(range(10 ** 15))
""",
        outcomes=ANY,
    ),
    "loops in one expression of C": Torment(
        BEGUN
        + """
import re
re.match('(a+)+$', 'a' * 60 + 'b')
"""
    ),
    "catches the interrupt for ever": Torment(
        BEGUN
        + """
import time
while True:
    try:
        while True:
            time.sleep(1)
    except BaseException:
        pass
"""
    ),
    "waits for a lock of its own": Torment(
        BEGUN
        + """
import threading
lock = threading.Lock(); lock.acquire(); lock.acquire()
"""
    ),
    "joins a thread that never ends": Torment(
        BEGUN
        + """
import threading, time
threads = [threading.Thread(target=lambda: time.sleep(600)) for _ in range(20)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    ),
    "floods both streams": Torment(
        BEGUN
        + """
import os
block = b'x' * 65536
while True:
    os.write(1, block); os.write(2, block)
""",
        outcomes=("timed_out", "output_limited"),
    ),
    "floods from many processes": Torment(
        BEGUN
        + """
import os, time
for _ in range(8):
    if os.fork() == 0:
        while True:
            os.write(1, b'y' * 4096)
time.sleep(60)
""",
        outcomes=("timed_out", "output_limited"),
    ),
    "floods with displays": Torment(
        BEGUN
        + """
while True:
    print('x', flush=True)
    display('y' * 10000) if 'display' in globals() else None
""",
        outcomes=ANY,
    ),
    "leaves a double fork that holds the pipes": Torment(
        BEGUN
        + """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
""",
        outcomes=("exited", "timed_out"),
    ),
    "leaves a hundred orphans": Torment(
        BEGUN
        + """
import os, time
for _ in range(100):
    try:
        if os.fork() == 0:
            os.setsid(); time.sleep(600); os._exit(0)
    except OSError:
        break
""",
        outcomes=("exited", "timed_out"),
    ),
    "closes every descriptor": Torment(
        BEGUN
        + """
import os, time
os.closerange(0, 65536)
time.sleep(60)
""",
        outcomes=ANY,
    ),
    "closes all but the streams": Torment(
        BEGUN
        + """
import os
os.closerange(3, 65536)
""",
        outcomes=ANY,
    ),
    "writes to every descriptor": Torment(
        BEGUN
        + """
import os
for number in range(3, 1024):
    try:
        os.write(number, b'\\xff' * 4096)
    except OSError:
        pass
""",
        outcomes=ANY,
    ),
    "shuts every socket down": Torment(
        BEGUN
        + """
import socket, time
for number in range(3, 1024):
    try:
        socket.socket(fileno=number).shutdown(2)
    except OSError:
        pass
time.sleep(60)
""",
        outcomes=ANY,
    ),
    "reads its own control descriptor empty": Torment(
        BEGUN
        + """
import os, time
for number in range(3, 1024):
    try:
        os.set_blocking(number, False); os.read(number, 1 << 20)
    except OSError:
        pass
time.sleep(60)
""",
        outcomes=ANY,
    ),
    "ends at once": Torment("import os; os._exit(7)", shows="", outcomes=ANY),
    "ends with a full pipe": Torment(
        BEGUN
        + """
import os
os.write(1, b'z' * 60000)
os._exit(0)
""",
        outcomes=ANY,
    ),
    "kills itself": Torment(BEGUN + "import os; os.kill(os.getpid(), 9)", outcomes=ANY),
    "kills everything": Torment(BEGUN + "import os; os.kill(-1, 9)", outcomes=ANY),
    "ends in an exit hook that never ends": Torment(
        BEGUN
        + """
import atexit, time
atexit.register(lambda: time.sleep(600))
raise SystemExit(0)
""",
        outcomes=ANY,
    ),
    "recurses": Torment(
        BEGUN
        + """
import sys
sys.setrecursionlimit(10 ** 9)
def f(): f()
f()
""",
        outcomes=ANY,
    ),
    "forks for ever": Torment(
        BEGUN
        + """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        outcomes=ANY,
    ),
    "eats memory": Torment(
        BEGUN
        + """
held = []
while True:
    held.append(bytearray(1 << 24))
""",
        outcomes=ANY,
    ),
    "holds its value back": Torment(
        BEGUN
        + """
import time
class Slow:
    def __repr__(self):
        time.sleep(600)
Slow()
"""
    ),
    "raises what never prints": Torment(
        BEGUN
        + """
import time
class Slow(Exception):
    def __str__(self):
        time.sleep(600)
raise Slow()
""",
        outcomes=("timed_out", "raised"),
    ),
    "opens a FIFO": Torment(
        BEGUN
        + """
import os
os.path.exists('fifo') or os.mkfifo('fifo')
open('fifo')
"""
    ),
}
