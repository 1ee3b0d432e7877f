"""Calls that take long: their progress is told, and taking them back stops what they began."""

import pytest

from liveness import BEATS, SILENCE_SECONDS_MAX, begun, heard, longest_silence, stops


@pytest.mark.slow
def test_progress_of_code_is_told(assistant):
    moments, answer = heard(
        assistant,
        "execute_code",
        code="import time; time.sleep(33); print('awake')",
        timeout_seconds=60,
    )
    assert answer["stdout"] == "awake\n"
    assert len(moments) >= 4
    assert longest_silence(moments) <= SILENCE_SECONDS_MAX


@pytest.mark.slow
def test_progress_of_a_command_is_told(assistant):
    moments, answer = heard(
        assistant, "run_command", command="sleep 33; echo awake", timeout_seconds=60
    )
    assert answer["stdout"] == "awake\n"
    assert longest_silence(moments) <= SILENCE_SECONDS_MAX


@pytest.mark.slow
def test_progress_of_a_run_is_told(own_toy):
    own_toy.repository.commit({"model/nap.py": "import time\ntime.sleep(33)\nresult = {'n': 1}\n"})
    moments, answer = heard(own_toy.assistant, "run", **own_toy.wanted("nap"))
    assert answer["outputs"] == {"n": 1}
    assert longest_silence(moments) <= SILENCE_SECONDS_MAX


def test_code_that_is_taken_back_stops(assistant):
    session = assistant.call("execute_code", code="kept = 1")["session_id"]
    call = assistant.begin("execute_code", code=BEATS, session_id=session)
    assert begun(assistant, session)
    call.cancel()
    assert stops(assistant, session)
    answer = assistant.call("execute_code", code="print('alive')", session_id=session)
    assert answer["stdout"] == "alive\n"


def test_a_command_that_is_taken_back_stops(assistant):
    session = assistant.call("execute_code", code="pass")["session_id"]
    command = "n=0; while true; do n=$((n+1)); echo $n > beats.txt; sleep 0.05; done"
    call = assistant.begin("run_command", command=command, session_id=session)
    assert begun(assistant, session)
    call.cancel()
    assert stops(assistant, session)
