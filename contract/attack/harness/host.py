"""A look at processes from the host's side."""

import os
import re
from pathlib import Path


def resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+([0-9]+) kB", status, re.MULTILINE)[1]) * 1024


def file_count(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def live_processes() -> dict[int, tuple[int, int, str]]:
    """Parent, start time and name of each process that is no zombie."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = Path(f"/proc/{name}/stat").read_text()
        except OSError:
            continue
        # The name may have brackets in it; the last one ends it.
        command, _, rest = stat.partition("(")[2].rpartition(")")
        fields = rest.split()
        if fields[0] not in "ZX":
            found[int(name)] = (int(fields[1]), int(fields[19]), command)
    return found


def descendants(root: int) -> set[tuple[int, int]]:
    """Process id and start time of each live descendant."""
    processes = live_processes()
    found, pending = set(), [root]
    while pending:
        parent = pending.pop()
        for pid, (its_parent, start, _) in processes.items():
            if its_parent == parent:
                found.add((pid, start))
                pending.append(pid)
    return found


def are_alive(those: set[tuple[int, int]]) -> set[tuple[int, int, str]]:
    """Which of them live still."""
    processes = live_processes()
    return {
        (pid, start, processes[pid][2])
        for pid, start in those
        if pid in processes and processes[pid][1] == start
    }
