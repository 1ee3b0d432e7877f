"""S3, S7: what the time of an answer tells.

Pairs of requests are sent in random order over one connection, so that whatever the
machine does meets both alike. A difference counts only if it is seen in every one of a
few independent rounds: one round in thousands exceeds the threshold by chance, all of
them do not.
"""

import random
import time
import uuid

import pytest

from harness.server import key_id
from harness.statistics import cropped, welch_t

# The threshold that dudect uses.
T_MAX = 4.5
ROUNDS = 4
TRIES = 6000
# What the slowest requests tell is what else the machine did.
KEPT = (0.5, 0.8, 0.95)

pytestmark = pytest.mark.slow


def _differs(keyed, first: bytes, second: bytes, status: int, tries: int = TRIES) -> list[float]:
    samples = {first: [], second: []}
    order = [first, second] * (tries // 2)
    random.shuffle(order)
    with keyed.raw() as raw:
        for request in order:
            began = time.perf_counter_ns()
            raw.socket.sendall(request)
            answer = raw.answer()
            samples[request].append(time.perf_counter_ns() - began)
            assert answer.status == status
    pairs = [(cropped(samples[first], share), cropped(samples[second], share)) for share in KEPT]
    return [welch_t(*pair) for pair in pairs]


def _assert_alike(keyed, first: bytes, second: bytes, status: int) -> None:
    rounds = []
    for _ in range(ROUNDS):
        scores = _differs(keyed, first, second, status)
        rounds.append([round(score, 1) for score in scores])
        if max(map(abs, scores)) < T_MAX:
            print("t by share kept:", rounds)
            return
    # A real difference has one sign in all rounds.
    signs = {score > 0 for scores in rounds for score in scores if abs(score) >= T_MAX}
    assert len(signs) > 1, f"the time tells them apart, t: {rounds}"


def _list(keyed, key: str) -> bytes:
    return keyed.head("GET", "/v1/runs", f"Authorization: Bearer {key}", key="") + b"\r\n"


@pytest.mark.parametrize("shared", [8, 31, 42])
def test_s3_how_much_of_a_secret_is_right_does_not_show(keyed, shared):
    prefix, name, secret = keyed.run.split("_", 2)
    wrong = "".join("A" if letter != "A" else "B" for letter in secret)
    close = secret[:shared] + wrong[shared:]
    keys = [f"{prefix}_{name}_{text}" for text in (close, wrong)]
    _assert_alike(keyed, *(_list(keyed, key) for key in keys), status=401)


def test_s3_whether_an_id_exists_does_not_show(keyed):
    secret = "A" * len(keyed.run.split("_", 2)[2])
    known = key_id(keyed.run)
    unknown = "".join("0" if letter != "0" else "1" for letter in known)
    keys = [f"cbk_{name}_{secret}" for name in (known, unknown)]
    _assert_alike(keyed, *(_list(keyed, key) for key in keys), status=401)


def test_s7_whether_anothers_session_exists_does_not_show(keyed):
    with keyed.client() as client:
        theirs = client.post("/v1/sessions", json={}).json()["session_id"]
        requests = [
            keyed.head("GET", f"/v1/sessions/{name}", key=keyed.other) + b"\r\n"
            for name in (theirs, str(uuid.uuid4()))
        ]
        _assert_alike(keyed, *requests, status=404)
        client.delete(f"/v1/sessions/{theirs}")
