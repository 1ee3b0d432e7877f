"""Where a kernel begins: what a zygote does before it forks, and what its child does after."""

from __future__ import annotations

import fcntl
import gc
import importlib
import importlib.util
import os
import sys
from typing import Callable, List, NoReturn, Optional

from . import children, figures, frames, interrupts, namespace, randomness, stand_in, stdio, warm
from .exceptions import name_of, value_of
from .kernel import Kernel
from .plain_shell import PlainShell
from .pristine import __builtins__
from .turn import turn

# Read when libraries of linear algebra are loaded: a zygote must have one thread. A child may
# raise the number, by threadpoolctl for what is loaded already.
THREAD_COUNTS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "BLIS_NUM_THREADS",
)


class _Prepared:
    """What ``prepare`` made for ``serve``, in the same process or its fork."""

    shell: Optional[PlainShell] = None


def prepare(preload: List[str], ipython: bool = True) -> List[str]:
    """Makes a zygote ready to be forked. Returns a line for each module that could not come."""
    for name in THREAD_COUNTS:
        os.environ[name] = "1"
    os.environ["MPLBACKEND"] = figures.BACKEND
    failures = [failure for failure in map(_import, preload) if failure]
    failures += warm.run(_arrange(ipython))
    randomness.collect()
    gc.collect()
    gc.freeze()
    return failures


def _import(name: str) -> Optional[str]:
    try:
        importlib.import_module(name)
        return None
    except BaseException as problem:
        return "%s: %s: %s" % (name, name_of(problem), value_of(problem))


def _arrange(use_ipython: bool) -> PlainShell:
    """Everything that a kernel needs and that a fork inherits; done once."""
    shell = _Prepared.shell
    if shell is not None:
        return shell
    stdio.install()
    children.watch_forks()
    shell = _make_shell(use_ipython)
    shell.start()
    _Prepared.shell = shell
    return shell


def _make_shell(use_ipython: bool) -> PlainShell:
    main = namespace.fresh_main()
    if use_ipython and importlib.util.find_spec("IPython") is not None:
        try:
            return importlib.import_module(".ipython", __package__).load(main)  # type: ignore
        except Exception as problem:
            stdio.complain("IPython is not used: %s\n" % value_of(problem))
            main = namespace.fresh_main()
    stand_in.install(first=not use_ipython)
    return PlainShell(main)


def serve(
    control_fd: int, ipython: bool = True, first: Optional[Callable[[], None]] = None
) -> NoReturn:
    """Turns this process into a kernel that speaks on a socket. Called once, after confinement.

    ``first`` is called when the host configures the kernel, and before it is asked anything else.
    """
    high = fcntl.fcntl(control_fd, fcntl.F_DUPFD_CLOEXEC, stdio.HIGH_FD)
    os.close(control_fd)
    stdio.keep_descriptors()
    interrupts.adopt_thread()
    interrupts.disarm()
    channel = frames.Channel(high)
    turn.open(channel)
    if turn.pid == 1:
        children.obey_termination()
    # Cells import what lies in the working directory.
    sys.path.insert(0, "")
    shell = _arrange(ipython)
    Kernel(channel, shell).run(first)
