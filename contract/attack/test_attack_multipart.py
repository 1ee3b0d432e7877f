"""S47: uploads as forms send them, badly formed."""

import pytest

from harness.expect import assert_refused
from harness.host import resident_bytes


def _part(disposition: str, content: bytes, mark: bytes = b"x") -> bytes:
    head = f"Content-Disposition: form-data; {disposition}\r\n\r\n".encode()
    return b"--" + mark + b"\r\n" + head + content + b"\r\n"


FILE = _part('name="file"; filename="f"', b"content")
END = b"--x--\r\n"

BAD = {
    "no boundary": ("multipart/form-data", FILE + END),
    "an empty boundary": ("multipart/form-data; boundary=", FILE + END),
    "an empty quoted boundary": ('multipart/form-data; boundary=""', FILE + END),
    "a boundary of 200": (f"multipart/form-data; boundary={'b' * 200}", FILE + END),
    "another boundary": ("multipart/form-data; boundary=y", FILE + END),
    "a boundary with CRLF": ('multipart/form-data; boundary="x\\r\\ny"', FILE + END),
    "nothing at all": ("multipart/form-data; boundary=x", b""),
    "only the end": ("multipart/form-data; boundary=x", END),
    "no end": ("multipart/form-data; boundary=x", FILE),
    "the end of a head missing": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="file"',
    ),
    "no disposition": ("multipart/form-data; boundary=x", b"--x\r\n\r\ncontent\r\n" + END),
    "no name": ("multipart/form-data; boundary=x", _part('filename="f"', b"c") + END),
    "10k parts": ("multipart/form-data; boundary=x", _part('name="y"', b"") * 10_000 + FILE + END),
    "nested": (
        "multipart/form-data; boundary=x",
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n" + END,
    ),
    "a field name of 1 MiB": (
        "multipart/form-data; boundary=x",
        _part(f'name="{"n" * (1 << 20)}"', b"c") + END,
    ),
    "a head of 10k lines": (
        "multipart/form-data; boundary=x",
        b"--x\r\n" + b"X: y\r\n" * 10_000 + b"\r\n" + END,
    ),
    "two files": ("multipart/form-data; boundary=x", FILE + FILE + END),
    "two paths": (
        "multipart/form-data; boundary=x",
        _part('name="path"', b"a") + _part('name="path"', b"b") + FILE + END,
    ),
    "a path of 1 MiB": (
        "multipart/form-data; boundary=x",
        _part('name="path"', b"p" * (1 << 20)) + FILE + END,
    ),
    "a path with NUL": (
        "multipart/form-data; boundary=x",
        _part('name="path"', b"a\x00b") + FILE + END,
    ),
    "a path that is no UTF-8": (
        "multipart/form-data; boundary=x",
        _part('name="path"', b"\xff\xfe") + FILE + END,
    ),
    "only a path": ("multipart/form-data; boundary=x", _part('name="path"', b"a") + END),
}


@pytest.mark.parametrize("name", BAD)
def test_s47_forms(client, session, name):
    kind, body = BAD[name]
    response = client.post(f"{session}/files", content=body, headers={"Content-Type": kind})
    assert_refused(response, 400, 413, 415, 422)
    assert client.get(f"{session}/files").json()["files"] == []


ESCAPES = [
    "../x",
    "/etc/x",
    "a/../../x",
    "..",
    "/workspace/../x",
    "/proc/self/mem",
    "..\\x",
    "./../x",
]


@pytest.mark.parametrize("name", ESCAPES)
@pytest.mark.parametrize("where", ["path", "filename", "filename*"])
def test_s47_names_that_leave_the_workspace(client, session, where, name):
    if where == "path":
        body = _part('name="path"', name.encode()) + FILE
    elif where == "filename":
        body = _part(f'name="file"; filename="{name}"', b"c")
    else:
        escaped = "".join(f"%{byte:02x}" for byte in name.encode())
        body = _part(f'name="file"; filename="ok"; filename*=UTF-8\'\'{escaped}', b"c")
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = client.post(f"{session}/files", content=body + END, headers=headers)
    assert response.status_code < 500, response.text
    files = client.get(f"{session}/files", params={"recursive": "true"}).json()["files"]
    assert all(".." not in file["path"].split("/") for file in files)
    code = "import os; print(os.path.exists('/x'), os.path.exists('/etc/x'))"
    turn = client.post(f"{session}/turns", json={"code": code}).json()
    assert turn["stdout"]["head"] == "False False\n"


def test_s47_an_upload_of_much_costs_the_server_little(server, client, session):
    before = resident_bytes(server.process.pid)
    body = _part('name="file"; filename="big"', b"x" * (96 << 20)) + END
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    response = client.post(f"{session}/files", content=body, headers=headers)
    assert response.status_code in (200, 201, 413, 422, 507), response.text
    grown = resident_bytes(server.process.pid) - before
    print(f"answer {response.status_code}, the server grew by {grown >> 20} MiB")
    assert grown < 384 << 20
