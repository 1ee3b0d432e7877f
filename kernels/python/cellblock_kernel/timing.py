"""``%time`` and ``%timeit``."""

from __future__ import annotations

import math
import time
import timeit
from typing import Any, Callable, Dict, List, Optional, Tuple

from .exceptions import UsageError
from .pristine import __builtins__

REPEATS = 7
# A loop count is raised until one run takes this long.
RUN_SECONDS_MIN = 0.2

_UNITS = (("s", 1.0), ("ms", 1e-3), ("\u03bcs", 1e-6), ("ns", 1e-9))


def time_call(call: Callable[[], Any]) -> Any:
    """Calls a function, prints how long that took, returns what it returned."""
    wall = time.perf_counter
    before = _cpu_times()
    began = wall()
    value = call()
    took = wall() - began
    after = _cpu_times()
    user, system = after[0] - before[0], after[1] - before[1]
    if user or system:
        total = user + system
        print("CPU times: user %s, sys: %s, total: %s" % (_span(user), _span(system), _span(total)))
    print("Wall time: %s" % _span(took))
    return value


def _cpu_times() -> Tuple[float, float]:
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


class TimeitResult:
    """What ``%timeit -o`` returns."""

    def __init__(self, loops: int, timings: List[float]) -> None:
        self.loops = loops
        self.repeat = len(timings)
        self.all_runs = [timing * loops for timing in timings]
        self.timings = timings
        self.best = min(timings)
        self.worst = max(timings)
        self.average = math.fsum(timings) / len(timings)
        squares = math.fsum((each - self.average) ** 2 for each in timings)
        self.stdev = math.sqrt(squares / len(timings))

    def __str__(self) -> str:
        return "%s \u00b1 %s per loop (mean \u00b1 std. dev. of %d run%s, %s loop%s each)" % (
            _span(self.average),
            _span(self.stdev),
            self.repeat,
            "" if self.repeat == 1 else "s",
            format(self.loops, ",d"),
            "" if self.loops == 1 else "s",
        )

    def __repr__(self) -> str:
        return "<TimeitResult : %s>" % self


def time_repeatedly(
    statement: str, setup: str, options: Dict[str, str], names: Dict[str, Any]
) -> Optional[TimeitResult]:
    """Times a statement over many loops and prints the mean."""
    timer = timeit.Timer(statement or "pass", setup or "pass", globals=names)
    loops = _count(options, "n", 0)
    repeats = _count(options, "r", REPEATS)
    if not loops:
        loops = _enough(timer)
    result = TimeitResult(loops, [each / loops for each in timer.repeat(repeats, loops)])
    if "q" not in options:
        print(result)
    return result if "o" in options else None


def _count(options: Dict[str, str], name: str, default: int) -> int:
    try:
        return int(options.get(name, default))
    except ValueError:
        raise UsageError("option -%s needs a number" % name) from None


def _enough(timer: timeit.Timer) -> int:
    loops = 1
    while timer.timeit(loops) < RUN_SECONDS_MIN:
        loops *= 10
    return loops


def _span(seconds: float) -> str:
    """A time in words, three digits."""
    if seconds >= 60:
        minutes, rest = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return ("%dh " % hours if hours else "") + "%dmin %ds" % (minutes, rest)
    for unit, size in _UNITS:
        if seconds >= size:
            return "%.3g %s" % (seconds / size, unit)
    return "%.3g ns" % (seconds / 1e-9) if seconds else "0 ns"
