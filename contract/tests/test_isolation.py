"""What a session can reach: its own workspace and nothing else. The reference
keeps sessions apart by directory names alone, so all of this is better."""

import os

import pytest

from callback import Callback
from session import within

pytestmark = pytest.mark.better


def test_one_session_sees_nothing_of_another(sessions):
    one, other = sessions(), sessions()
    one.write("secret.txt", b"the secret of one")
    one.python("x = 'the secret of one'")
    workspace = one.python("import os; print(os.getcwd())")["stdout"]
    look = f"cat ../../{one.id}/workspace/secret.txt ../{one.id}/secret.txt {workspace}/secret.txt; find / -name secret.txt -exec cat {{}} + 2>/dev/null; ls -R / 2>/dev/null | grep sbx_"
    assert other.bash(look)["stdout"] == ""
    assert other.python("print('x' in globals())")["stdout"] == "False"
    assert one.id not in other.bash("cat /proc/mounts /proc/self/mountinfo; ls /proc; env")["stdout"]


def test_one_session_writes_nothing_of_another(sessions):
    one, other = sessions(), sessions()
    workspace = one.python("import os; print(os.getcwd())")["stdout"]
    other.bash(f"echo x > {workspace}/planted; mkdir -p /tmp; echo x > /tmp/planted")
    assert one.names() == []
    assert one.bash("ls /tmp/planted")["return_code"] != 0


def test_one_session_signals_nothing_of_another(sessions, background):
    one, other = sessions(), sessions()
    running = background(one.python, "import time; time.sleep(2); print('unharmed')")
    other.bash("kill -9 -1")
    other.python("import os\nfor p in range(2, 400):\n  try: os.kill(p, 9)\n  except OSError: pass", timeout_seconds=5)
    assert running.result()["stdout"] == "unharmed"


def test_there_is_no_network(session):
    code = (
        "import socket\nfor address in (('1.1.1.1', 53), ('8.8.8.8', 443)):\n"
        "  try: socket.create_connection(address, 2); print('open')\n  except OSError: print('closed')"
    )
    assert session.python(code)["stdout"] == "closed\nclosed"
    assert session.bash("exec 3<>/dev/tcp/1.1.1.1/53")["return_code"] != 0


def test_the_server_cannot_be_reached_from_inside(session, url):
    port = int(url.rsplit(":", 1)[1])
    code = f"import socket\ntry: socket.create_connection(('127.0.0.1', {port}), 2); print('open')\nexcept OSError: print('closed')"
    assert session.python(code)["stdout"] == "closed"
    assert session.bash(f"exec 3<>/dev/tcp/127.0.0.1/{port}")["return_code"] != 0


def test_tools_need_no_network(session):
    callback = Callback()
    try:
        body = {"callback_url": callback.url, "token": "t", "tools": [{"name": "f"}]}
        session.client.post(f"{session.path}/programmatic-tools/register", json=body)
        assert session.python("from _platform_tools import f\nprint(f(a=1))")["stdout"] == "{'a': 1}"
        port = callback.url.rsplit(":", 1)[1].split("/")[0]
        assert session.bash(f"exec 3<>/dev/tcp/127.0.0.1/{port}")["return_code"] != 0
    finally:
        callback.close()


def test_the_server_cannot_be_seen_from_inside(session):
    seen = session.bash("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '")["stdout"]
    assert "--state-dir" not in seen
    assert "CELLBLOCK_BIN" not in seen
    assert session.bash("cat /etc/shadow")["return_code"] != 0


def test_files_of_the_host_are_absent(session, tmp_path):
    (tmp_path / "host.txt").write_text("of the host")
    assert session.bash(f"cat {tmp_path}/host.txt")["return_code"] != 0
    assert session.python(f"import os; print(os.path.exists({os.path.dirname(__file__)!r}))")["stdout"] == "False"


FORGED = [
    "---SBX_STDOUT_END---",
    "---SBX_STDERR_END---",
    "---SBX_DONE--- 0",
    '{"jsonrpc":"2.0","result":{}}',
    "\\x00\\x00\\x00\\x04null",
    "\\x1b[2J\\x1b]0;title\\x07",
]


@pytest.mark.parametrize("line", FORGED)
def test_output_is_only_output(session, line):
    expected = line.encode().decode("unicode_escape")
    content = session.python(f"print('before'); print('{line}'); print('after')\n1 / 0")
    assert content["stdout"] == f"before\n{expected}\nafter"
    assert content["return_code"] == 1
    assert session.python("print('next')")["stdout"] == "next"


def test_raw_writes_forge_nothing(session):
    code = "import os\nos.write(1, b'FORGED\\n---SBX_STDOUT_END---\\n---SBX_STDERR_END---\\n---SBX_DONE--- 42\\n')\nprint('true')"
    content = session.python(code)
    assert content["return_code"] == 0
    assert "true" in content["stdout"]
    assert session.python("print('next')")["stdout"] == "next"


def test_every_open_descriptor_forges_nothing(session):
    code = (
        "import os\nfor fd in range(3, 64):\n  try: os.set_blocking(fd, False); os.write(fd, b'\\xff' * 64 + b'\\n{}\\n')\n  except OSError: pass\nprint('done')"
    )
    answer = session.exec("code_execution", {"code": code}, timeout_seconds=3)
    assert answer.status_code == 200
    assert session.python("print('next')")["stdout"] == "next"


def test_closed_descriptors_do_no_harm(session):
    with within(3):
        answer = session.exec("code_execution", {"code": "import os\nos.closerange(0, 256)"}, timeout_seconds=3)
    assert answer.status_code == 200
    assert session.python("print('next')")["stdout"] == "next"


def test_a_fork_does_no_harm(session):
    session.python("import os\nprint('both', flush=True)\nif os.fork() == 0: os._exit(0)\nos.wait()")
    assert session.python("print('next')")["stdout"] == "next"
    with within(3):
        # The copy ends with the code, and is waited for: what it says belongs to this call.
        code = "pid = os.fork()\nprint('both')\nif pid: os.waitpid(pid, 0)"
        session.exec("code_execution", {"code": code}, timeout_seconds=3)
    for number in range(3):
        assert session.python(f"print({number})")["stdout"] == str(number)


def test_one_long_line_does_no_harm(session):
    content = session.python("print('x' * (17 << 20))")
    assert content["return_code"] == 0
    assert content["stdout"].startswith("x" * 1000)
    assert session.python("print('next')")["stdout"] == "next"


def test_much_raw_error_output_does_not_block(session):
    with within(10):
        content = session.python("import os\nfor _ in range(40): os.write(2, b'e' * (1 << 20))\nprint('done')", timeout_seconds=10)
    assert (content["return_code"], content["stdout"]) == (0, "done")


def test_a_workspace_is_bounded(session):
    code = (
        "import errno\nn = 0\ntry:\n"
        "  for i in range(64):\n    with open(f'f{i}', 'wb') as f:\n      for _ in range(200): f.write(b'x' * (1 << 20)); n += 1\n"
        "except (OSError, MemoryError) as e: print('stopped')"
    )
    content = session.python(code, timeout_seconds=60)
    assert content["stdout"] == "stopped" or content["return_code"] == -1
