"""What servers of ours could leave behind on the host.

Others run sandboxes on the same machine, so only what is ours counts: live descendants
of a server by their start time, groups named after its process, mounts and directories
that were not there before and that nobody else can have made meanwhile.
"""

import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from .host import are_alive, descendants

PLACES = ("/tmp", "/var/tmp", "/dev/shm", "/run", "/var/lib")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass
class Leftovers:
    """Everything that belongs to some servers, collected while they live."""

    processes: set[tuple[int, int]] = field(default_factory=set)
    owners: set[int] = field(default_factory=set)

    def note(self, server_pid: int) -> None:
        self.owners.add(server_pid)
        self.processes |= descendants(server_pid)

    def now(self) -> list[str]:
        """What of it is there, a line each."""
        lines = [f"process {pid} {name}" for pid, _, name in are_alive(self.processes)]
        return lines + [f"group {path}" for path in self._groups()]

    def _groups(self) -> list[str]:
        owners = {str(pid) for pid in self.owners}
        found = []
        for path, directories, _ in os.walk(CGROUPS):
            for name in directories:
                is_below = "cellblock" in Path(path).name
                if is_below and owners & set(re.split(r"\D+", name)[:3]):
                    found.append(os.path.join(path, name))
        return found

    def settled(self, within: float) -> list[str]:
        """What is still there when it had its time to go."""
        deadline = time.monotonic() + within
        while (lines := self.now()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return lines


def mounts() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {" ".join(line.split()[3:5]) for line in lines}


def directories() -> set[str]:
    """Entries with our name where programs keep what they may forget."""
    found = set()
    for place in {
        *PLACES,
        os.environ.get("TMPDIR", "/tmp"),
        os.environ.get("XDG_RUNTIME_DIR", "/run"),
    }:
        try:
            found |= {
                os.path.join(place, name) for name in os.listdir(place) if "cellblock" in name
            }
        except OSError:
            continue
    return found
