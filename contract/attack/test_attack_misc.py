"""S93–S96: headers for the log, methods without a key, and a clock that is set back."""

import shutil
import subprocess
import time

import pytest

from harness.expect import assert_refused
from harness.server import Keyed, make_key

HOSTILE = [
    "' OR 1=1--",
    "%s%s%n",
    "\x1b[31mred\x1b[0m",
    "${jndi:ldap://evil.example/x}",
    "\x1b]0;title\x07",
    "{}{:?}",
    "x" * 4000,
]


@pytest.mark.parametrize(
    "name", ["User-Agent", "Referer", "Accept-Language", "X-Request-Id", "Cookie"]
)
@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: repr(value[:12]))
def test_s93_headers_reach_the_log_escaped_or_not_at_all(server, name, value):
    with server.raw() as raw:
        raw.send(server.head("GET", "/v1/runs", f"{name}: {value}") + b"\r\n")
        answer = raw.answer()
    assert answer.status in (200, 400)
    if name == "X-Request-Id":
        assert answer.header("x-request-id") != value
    time.sleep(0.05)
    assert not [line for line in server.log if "\x1b[31m" in line or "\x07" in line]


def test_s93_paths_reach_the_log_escaped(server):
    marker = "/v1/%1b%5b31m%0afake-line"
    with server.raw() as raw:
        raw.send(server.head("GET", marker) + b"\r\n")
        assert raw.answer().status in (400, 404)
    time.sleep(0.05)
    assert not [line for line in server.log if line.startswith("fake-line")]


ROUTES = [
    "/v1/runs",
    "/v1/runs/x",
    "/v1/runs/x/cancel",
    "/v1/runs/x/events",
    "/v1/sessions",
    "/v1/sessions/x",
    "/v1/sessions/x/turns",
    "/v1/sessions/x/commands",
    "/v1/sessions/x/commands/y/logs",
    "/v1/sessions/x/files",
    "/v1/sessions/x/files/content",
    "/v1/sessions/x/files/archive",
    "/v1/sessions/x/files/events",
    "/v1/sessions/x/tools",
    "/v1/environments",
    "/v1/languages",
    "/v1/limits",
    "/v1/host",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/sessions",
    "/sessions/x",
    "/sessions/x/exec",
    "/sessions/x/files",
    "/nowhere",
    "/",
]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_s95_nothing_is_told_without_a_key(keyed, path, method):
    with keyed.client("") as client:
        response = client.request(method, path)
    assert response.status_code in (204, 401), response.status_code
    assert response.status_code == 401 or not response.content
    allowed = [name for name in response.headers if name.startswith("access-control")]
    assert not allowed


def test_s95_statuses_do_not_tell_which_routes_there_are(keyed):
    with keyed.client("") as client:
        answers = {path: client.get(path).status_code for path in ROUTES}
    assert set(answers.values()) == {401}, answers


# Makes the wall clock of one process run as far behind as a file says.
CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME) {
        FILE *file = fopen(getenv("CLOCK_OFFSET"), "r");
        long offset = 0;
        if (file) {
            if (fscanf(file, "%ld", &offset) != 1) offset = 0;
            fclose(file);
        }
        now->tv_sec += offset;
    }
    return result;
}
"""


@pytest.fixture
def clock(tmp_path):
    """A library to load before the server, and the file with the seconds that it adds."""
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    source, library, offset = (tmp_path / name for name in ("clock.c", "clock.so", "offset"))
    source.write_text(CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    offset.write_text("0")
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(offset)}, offset


def test_s96_a_clock_set_back_revives_no_key_and_no_session(fresh, clock):
    env, offset = clock
    server = fresh(kind=Keyed, env=env)
    key = make_key(server.state_dir, "a", "run", more=("--expires", "1h"))
    with server.client() as lasting, server.client(key) as client:
        made = lasting.post("/v1/sessions", json={"lifetime_ms": 3000}).json()["session_id"]
        deadline = time.monotonic() + 3
        while client.get("/v1/runs").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        offset.write_text("7200")
        time.sleep(0.2)
        if client.get("/v1/runs").status_code == 200:
            pytest.skip("the server asks for the time in a way that cannot be changed from outside")
        offset.write_text("-7200")
        time.sleep(3.5)
        assert_refused(client.get("/v1/runs"), 401)
        assert_refused(lasting.get(f"/v1/sessions/{made}"), 404, 410)
    server.assert_right()


def test_s96_a_clock_set_back_gives_no_turn_more_time(fresh, clock):
    env, offset = clock
    server = fresh(env=env)
    with server.client() as client:
        body = {"shell": "sleep 30", "policy": {"limits": {"wall_time_ms": 2000}}}
        offset.write_text("-7200")
        began = time.monotonic()
        run = client.post("/v1/runs", json=body)
        assert run.json()["result"]["outcome"] == "timed_out", run.text
        assert time.monotonic() - began < 5
