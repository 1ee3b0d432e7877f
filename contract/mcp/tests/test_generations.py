"""Both generations of the protocol in use, over both transports."""

import pytest

from liveness import BEATS, SILENCE_SECONDS_MAX, begun, heard, longest_silence, stops
from project import fresh


@pytest.fixture(params=["legacy", "2026-07-28"])
def generation(request) -> str:
    return request.param


@pytest.fixture
def speaker(connect, generation):
    return connect(mode=generation)


def test_the_generation_is_the_one_asked_for(speaker, generation):
    if generation == "legacy":
        assert speaker.version == "2025-11-25"
    else:
        assert speaker.version == generation


def test_the_newest_that_both_speak_is_chosen(connect):
    assert connect(mode="auto").version == "2026-07-28"


def test_tools_are_the_same(speaker, assistant):
    assert [tool.name for tool in speaker.list_tools()] == [
        tool.name for tool in assistant.list_tools()
    ]


def test_a_session_is_kept_by_its_id(speaker):
    session = speaker.call("execute_code", code="n = 20")["session_id"]
    answer = speaker.call("execute_code", code="print(n + 1)", session_id=session)
    assert answer["stdout"] == "21\n"


def test_an_error_of_a_tool_has_message_and_hint(speaker):
    speaker.refused("get_run", run_id="ffffffff-ffff-ffff-ffff-ffffffffffff")


def test_a_project_is_run(speaker, toy_repository):
    name = fresh("generation")
    speaker.call("create_project", project_name=name, source=str(toy_repository.path))
    answer = speaker.call("run", scope="project", mode="sync", project_name=name)
    assert answer["outputs"]["figures.json"]["doubled"] == 2


def test_a_call_that_is_taken_back_stops(speaker):
    session = speaker.call("execute_code", code="pass")["session_id"]
    call = speaker.begin("execute_code", code=BEATS, session_id=session)
    assert begun(speaker, session)
    call.cancel()
    assert stops(speaker, session)


@pytest.mark.slow
def test_progress_is_told(speaker):
    moments, _ = heard(speaker, "execute_code", code="import time; time.sleep(18)")
    assert len(moments) >= 3
    assert longest_silence(moments) <= SILENCE_SECONDS_MAX
