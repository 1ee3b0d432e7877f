"""S50–S58: fields with values that nobody should ask for."""

import json

import pytest

from harness.expect import assert_refused, text_of

HUGE = 1 << 62
LIMITS = [
    "wall_time_ms",
    "cpu_time_ms",
    "memory_bytes",
    "pids",
    "cpu_millis",
    "open_files",
    "file_size_bytes",
    "workspace_bytes",
    "workspace_inodes",
    "output_bytes",
]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [0, -1, 1.5, HUGE, 1 << 64, "1000", True, [1], {}])
def test_s50_limits(client, name, value):
    for path, body in (("/v1/runs", {"shell": "true"}), ("/v1/sessions", {})):
        body = {**body, "policy": {"limits": {name: value}}}
        if _may_have_no_ceiling(name, value):
            continue
        assert_refused(client.post(path, json=body), 400, 403, 422)


def _may_have_no_ceiling(name: str, value: object) -> bool:
    """A number of bytes to keep or a time that is longer than anything is no privilege."""
    return value == HUGE and name not in ("memory_bytes", "pids", "workspace_bytes")


@pytest.mark.parametrize("field", ["idle_time_ms", "lifetime_ms"])
@pytest.mark.parametrize("value", [0, -1, 1.5, HUGE, "60000", True])
def test_s50_lifetimes(client, session, field, value):
    assert_refused(client.post("/v1/sessions", json={field: value}), 403, 422)
    assert_refused(client.post(f"{session}/renew", json={field: value}), 403, 422)


@pytest.mark.parametrize("value", [-1, 1.5, "1000", [], 1 << 64])
def test_s50_time_of_a_turn(client, session, value):
    response = client.post(f"{session}/turns", json={"code": "1", "wall_time_ms": value})
    assert_refused(response, 400, 422)


CODES = {
    "empty": ('""', {200, 422}),
    "NUL": ('"print(1)\\u0000"', {200, 422}),
    "a lone surrogate": ("\"print('\\ud800')\"", {200, 400, 422}),
    "a reversed pair": ('"\\udc00\\ud800"', {200, 400, 422}),
    "one line of 10 MB": (json.dumps("x = '" + "y" * 10_000_000 + "'"), {200, 413, 422}),
    "17 MiB": (json.dumps("#" * (17 << 20)), {413, 422}),
    "null": ("null", {422}),
    "a number": ("1", {422}),
    "deep": (json.dumps("(" * 10_000 + ")" * 10_000), {200}),
    "directional marks": (json.dumps("x = '\u202e\u2066'"), {200}),
}


@pytest.mark.parametrize("name", CODES)
def test_s51_code(client, session, name):
    code, statuses = CODES[name]
    content = b'{"code":' + code.encode() + b"}"
    headers = {"Content-Type": "application/json"}
    turn = client.post(f"{session}/turns", content=content, headers=headers)
    assert turn.status_code in statuses, turn.text[:500]
    content = b'{"language":"python","code":' + code.encode() + b"}"
    run = client.post("/v1/runs", content=content, headers=headers)
    assert run.status_code in statuses, run.text[:500]


NAMES = [
    "",
    "python;id",
    "../x",
    "--privileged",
    "-v/:/h",
    "python\x00",
    "/bin/sh",
    "$(id)",
    "`id`",
    "%s%n",
    "\u202epython",
    "x" * 100_000,
    ".",
    "..",
    "-",
    "p\u00fdthon",
]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:20]))
def test_s52_languages_environments_and_profiles(client, name):
    asks = [
        ("/v1/runs", {"language": name, "code": "1"}),
        ("/v1/runs", {"shell": "true", "environment": name}),
        ("/v1/runs", {"shell": "true", "policy": {"profile": name}}),
        ("/v1/sessions", {"environment": name}),
        ("/v1/sessions", {"policy": {"profile": name}}),
    ]
    for path, body in asks:
        assert_refused(client.post(path, json=body), 404, 422)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/x", "a/b", "", ".", "..", "x\x00y", "x" * 300, "-c"]
)
def test_s52_file_names_of_code(client, session, name):
    run = client.post(
        "/v1/runs", json={"language": "python", "code": "print(7)", "file_name": name}
    )
    assert run.status_code in (200, 422), run.text
    turn = client.post(f"{session}/turns", json={"code": "1", "file_name": name})
    assert turn.status_code in (200, 422), turn.text
    if run.status_code == 200:
        assert text_of(run.json()["result"]["stdout"]) == "7\n"


IDS = [
    "x" * 65,
    "X" * 36,
    "00000000-0000-0000-0000-000000000000",
    "..",
    ".",
    "%00",
    "%2e%2e",
    "'%20OR%201=1--",
    "%F0%9F%98%80",
    "%ff",
    "-1",
    "null",
    "*",
    "%0d%0aX:%20y",
    "a" * 10_000,
    "0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6",
    "{0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a}",
]
ROUTES = [
    "/v1/sessions/{}",
    "/v1/sessions/{}/files",
    "/v1/runs/{}",
    "/v1/runs/{}/events",
    "/v1/sessions/{}/commands/{}",
    "/sessions/{}",
    "/sessions/{}/files/list",
]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", IDS, ids=lambda name: name[:24])
def test_s53_ids(server, name, route):
    with server.raw() as raw:
        raw.send(server.head("GET", route.replace("{}", name)) + b"\r\n")
        answer = raw.answer()
    # 422: the session protocol has a maximum of its own for them.
    assert answer.status in (400, 404, 422), (answer.status, answer.body)
    assert b"sql" not in answer.body.lower()


@pytest.mark.parametrize("name", ["X" * 36, "upper"])
def test_s53_an_id_in_upper_case_is_the_same_or_none(client, session, name):
    path, _, identifier = session.rpartition("/")
    response = client.get(f"{path}/{identifier.upper()}")
    assert response.status_code in (200, 400, 404)


ARGS = {
    "NUL": (["a\x00b"], {422}),
    "10k": (["x"] * 10_000, {413, 422}),
    "2 MB together": (["x" * 100_000] * 20, {413, 422}),
    "one of 2 MB": (["x" * 2_000_000], {413, 422}),
    "no text": ([1], {422}),
    "no list": ("x", {422}),
    "empty texts": ([""] * 5, {200}),
    "options": (["--help", "-c", "--"], {200}),
}


@pytest.mark.parametrize("name", ARGS)
def test_s55_arguments(client, session, name):
    args, statuses = ARGS[name]
    run = client.post("/v1/runs", json={"language": "python", "code": "1", "args": args})
    assert run.status_code in statuses, run.text[:500]
    command = args if isinstance(args, list) else [args]
    run = client.post("/v1/runs", json={"command": ["echo", *command], "policy": {}})
    if name != "no list":
        assert run.status_code in statuses, run.text[:500]
    command = client.post(f"{session}/commands", json={"shell": "true", "args": args})
    assert command.status_code in statuses | {422}, command.text[:500]


@pytest.mark.parametrize(
    "command", [[], [""], ["\x00"], ["x" * 5000], ["/"], ["../../bin/sh"], "ls", [1]]
)
def test_s55_programs(client, session, command):
    for path in ("/v1/runs", f"{session}/commands"):
        response = client.post(path, json={"command": command})
        # A path is one of the sandbox; 404: nothing is there that could be run.
        assert response.status_code in (200, 404, 422), response.text[:300]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"shell": "true", "command": ["true"]},
        {"code": "1", "shell": "true"},
        {"language": "python"},
        {"shell": "true", "language": "python", "code": "1"},
        {"shell": ""},
        {"shell": "a\x00b"},
        {"shell": "x" * (20 << 20)},
        {"shell": None},
        {"shell": ["true"]},
    ],
)
def test_s55_not_exactly_one_program(client, session, body):
    for path in ("/v1/runs", f"{session}/commands"):
        response = client.post(path, json=body)
        may_run = body == {"shell": ""}
        assert response.status_code in ((200, 422) if may_run else (413, 422)), response.text[:300]


CWDS = [
    "..",
    "../..",
    "/",
    "/etc",
    "/workspace/..",
    "a/../../..",
    "\x00",
    "/proc/1/root",
    "nowhere",
    "x" * 5000,
    "/workspace/link",
]


@pytest.mark.parametrize("cwd", CWDS, ids=lambda cwd: cwd[:20])
def test_s56_directories(client, session, cwd):
    client.post(
        f"{session}/turns",
        json={"code": "import os; os.path.lexists('link') or os.symlink('/', 'link')"},
    )
    response = client.post(f"{session}/commands", json={"shell": "pwd -P", "cwd": cwd})
    assert response.status_code < 500, response.text
    if response.status_code == 200:
        # Inside, everything is the sandbox's own: what must not happen is another root.
        shown = text_of(response.json()["stdout"]).strip()
        assert not shown or shown.startswith("/"), shown
        print(f"cwd {cwd!r} was taken: {shown!r}")
    else:
        assert_refused(response, 400, 404, 422)


ASKS_FOR_MORE = [
    {"network": "full"},
    {"network": "host"},
    {"network": {"mode": "host"}},
    {"shares": [{"source": "/etc", "target": "/x", "access": "ro"}]},
    {"shares": [{"source": "/", "target": "/x", "access": "rw"}]},
    {"allow_missing": ["syscall_filter"]},
    {"allow_missing": ["network_namespace"]},
    {"mounts": []},
    {"devices": ["/dev/kvm"]},
    {"capabilities": ["CAP_SYS_ADMIN"]},
    {"privileged": True},
    {"user": "root"},
    {"cgroup_parent": "/"},
    {"seccomp": "unconfined"},
]


@pytest.mark.parametrize("policy", ASKS_FOR_MORE, ids=json.dumps)
def test_s57_rights_that_no_client_can_have(client, policy):
    for path, body in (("/v1/runs", {"shell": "true"}), ("/v1/sessions", {})):
        assert_refused(client.post(path, json={**body, "policy": policy}), 403, 422)
        assert_refused(client.post(path, json={**body, **policy}), 403, 422)


def test_s57_no_shares_is_what_everybody_has(client):
    response = client.post("/v1/runs", json={"shell": "true", "policy": {"network": "none"}})
    assert response.status_code == 200, response.text


ENV_VARS = [
    {"": "x"},
    {"A=B": "x"},
    {"A\x00": "x"},
    {"A": "x\x00"},
    {"A": 1},
    {"A" * 200_000: "x"},
    {f"A{n}": "x" for n in range(100_000)},
    {"A": "x" * 3_000_000},
    [],
    "A=B",
]


@pytest.mark.parametrize("env_vars", ENV_VARS, ids=lambda given: repr(given)[:24])
def test_s57_env_vars(client, session, env_vars):
    run = client.post("/v1/runs", json={"shell": "true", "policy": {"env_vars": env_vars}})
    assert_refused(run, 413, 422)
    command = client.post(f"{session}/commands", json={"shell": "true", "env_vars": env_vars})
    if command.status_code != 200 or env_vars not in ([],):
        assert_refused(command, 413, 422)


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "BASH_ENV", "PYTHONSTARTUP", "LD_AUDIT", "IFS", "PATH"]
)
def test_s57_env_vars_reach_only_the_program_inside(client, name):
    body = {"shell": "echo fine", "policy": {"env_vars": {name: "/workspace/nothing.so"}}}
    response = client.post("/v1/runs", json=body)
    assert response.status_code in (200, 403, 404, 422), response.text


LABELS = {
    "1 MB": {"a": "x" * 1_000_000},
    "10k": {f"k{n}": "v" for n in range(10_000)},
    "a control in a value": {"a": "\x1b[31m\x07"},
    "a control in a name": {"\x00": "v"},
    "a line's end": {"a": "x\ny"},
    "an empty name": {"": "v"},
    "a long name": {"k" * 10_000: "v"},
    "no text": {"a": 1},
    "nested": {"a": {"b": "c"}},
    "a list": [],
}


@pytest.mark.parametrize("name", LABELS)
def test_s58_labels(client, name):
    for path, body in (("/v1/runs", {"shell": "true"}), ("/v1/sessions", {})):
        assert_refused(client.post(path, json={**body, "labels": LABELS[name]}), 413, 422)


@pytest.mark.parametrize("name", ["", "x" * 10_000, "\x00", "a\nb", "\x1b[31m", 1, [], {}])
def test_s58_names(client, name):
    assert_refused(client.post("/v1/sessions", json={"name": name}), 422)
