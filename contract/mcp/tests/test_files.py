"""Files of a session."""

import base64
import json

import pytest


@pytest.fixture
def session(assistant) -> str:
    return assistant.call("execute_code", code="pass")["session_id"]


def test_a_file_is_written_and_read(assistant, session):
    assistant.call("write_file", session_id=session, path="notes/a.txt", content="one\ntwo\n")
    answer = assistant.call("read_file", session_id=session, path="notes/a.txt")
    assert answer["content"] == "one\ntwo\n"
    seen = assistant.call(
        "execute_code", session_id=session, code="print(open('notes/a.txt').read())"
    )
    assert seen["stdout"] == "one\ntwo\n\n"


def test_writing_again_replaces(assistant, session):
    for _ in range(2):
        assistant.call("write_file", session_id=session, path="a", content="long text")
    assistant.call("write_file", session_id=session, path="a", content="short")
    assert assistant.call("read_file", session_id=session, path="a")["content"] == "short"


def test_a_part_of_a_file_is_read(assistant, session):
    lines = "".join(f"line {n}\n" for n in range(1000))
    assistant.call("write_file", session_id=session, path="long.txt", content=lines)
    whole = assistant.call("read_file", session_id=session, path="long.txt")["content"]
    assert whole == lines
    part = assistant.call("read_file", session_id=session, path="long.txt", offset=10, limit=20)
    assert part["content"] == "".join(f"line {n}\n" for n in range(9, 29))
    assert part["next_offset"] == 30


def test_files_are_listed(assistant, session):
    assistant.call("write_file", session_id=session, path="d/b.txt", content="bb")
    listed = assistant.call("list_files", session_id=session, path="d")
    assert "b.txt" in json.dumps(listed.data)
    assert "d" in json.dumps(assistant.call("list_files", session_id=session).data)


def test_a_file_that_is_not_there_is_refused(assistant, session):
    error = assistant.refused("read_file", session_id=session, path="nowhere.txt")
    assert "nowhere.txt" in error.message


def test_a_path_leads_out_of_nothing(assistant, session):
    for path in ("../../../../etc/hostname", "/etc/../../../etc/hostname", "a\x00b"):
        result = assistant.raw("write_file", {"session_id": session, "path": path, "content": "x"})
        assert result.is_error, path


def test_a_file_of_bytes_can_be_read(assistant, session):
    code = "open('b.bin', 'wb').write(bytes(range(256)))"
    assistant.call("execute_code", session_id=session, code=code)
    (link,) = assistant.call("read_file", session_id=session, path="b.bin").links
    (held,) = assistant.read(str(link.uri)).contents
    assert base64.b64decode(held.blob) == bytes(range(256))


def test_a_picture_file_is_an_image(assistant, session):
    pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5E"
        "rkJggg=="
    )
    code = f"import base64; open('p.png', 'wb').write(base64.b64decode({pixel!r}))"
    assistant.call("execute_code", session_id=session, code=code)
    (image,) = assistant.call("read_file", session_id=session, path="p.png").images
    assert (image.mime_type, image.data) == ("image/png", pixel)


def test_a_passage_of_a_file_is_replaced(assistant, session):
    assistant.call("write_file", session_id=session, path="e.txt", content="one two two")
    edit = {"session_id": session, "path": "e.txt"}
    assistant.call("edit_file", **edit, old_str="one", new_str="1")
    assert assistant.call("read_file", **edit)["content"] == "1 two two"
    assistant.refused("edit_file", **edit, old_str="two", new_str="2")
    assistant.refused("edit_file", **edit, old_str="three", new_str="3")


def test_a_file_of_bytes_is_written(assistant, session):
    content = base64.b64encode(bytes(range(256))).decode()
    assistant.call("write_file", session_id=session, path="w.bin", content_base64=content)
    code = "print(open('w.bin', 'rb').read() == bytes(range(256)))"
    assert assistant.call("execute_code", session_id=session, code=code)["stdout"] == "True\n"


def test_a_file_is_deleted(assistant, session):
    assistant.call("write_file", session_id=session, path="gone.txt", content="x")
    assistant.call("delete_file", session_id=session, path="gone.txt")
    assistant.refused("read_file", session_id=session, path="gone.txt")


def test_links_to_resources_can_be_followed(assistant, session):
    code = "open('large.txt', 'w').write('0123456789' * 200_000)"
    assistant.call("execute_code", session_id=session, code=code)
    answer = assistant.call("read_file", session_id=session, path="large.txt")
    assert len(answer.text) < 2_000_000
    for link in answer.links:
        assert assistant.read(str(link.uri)).contents


def test_resources_are_listed_with_their_templates(assistant, session):
    assert assistant.list_resource_templates().resource_templates
    for resource in assistant.list_resources().resources[:5]:
        assert assistant.read(str(resource.uri)).contents
