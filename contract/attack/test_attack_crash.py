"""kill -9 of the server at random moments under load: nothing is left, and it starts again."""

import random
import signal
import threading
import time

import pytest

from harness.leftovers import Leftovers, directories, mounts
from harness.load import Load
from harness.server import Keyed, make_key

# What dies may take this long on a machine that builds beside it.
SETTLING = 10.0
# The promise is a second on a machine that does nothing else.
READY_MAX = 10.0


def _watch(server, leftovers: Leftovers, stop: threading.Event) -> None:
    """Learns of every process of the server while there is one."""
    while not stop.is_set():
        leftovers.note(server.process.pid)
        time.sleep(0.02)


def _kill_under_load(server, leftovers: Leftovers, after: float) -> Load:
    stop = threading.Event()
    watching = threading.Thread(target=_watch, args=(server, leftovers, stop))
    watching.start()
    with Load(server) as load:
        time.sleep(after)
        leftovers.note(server.process.pid)
        server.kill()
        stop.set()
        watching.join()
        load.stop.set()
    return load


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_crash_under_load_leaves_nothing(fresh, seed, capsys):
    dice = random.Random(seed)
    before = (mounts(), directories())
    server = fresh(kind=Keyed)
    leftovers = Leftovers()
    for _ in range(2):
        load = _kill_under_load(server, leftovers, after=dice.uniform(0.3, 4))
        processes = [line for line in leftovers.settled(SETTLING) if line.startswith("process")]
        assert not processes, f"processes outlive the server: {processes}"
        took = server.start()
        left = leftovers.settled(SETTLING)
        with capsys.disabled():
            print(
                f"\n  killed after {load.answered} answers, {len(leftovers.processes)} processes; "
                f"ready again after {took:.2f} s; left: {len(left)}; wrong: {len(load.wrong)}"
            )
        assert not left, left
        assert not load.wrong, load.wrong[:5]
        assert took < READY_MAX
        server.assert_right()
    assert server.stop() == 0
    assert not leftovers.settled(SETTLING)
    assert not mounts() - before[0]
    assert not _stays(directories() - before[1]), "left where temporary files are kept"


def _stays(paths: set[str], within: float = 5.0) -> set[str]:
    """Those that are still there after a while: others make and remove theirs meanwhile."""
    deadline = time.monotonic() + within
    while paths and time.monotonic() < deadline:
        time.sleep(0.2)
        paths &= directories()
    return paths


def test_crash_keeps_the_keys(fresh):
    server = fresh(kind=Keyed)
    with server.client() as client:
        made = client.post("/v1/sessions", json={"name": "gone"}).json()["session_id"]
    server.kill()
    server.start()
    for key, status in ((server.read, 200), (server.run, 200), (server.other, 200), ("", 401)):
        with server.client(key) as client:
            assert client.get("/v1/runs").status_code == status
    with server.client() as client:
        assert client.get(f"/v1/sessions/{made}").status_code in (404, 410)
        again = client.post("/v1/sessions", json={"name": "gone", "get_or_create": True})
        assert again.status_code == 201, again.text
    server.assert_right()


@pytest.mark.parametrize("rounds", [5])
def test_crash_at_the_start_and_start_again(fresh, rounds):
    server = fresh(kind=Keyed)
    for round_ in range(rounds):
        server.kill()
        server.start()
        time.sleep(0.02 * round_)
    server.assert_right()


def test_crash_loses_nothing_that_was_acknowledged_of_keys(fresh):
    """A key that was printed is there, whenever the server dies."""
    server = fresh(kind=Keyed)
    keys = []
    for _ in range(5):
        keys.append(make_key(server.state_dir, "a", "run"))
        server.kill()
        server.start()
    for key in keys:
        with server.client(key) as client:
            assert client.get("/v1/runs").status_code == 200


def test_end_in_order_under_load(fresh):
    """SIGTERM while clients are busy: it ends in its time, and nothing is left."""
    server = fresh(kind=Keyed)
    leftovers = Leftovers()
    with Load(server) as load:
        time.sleep(2)
        leftovers.note(server.process.pid)
        server.process.send_signal(signal.SIGTERM)
        load.stop.set()
    began = time.monotonic()
    assert server.stop() == 0
    print(f"ended {time.monotonic() - began:.1f} s after the last answer")
    left = leftovers.settled(SETTLING)
    assert not left, left
