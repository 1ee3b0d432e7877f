"""A few turns run in the zygote, so that its children find the code paths warm.

What is never executed before the fork is faulted in after it, page by page. The turns take the
real path, frames included, over a socket that nobody keeps; afterwards no trace is left: not in
``__main__``, not in the counters, not on the standard streams. No turn here may start a process or
a thread, or leave a descriptor open.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Dict, List

from . import figures, frames
from .exceptions import text_of
from .kernel import Kernel
from .plain_shell import PlainShell
from .pristine import __builtins__
from .turn import turn

_PLAIN = [
    "pass",
    "warm_value = 40\nwarm_value + 2",
    "print('warm')",
    "display({'warm': [1, 2.0, None]})",
    "def warm_function(x):\n    return 1 / x\nwarm_function(0)",
    "warm_value +",
    "import asyncio\nawait asyncio.sleep(0)",
    "import sys\nprint('warm', file=sys.stderr)",
    "%pwd",
]

# What most users of a library do first; run only where it was preloaded.
_BY_MODULE: Dict[str, List[str]] = {
    "numpy": [
        "import numpy as warm_np\n(warm_np.arange(64.0).reshape(8, 8) @ warm_np.eye(8)).sum()",
    ],
    "pandas": [
        "import pandas as warm_pd\n"
        "warm_frame = warm_pd.DataFrame({'a': [1.0, 2.0, 3.0], 'b': ['x', 'y', 'x']})\n"
        "warm_frame.groupby('b').sum()",
        "warm_frame.describe()",
        "warm_frame.merge(warm_frame, on='b').sort_values('a_x')",
    ],
    figures.PYPLOT: [
        "import matplotlib.pyplot as warm_plt\nwarm_plt.plot([1, 2])\nwarm_plt.title('warm')",
    ],
}


def run(shell: PlainShell) -> List[str]:
    """Warms the process; returns a line for each cell that could not be run as meant."""
    sigint = signal.getsignal(signal.SIGINT)
    ours, theirs = socket.socketpair()
    streams = _divert_streams()
    problems: List[str] = []
    try:
        channel = frames.Channel(theirs.fileno())
        turn.open(channel)
        kernel = Kernel(channel, shell)
        for code in _cells():
            kernel.serve(frames.Frame(frames.EXECUTE, 1, {"code": code}))
            ours.setblocking(False)
            _drain(ours)
        for kind in (frames.COMPLETE, frames.INSPECT):
            kernel.serve(frames.Frame(kind, 1, {"code": "print", "cursor": 5}))
    except Exception as problem:
        problems.append("warm-up: " + text_of(problem))
    finally:
        turn.channel = None
        turn.count = 0
        ours.close()
        theirs.close()
        shell.forget()
        figures.close_fonts()
        _restore_streams(streams)
        signal.signal(signal.SIGINT, signal.SIG_DFL if sigint is None else sigint)
    return problems


def _cells() -> List[str]:
    cells = list(_PLAIN)
    for module, more in _BY_MODULE.items():
        if module in sys.modules:
            cells += more
    return cells


def _drain(ours: socket.socket) -> None:
    try:
        while ours.recv(1 << 16):
            pass
    except BlockingIOError:
        pass


def _divert_streams() -> List[int]:
    """Points descriptors 1 and 2 at a pipe; its buffer holds what the cells print."""
    read, write = os.pipe()
    kept = [os.dup(1), os.dup(2)]
    os.dup2(write, 1)
    os.dup2(write, 2)
    os.close(write)
    return [*kept, read]


def _restore_streams(kept: List[int]) -> None:
    stdout, stderr, _ = kept
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    for fd in kept:
        os.close(fd)
