"""`POST`, `GET /sessions/{id}/files` and `GET /sessions/{id}/files/list`."""

import hashlib
import time

import pytest

from session import within

LIMIT = 100 << 20


def stored(answer, path, size):
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"path": path, "size_bytes": size}


def refused(answer, status, detail):
    assert answer.status_code == status, answer.text
    assert answer.json() == {"detail": detail}


def test_a_file_goes_in_and_comes_out(session):
    stored(session.put("x.bin", b"\0\1"), "x.bin", 2)
    answer = session.get("x.bin")
    assert (answer.status_code, answer.content) == (200, b"\0\1")
    assert session.python("print(open('x.bin', 'rb').read())")["stdout"] == r"b'\x00\x01'"


def test_a_path_goes_before_the_file_name(session):
    stored(session.put("x.bin", b"ab", path="sub/dir/y.bin"), "sub/dir/y.bin", 2)
    assert session.get("sub/dir/y.bin").content == b"ab"
    assert session.get("x.bin").status_code == 404


def test_an_empty_path_means_the_file_name(session):
    stored(session.put("x.bin", b"ab", path=""), "x.bin", 2)


def test_a_file_name_may_have_directories(session):
    stored(session.put("foo/bar.txt", b"ab"), "foo/bar.txt", 2)


def test_paths_are_made_plain(session):
    stored(session.put("n", b"", path="./a//b/../c"), "a/c", 0)
    stored(session.put("n", b"", path="é ü.txt"), "é ü.txt", 0)


def test_a_file_is_replaced(session):
    stored(session.put("x", b"long text"), "x", 9)
    stored(session.put("x", b"new"), "x", 3)
    assert session.get("x").content == b"new"


def test_an_absolute_path_inside_is_taken(session):
    workspace = session.python("import os; print(os.getcwd())")["stdout"]
    stored(session.put("x", b"abc", path=f"{workspace}/in/x"), "in/x", 3)
    assert session.get(f"{workspace}/in/x").content == b"abc"
    answer = session.listing(f"{workspace}/in")
    assert [file["path"] for file in answer.json()["files"]] == ["in/x"]


OUT = ["../x", "a/../../x", "/etc/x", "../../../../../../tmp/x"]


@pytest.mark.parametrize("path", OUT)
def test_no_upload_leads_out(session, path):
    refused(session.put("x", b"", path=path), 403, f"path escapes workspace: {path}")
    refused(session.put(path, b""), 403, f"path escapes workspace: {path}")


@pytest.mark.parametrize("path", [*OUT, "/etc/passwd", "../../etc/passwd"])
def test_no_download_leads_out(session, path):
    refused(session.get(path), 403, f"path escapes workspace: {path}")
    refused(session.listing(path), 403, f"path escapes workspace: {path}")


def test_no_link_leads_out(session):
    session.bash("ln -s /etc out; ln -s /etc/passwd file")
    refused(session.get("out/passwd"), 403, "path escapes workspace: out/passwd")
    refused(session.get("file"), 403, "path escapes workspace: file")
    refused(session.listing("out"), 403, "path escapes workspace: out")
    refused(session.put("x", b"", path="out/x"), 403, "path escapes workspace: out/x")
    refused(session.put("x", b"", path="file"), 403, "path escapes workspace: file")


def test_a_link_inside_is_followed(session):
    session.write("d/x", b"text")
    session.bash("ln -s d link; ln -s d/x file")
    assert session.get("link/x").content == b"text"
    assert session.get("file").content == b"text"


def test_a_missing_file_is_named(session):
    refused(session.get("no/such"), 404, "file not found: no/such")
    refused(session.listing("no/such"), 404, "path not found: no/such")


def test_a_directory_is_no_file(session):
    session.write("d/x", b"")
    refused(session.get("d"), 400, "is a directory: d")
    refused(session.get("."), 400, "is a directory: .")


def test_a_download_names_a_path(client, session):
    answer = client.get(f"{session.path}/files")
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert (error["type"], error["loc"], error["msg"]) == ("missing", ["query", "path"], "Field required")


def test_an_upload_has_a_file(client, session):
    answer = client.post(f"{session.path}/files", data={"path": "x"}, files={"other": ("n", b"")})
    assert answer.status_code == 422
    (error,) = answer.json()["detail"]
    assert (error["type"], error["loc"], error["msg"]) == ("missing", ["body", "file"], "Field required")


def test_an_upload_is_a_form(client, session):
    answer = client.post(f"{session.path}/files", json={"file": "x"})
    assert answer.status_code == 422


TYPES = [
    ("a.txt", "text/plain; charset=utf-8"),
    ("a.csv", "text/csv; charset=utf-8"),
    ("a.html", "text/html; charset=utf-8"),
    ("a.json", "application/json"),
    ("a.png", "image/png"),
    ("a.pdf", "application/pdf"),
    ("a.bin", "application/octet-stream"),
    ("a", "application/octet-stream"),
    ("a.unknown-suffix", "application/octet-stream"),
]


@pytest.mark.parametrize(("name", "media"), TYPES)
def test_the_name_tells_the_media_type(session, name, media):
    session.write(name, b"x")
    assert session.get(name).headers["content-type"] == media


def test_a_download_has_a_length(session):
    session.write("x", b"x" * 100_000)
    answer = session.get("x")
    assert answer.headers["content-length"] == "100000"


def test_an_entry_has_four_fields(session):
    session.write("a.csv", b"1,2\n")
    session.write("plain", b"")
    answer = session.listing()
    assert answer.status_code == 200
    assert set(answer.json()) == {"files"}
    csv, plain = answer.json()["files"]
    assert abs(csv.pop("modified_at") - time.time()) < 60
    assert csv == {"path": "a.csv", "size_bytes": 4, "mime_type": "text/csv"}
    assert type(plain.pop("modified_at")) in (int, float)
    assert plain == {"path": "plain", "size_bytes": 0, "mime_type": None}


def test_a_listing_has_sorted_files_of_one_directory(session):
    for path in ("b", "a", "B", ".hidden", "d/x", "d/e/y"):
        session.write(path, b"")
    assert session.names() == [".hidden", "B", "a", "b"]
    assert session.names(".") == [".hidden", "B", "a", "b"]
    assert session.names("d") == ["d/x"]
    assert session.names("d/e") == ["d/e/y"]
    assert session.names("d/") == ["d/x"]


def test_a_fresh_workspace_is_empty(session):
    assert session.listing().json() == {"files": []}


def test_a_file_is_listed_alone(session):
    session.write("d/x", b"ab")
    (entry,) = session.listing("d/x").json()["files"]
    assert (entry["path"], entry["size_bytes"]) == ("d/x", 2)


def test_what_is_no_file_is_skipped(session):
    session.bash("echo a > file; mkdir dir; mkfifo fifo; ln -s nowhere dangling; ln -s file link")
    assert session.names() == ["file", "link"]


def test_times_and_sizes_follow_changes(session):
    session.write("x", b"1")
    before = session.listing("x").json()["files"][0]
    time.sleep(0.05)
    session.python("open('x', 'a').write('23')")
    after = session.listing("x").json()["files"][0]
    assert after["modified_at"] > before["modified_at"]
    assert after["size_bytes"] == 3


def test_an_unknown_session_has_no_files(client):
    name = "sbx_" + "0" * 24
    refused(client.get(f"/sessions/{name}/files", params={"path": "x"}), 404, name)
    refused(client.get(f"/sessions/{name}/files/list"), 404, name)
    refused(client.post(f"/sessions/{name}/files", files={"file": ("x", b"")}), 404, name)


@pytest.mark.slow
def test_a_hundred_mebibytes_are_taken(session):
    content = bytes(1 << 20) * 100
    stored(session.put("big", content), "big", LIMIT)
    assert session.bash("sha256sum < big")["stdout"].split()[0] == hashlib.sha256(content).hexdigest()
    assert session.get("big").content == content


@pytest.mark.slow
def test_more_than_a_hundred_mebibytes_are_refused(session):
    refused(session.put("big", bytes(LIMIT + 1)), 413, "file exceeds 100 MB limit")
    assert session.names() == []


def in_error(answer):
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()) == {"detail"}


@pytest.mark.better
def test_no_path_has_a_zero_byte(session):
    in_error(session.put("x", b"", path="a\0b"))
    in_error(session.get("a\0b"))
    in_error(session.listing("a\0b"))


@pytest.mark.better
def test_a_directory_is_not_replaced(session):
    session.write("d/x", b"1")
    in_error(session.put("x", b"", path="d"))
    in_error(session.put("x", b"", path="."))
    assert session.get("d/x").content == b"1"


@pytest.mark.better
def test_a_file_is_no_directory(session):
    session.write("f", b"1")
    in_error(session.put("x", b"", path="f/x"))
    in_error(session.get("f/x"))
    in_error(session.listing("f/x"))


@pytest.mark.better
def test_a_fifo_is_refused_at_once(client, session):
    session.bash("mkfifo p")
    with within(1):
        in_error(session.get("p"))
        in_error(session.put("x", b"x", path="p"))
        assert client.get("/health").status_code == 200


@pytest.mark.better
def test_the_files_of_a_stopped_session_are_there(session, background):
    session.write("x", b"1")
    running = background(session.python, "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", timeout_seconds=3)
    time.sleep(0.3)
    with within(1):
        assert session.get("x").content == b"1"
        assert session.names() == ["x"]
    running.result()


@pytest.mark.better
@pytest.mark.parametrize("path", ["n" * 300, "/".join(["d"] * 3000)])
def test_too_long_a_name_is_refused(session, path):
    in_error(session.put("x", b"", path=path))
    in_error(session.get(path))
    in_error(session.listing(path))


@pytest.mark.better
def test_a_loop_of_links_is_refused(session):
    session.bash("ln -s b a; ln -s a b")
    in_error(session.get("a"))
    in_error(session.put("x", b"", path="a"))
    in_error(session.listing("a"))
    assert session.names() == []


@pytest.mark.better
def test_a_link_that_leads_out_tells_nothing(session):
    session.bash("ln -s /etc/passwd out; ln -s /proc/self/environ env; echo a > in")
    assert session.names() == ["in"]


@pytest.mark.better
def test_a_name_that_is_no_text_does_no_harm(session):
    session.python(r"open(b'bad\xff', 'w').close(); open('good', 'w').close()")
    assert "good" in session.names()
    assert session.edit("view", "")["return_code"] == 0


@pytest.mark.better
def test_a_refused_upload_leaves_the_file_as_it_was(session):
    session.write("x", b"before")
    assert session.put("x", bytes(LIMIT + 1)).status_code == 413
    assert session.get("x").content == b"before"
