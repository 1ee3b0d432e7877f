"""What is asked of the process that speaks over its standard streams."""

import json
import os
import subprocess

import pytest

from program import SETTINGS, stdio_command
from wire import INITIALIZE

ENDS_SECONDS_MAX = 30


@pytest.fixture
def spoken(tmp_path):
    """Says lines to a fresh server, closes its input, and gives what it answered."""

    def say(*lines: str, flags: tuple[str, ...] = ()):
        return subprocess.run(
            stdio_command(tmp_path / "state", *flags),
            input="".join(line + "\n" for line in lines),
            env=os.environ | SETTINGS,
            capture_output=True,
            text=True,
            timeout=ENDS_SECONDS_MAX,
        )

    return say


def test_it_ends_with_its_input(spoken):
    done = spoken()
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_nothing_but_messages_is_on_standard_output(spoken):
    done = spoken(json.dumps(INITIALIZE))
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert messages[0]["result"]["serverInfo"]["name"] == "cellblock"
    assert all(message["jsonrpc"] == "2.0" for message in messages)


@pytest.mark.parametrize("line", ["{", "hello", "[]", "null", "Content-Length: 2"])
def test_what_is_no_message_ends_nothing(spoken, line):
    done = spoken(line, json.dumps(INITIALIZE))
    answers = [json.loads(text) for text in done.stdout.splitlines()]
    assert any("result" in answer for answer in answers), done.stderr


def test_a_profile_that_is_none_is_wrong_usage(spoken):
    done = spoken(flags=("--tools", "everything"))
    assert done.returncode == 2
    assert "minimal" in done.stderr
