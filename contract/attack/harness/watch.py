"""A stop-watch for calls, and a neighbour who measures what he feels of others."""

import os
import threading
import time
from contextlib import contextmanager

from .statistics import percentile


# What a call may take beside its own time; a machine that is busy with other things
# multiplies it.
PATIENCE = float(os.environ.get("CONTRACT_PATIENCE", "1"))


@contextmanager
def within(seconds: float, what: str):
    """Fails if the block takes longer."""
    seconds *= PATIENCE
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took <= seconds, f"{what} took {took:.2f} s and may take {seconds:.2f} s"


class Neighbour:
    """A client of its own with a session of its own that sends a turn after another."""

    def __init__(self, server, key: str | None = None):
        self.client = server.client(key)
        made = self.client.post("/v1/sessions", json={})
        assert made.status_code == 201, made.text
        self.session = f"/v1/sessions/{made.json()['session_id']}"
        self.turn()

    def turn(self) -> float:
        """How long a turn took, in seconds."""
        began = time.perf_counter()
        response = self.client.post(f"{self.session}/turns", json={"code": "1 + 1"})
        assert response.status_code == 200, response.text
        assert response.json()["result"]["data"]["text/plain"] == "2", response.text
        return time.perf_counter() - began

    def measure(self, seconds: float, until: threading.Event | None = None) -> list[float]:
        """The times of turns for so long, or until it is told to stop."""
        deadline = time.monotonic() + seconds
        taken = []
        while time.monotonic() < deadline and not (until and until.is_set()):
            taken.append(self.turn())
            time.sleep(0.005)
        return taken

    def close(self) -> None:
        self.client.delete(self.session)
        self.client.close()


def figures(taken: list[float]) -> str:
    p50, p99 = (1000 * percentile(taken, share) for share in (0.5, 0.99))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {1000 * max(taken):.1f} ms of {len(taken)}"
