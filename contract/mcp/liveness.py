"""Whether something is heard of a call, and whether its code still goes on."""

import time

# Clients give up after a minute in which they heard nothing.
SILENCE_SECONDS_MAX = 15.5


def heard(assistant, tool: str, **arguments) -> tuple[list[float], object]:
    """When progress was told, with the beginning and the end."""
    moments = [time.monotonic()]

    async def progress(done, total, message):
        moments.append(time.monotonic())

    answer = assistant.patiently(tool, progress, 120, **arguments)
    moments.append(time.monotonic())
    return moments, answer


def longest_silence(moments: list[float]) -> float:
    return max(later - sooner for sooner, later in zip(moments, moments[1:]))


BEATS = """
import time
n = 0
while True:
    n += 1
    with open("beats.txt", "w") as file:
        file.write(str(n))
    time.sleep(0.05)
"""


def beats(assistant, session: str) -> str:
    return assistant.call("run_command", command="cat beats.txt", session_id=session)["stdout"]


def stops(assistant, session: str) -> bool:
    """Whether the beats cease."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        before = beats(assistant, session)
        time.sleep(0.5)
        if before == beats(assistant, session):
            return True
    return False


def begun(assistant, session: str) -> bool:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        answer = assistant.call("run_command", command="cat beats.txt", session_id=session)
        if answer["exit_code"] == 0:
            return True
        time.sleep(0.2)
    return False
