"""`text_editor_code_execution`: each command, what it says, and how it fails."""

import pytest


def succeeds(content, stdout):
    assert (content["return_code"], content["stdout"], content["stderr"]) == (0, stdout, "")


def fails(content, message):
    assert (content["return_code"], content["stdout"], content["stderr"]) == (1, "", f"text_editor: {message}\n")


@pytest.fixture
def file(session):
    session.write("f.txt", b"one\ntwo\nthree\n")
    return session


def test_view_gives_the_text_as_it_is(file):
    succeeds(file.edit("view", "f.txt"), "one\ntwo\nthree\n")


def test_view_replaces_bytes_that_are_no_text(session):
    session.write("b", b"a\xffb")
    succeeds(session.edit("view", "b"), "a\ufffdb")


@pytest.mark.parametrize(
    ("range", "text"),
    [
        ([1, 1], "one"),
        ([2, 3], "two\nthree"),
        ([2, -1], "two\nthree"),
        ([1, -1], "one\ntwo\nthree"),
        ([0, 2], "one\ntwo"),
        ([-5, 1], "one"),
        ([2, 99], "two\nthree"),
        ([3, 2], ""),
        ([9, 12], ""),
    ],
)
def test_a_range_counts_lines_from_one(file, range, text):
    succeeds(file.edit("view", "f.txt", view_range=range), text)


@pytest.mark.parametrize("range", [[], [1], [1, 2, 3], None])
def test_a_range_of_another_length_is_ignored(file, range):
    succeeds(file.edit("view", "f.txt", view_range=range), "one\ntwo\nthree\n")


def test_a_directory_is_listed_two_levels_deep(session):
    session.write("b.txt", b"")
    session.write("d/x", b"")
    session.write("d/e/too-deep", b"")
    session.write(".hidden", b"")
    succeeds(session.edit("view", "."), ".hidden\nb.txt\nd\nd/e\nd/x\n")
    succeeds(session.edit("view", "d"), "e\ne/too-deep\nx\n")
    succeeds(session.edit("view", ""), ".hidden\nb.txt\nd\nd/e\nd/x\n")


def test_create_makes_parents(session):
    succeeds(session.edit("create", "a/b/c.txt", file_text="é\n"), "File created: a/b/c.txt\n")
    assert session.get("a/b/c.txt").content == "é\n".encode()


def test_create_takes_empty_text(session):
    succeeds(session.edit("create", "empty", file_text=""), "File created: empty\n")
    assert session.get("empty").content == b""


def test_create_keeps_line_ends(session):
    session.edit("create", "crlf", file_text="a\r\nb\rc\n")
    assert session.get("crlf").content == b"a\r\nb\rc\n"


def test_create_needs_text(session):
    fails(session.edit("create", "x"), "create requires file_text")
    fails(session.edit("create", "x", file_text=None), "create requires file_text")


def test_create_does_not_overwrite(file):
    fails(file.edit("create", "f.txt", file_text="new"), "already exists: f.txt")
    assert file.get("f.txt").content == b"one\ntwo\nthree\n"
    file.write("d/x", b"")
    fails(file.edit("create", "d", file_text="new"), "already exists: d")


def test_str_replace_edits_the_one_place(file):
    succeeds(file.edit("str_replace", "f.txt", old_str="two", new_str="2"), "Edited f.txt\n")
    assert file.get("f.txt").content == b"one\n2\nthree\n"
    succeeds(file.edit("str_replace", "f.txt", old_str="2\n", new_str=""), "Edited f.txt\n")
    assert file.get("f.txt").content == b"one\nthree\n"


@pytest.mark.parametrize("strings", [{}, {"old_str": "a"}, {"new_str": "a"}, {"old_str": "a", "new_str": None}])
def test_str_replace_needs_both(file, strings):
    fails(file.edit("str_replace", "f.txt", **strings), "str_replace requires old_str and new_str")


def test_str_replace_needs_one_place(session):
    session.write("m", b"x x x")
    fails(session.edit("str_replace", "m", old_str="y", new_str=""), "old_str not found in m")
    fails(session.edit("str_replace", "m", old_str="x", new_str=""), "old_str matched 3 times in m; must be unique")
    assert session.get("m").content == b"x x x"


def test_str_replace_of_text_only(session):
    session.write("b", b"a\xffb")
    content = session.edit("str_replace", "b", old_str="a", new_str="c")
    assert (content["return_code"], content["stdout"]) == (1, "")
    assert content["stderr"].startswith("text_editor: 'utf-8' codec can't decode byte 0xff in position 1: ")
    assert content["stderr"].endswith("\n")


@pytest.mark.parametrize(
    ("line", "text", "result"),
    [
        (0, "zero\n", b"zero\none\ntwo\nthree\n"),
        (1, "x", b"one\nx\ntwo\nthree\n"),
        (3, "end", b"one\ntwo\nthree\nend\n"),
        ("2", "x\ny", b"one\ntwo\nx\ny\nthree\n"),
        (0, "", b"\none\ntwo\nthree\n"),
    ],
)
def test_insert_puts_lines_after_a_line(file, line, text, result):
    succeeds(file.edit("insert", "f.txt", insert_line=line, new_str=text), "Inserted into f.txt\n")
    assert file.get("f.txt").content == result


@pytest.mark.parametrize("arguments", [{}, {"insert_line": 1}, {"new_str": "x"}])
def test_insert_needs_both(file, arguments):
    fails(file.edit("insert", "f.txt", **arguments), "insert requires new_str and insert_line")


@pytest.mark.parametrize("line", [99, 4, -1])
def test_insert_needs_a_line_of_the_file(file, line):
    fails(file.edit("insert", "f.txt", insert_line=line, new_str="x"), f"insert_line {line} out of range for f.txt")


def test_edits_are_undone_one_by_one(file):
    file.edit("str_replace", "f.txt", old_str="one", new_str="1")
    file.edit("insert", "f.txt", insert_line=0, new_str="zero")
    succeeds(file.edit("undo_edit", "f.txt"), "Reverted f.txt\n")
    assert file.get("f.txt").content == b"1\ntwo\nthree\n"
    succeeds(file.edit("undo_edit", "f.txt"), "Reverted f.txt\n")
    assert file.get("f.txt").content == b"one\ntwo\nthree\n"
    fails(file.edit("undo_edit", "f.txt"), "no edits to undo for f.txt")


def test_undo_knows_a_file_by_any_of_its_names(file):
    file.edit("str_replace", "./f.txt", old_str="one", new_str="1")
    succeeds(file.edit("undo_edit", "d/../f.txt"), "Reverted d/../f.txt\n")
    assert file.get("f.txt").content == b"one\ntwo\nthree\n"


def test_create_cannot_be_undone(session):
    session.edit("create", "new", file_text="x")
    fails(session.edit("undo_edit", "new"), "no edits to undo for new")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("view", {}),
        ("str_replace", {"old_str": "a", "new_str": "b"}),
        ("insert", {"insert_line": 0, "new_str": "b"}),
    ],
)
def test_a_missing_file_is_named(session, command, arguments):
    fails(session.edit(command, "no/such", **arguments), "file not found: no/such")


ALL = [
    ("view", {}),
    ("create", {"file_text": ""}),
    ("str_replace", {"old_str": "a", "new_str": "b"}),
    ("insert", {"insert_line": 0, "new_str": "b"}),
    ("undo_edit", {}),
]


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "../../../../etc/passwd"])
@pytest.mark.parametrize(("command", "arguments"), ALL)
def test_no_path_leads_out(session, command, arguments, path):
    fails(session.edit(command, path, **arguments), f"path escapes workspace: {path}")


@pytest.mark.parametrize(("command", "arguments"), ALL)
def test_no_link_leads_out(session, command, arguments):
    session.bash("ln -s /etc out; ln -s /etc/passwd file")
    fails(session.edit(command, "out/passwd", **arguments), "path escapes workspace: out/passwd")
    fails(session.edit(command, "file", **arguments), "path escapes workspace: file")


@pytest.mark.parametrize(("command", "arguments"), ALL)
def test_no_path_has_a_zero_byte(session, command, arguments):
    fails(session.edit(command, "a\0b", **arguments), "embedded null byte")


def test_a_link_inside_is_followed(file):
    file.bash("ln -s f.txt link")
    succeeds(file.edit("view", "link"), "one\ntwo\nthree\n")
    file.edit("str_replace", "link", old_str="one", new_str="1")
    assert file.get("f.txt").content == b"1\ntwo\nthree\n"


def test_an_absolute_path_inside_is_taken(file):
    workspace = file.python("import os; print(os.getcwd())")["stdout"]
    path = f"{workspace}/f.txt"
    succeeds(file.edit("view", path), "one\ntwo\nthree\n")
    succeeds(file.edit("create", f"{workspace}/g", file_text=""), f"File created: {workspace}/g\n")
    assert "g" in file.names()


def test_the_time_limit_is_ignored(session):
    answer = session.exec("text_editor_code_execution", {"command": "view", "path": "."}, timeout_seconds=1)
    assert answer.status_code == 200


def refused(content):
    assert content["return_code"] == 1
    assert content["stdout"] == ""
    assert content["stderr"].startswith("text_editor: ")
    assert content["stderr"].endswith("\n")


@pytest.mark.better
@pytest.mark.parametrize(("command", "arguments"), ALL[2:4])
def test_a_directory_is_not_edited(session, command, arguments):
    session.write("d/x", b"")
    refused(session.edit(command, "d", **arguments))


@pytest.mark.better
@pytest.mark.parametrize(("command", "arguments"), [ALL[0], *ALL[2:4]])
def test_a_fifo_is_refused_at_once(session, command, arguments):
    session.bash("mkfifo p")
    refused(session.edit(command, "p", **arguments))


@pytest.mark.better
def test_a_file_is_no_parent(file):
    refused(file.edit("create", "f.txt/x", file_text=""))
    refused(file.edit("view", "f.txt/x"))


@pytest.mark.better
@pytest.mark.parametrize("path", ["n" * 300, "/".join(["d"] * 3000)])
def test_too_long_a_name_is_refused(session, path):
    refused(session.edit("create", path, file_text=""))


@pytest.mark.better
def test_a_loop_of_links_is_refused(session):
    session.bash("ln -s b a; ln -s a b")
    refused(session.edit("view", "a"))


@pytest.mark.better
def test_a_sparse_giant_is_refused(session):
    session.bash("truncate -s 200M big || true")
    answer = session.exec("text_editor_code_execution", {"command": "view", "path": "big"})
    assert answer.status_code == 200
    assert len(answer.content) < 250 << 20
