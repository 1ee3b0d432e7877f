"""Code without a project: its variables stay, its failures are answers, its time is bounded."""

import json
import time

import pytest

PICTURE = """
import base64

class Picture:
    def _repr_png_(self):
        return base64.b64decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
            "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
        )

Picture()
"""


def test_variables_stay_in_a_session(assistant):
    first = assistant.call("execute_code", code="numbers = [1, 2, 3]\nprint('made')")
    assert first["stdout"] == "made\n"
    assert (first["outcome"], first["exit_code"]) == ("exited", 0)
    session = first["session_id"]
    second = assistant.call("execute_code", code="print(sum(numbers))", session_id=session)
    assert second["session_id"] == session
    assert second["stdout"] == "6\n"


def test_sessions_do_not_see_each_other(assistant):
    assistant.call("execute_code", code="secret = 1")
    other = assistant.call("execute_code", code="print('secret' in globals())")
    assert other["stdout"] == "False\n"


def test_the_value_of_the_last_expression_comes_back(assistant):
    answer = assistant.call("execute_code", code="6 * 7")
    assert "42" in json.dumps(answer["result"])
    assert "42" in answer.text


def test_what_goes_wrong_in_the_code_is_an_answer(assistant):
    answer = assistant.call("execute_code", code="print('before')\n1 / 0")
    assert answer["outcome"] == "raised"
    assert answer["stdout"] == "before\n"
    assert answer["error"]["name"] == "ZeroDivisionError"
    assert "ZeroDivisionError" in answer.text


def test_a_syntax_error_is_an_answer(assistant):
    answer = assistant.call("execute_code", code="def (")
    assert answer["outcome"] == "raised"
    assert answer["error"]["name"] == "SyntaxError"


def test_a_session_lives_through_a_failure(assistant):
    session = assistant.call("execute_code", code="kept = 5\nraise KeyError('k')")["session_id"]
    answer = assistant.call("execute_code", code="print(kept)", session_id=session)
    assert answer["stdout"] == "5\n"


def test_standard_error_is_told_apart(assistant):
    answer = assistant.call("execute_code", code="import sys; print('e', file=sys.stderr)")
    assert (answer["stdout"], answer["stderr"]) == ("", "e\n")


def test_a_picture_is_an_image(assistant):
    answer = assistant.call("execute_code", code=PICTURE)
    (image,) = answer.images
    assert image.mime_type == "image/png"
    assert image.data.startswith("iVBORw0KGgo")


def test_code_that_takes_too_long_is_ended(assistant):
    began = time.monotonic()
    result = assistant.raw("execute_code", {"code": "while True: pass", "timeout_seconds": 2})
    assert time.monotonic() - began < 30
    assert result.structured_content["outcome"] == "timed_out"


def test_other_languages_run(assistant):
    answer = assistant.call("execute_code", code="echo $((6 * 7))", language="bash")
    assert answer["stdout"] == "42\n"


def test_an_unknown_language_is_refused_with_what_there_is(assistant):
    error = assistant.refused("execute_code", code="x", language="klingon")
    assert "python" in (error.message + error.hint)


def test_an_unknown_session_is_refused(assistant):
    error = assistant.refused(
        "execute_code", code="1", session_id="00000000-0000-0000-0000-000000000000"
    )
    assert "session" in error.message


def test_arguments_that_do_not_fit_are_refused_by_name(assistant):
    assert "code" in assistant.refused("execute_code").message
    wrong = assistant.refused("execute_code", code="1", timeout_seconds="soon")
    assert "timeout_seconds" in wrong.message
    assert (
        "timeout_seconds" in assistant.refused("execute_code", code="1", timeout_seconds=-1).message
    )
    assert "colour" in assistant.refused("execute_code", code="1", colour="red").message


def test_much_output_is_cut_and_said_to_be(assistant):
    answer = assistant.call("execute_code", code="print('a' + 'x' * 100_000 + 'z')")
    assert len(answer.text) < 50_000
    assert answer["stdout_truncated"] is True
    assert answer["stdout"].startswith("ax") and answer["stdout"].endswith("xz\n")
    # All of it is a resource.
    (link,) = answer.links
    (whole,) = assistant.read(str(link.uri)).contents
    assert whole.text == "a" + "x" * 100_000 + "z\n"


def test_what_takes_long_goes_on_after_the_answer(assistant):
    code = "import time\nfor n in range(6):\n    time.sleep(0.5)\nprint('done at last')"
    answer = assistant.call("execute_code", code=code, wait_seconds=1)
    assert answer["status"] == "running"
    run = answer["run_id"]
    told = assistant.call("execute_code", run_id=run)
    assert told["status"] == "ended"
    assert told["stdout"] == "done at last\n"
    assert (told["run_id"], told["session_id"]) == (run, answer["session_id"])


def test_a_command_has_an_exit_status(assistant):
    answer = assistant.call("run_command", command="echo out; echo err >&2; exit 3")
    assert (answer["stdout"], answer["stderr"], answer["exit_code"]) == ("out\n", "err\n", 3)
    assert answer["outcome"] == "exited"


def test_commands_and_code_share_the_files_of_a_session(assistant):
    session = assistant.call("execute_code", code="open('a.txt', 'w').write('shared')")[
        "session_id"
    ]
    answer = assistant.call("run_command", command="cat a.txt", session_id=session)
    assert answer["stdout"] == "shared"
    assert answer["session_id"] == session


def test_a_command_that_takes_too_long_is_ended(assistant):
    result = assistant.raw("run_command", {"command": "sleep 300", "timeout_seconds": 2})
    assert result.structured_content["outcome"] == "timed_out"


def test_sessions_are_listed_and_closed(assistant):
    session = assistant.call("execute_code", code="x = 1")["session_id"]
    listed = assistant.call("list_sessions")["sessions"]
    assert session in [entry["session_id"] for entry in listed]
    assistant.call("close_session", session_id=session)
    listed = assistant.call("list_sessions")["sessions"]
    assert session not in [entry["session_id"] for entry in listed]
    error = assistant.refused("execute_code", code="x", session_id=session)
    assert "execute_code" in error.hint


def test_environments_are_listed(assistant):
    answer = assistant.call("list_environments")
    assert isinstance(answer["environments"], list)


def test_there_is_no_network(assistant):
    code = (
        "import socket\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "except TimeoutError:\n    print('left')\n"
        "except OSError:\n    print('kept in')"
    )
    assert assistant.call("execute_code", code=code)["stdout"] == "kept in\n"


@pytest.mark.parametrize("text", ["ünïcödé – 漢字 🙂", "a\x00b", "line\r\nend"])
def test_text_comes_back_as_it_was(assistant, text):
    answer = assistant.call("execute_code", code=f"print({text!r}, end='')")
    assert answer["stdout"] == text
