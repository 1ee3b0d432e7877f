"""Projects: made of repositories, listed, looked into."""

import json

import pytest

import toy as toys
from project import fresh
from repository import Repository


def test_a_project_is_made_of_a_repository_and_listed(assistant, toy_repository):
    name = fresh("made")
    made = assistant.call(
        "create_project",
        project_name=name,
        source=str(toy_repository.path),
        description="a toy",
    )
    assert name in json.dumps(made.data)
    listed = assistant.call("list_projects")["projects"]
    (entry,) = [entry for entry in listed if name in entry.values()]
    assert entry["description"] == "a toy"
    assert entry["default_branch"] == "main"


def test_a_bare_repository_will_do(assistant, toy_repository, tmp_path):
    name = fresh("bare")
    bare = toy_repository.bare(tmp_path / "bare.git")
    assistant.call("create_project", project_name=name, source=str(bare))
    answer = assistant.call("run", scope="project", mode="sync", project_name=name)
    assert answer["status"] == "success"


def test_a_name_is_taken_once(assistant, toy, toy_repository):
    error = assistant.refused(
        "create_project", project_name=toy.name, source=str(toy_repository.path)
    )
    assert toy.name in error.message


@pytest.mark.parametrize(
    "source", ["/nowhere/at/all", "relative/path", "ext::sh -c id", "--upload-pack=id"]
)
def test_what_is_no_repository_is_refused(assistant, source):
    assistant.refused("create_project", project_name=fresh("none"), source=source)


def test_a_directory_that_is_no_repository_is_refused(assistant, tmp_path):
    assistant.refused("create_project", project_name=fresh("plain"), source=str(tmp_path))


@pytest.mark.parametrize("name", ["", "a/b", "../up", "x" * 500, "a\nb"])
def test_a_name_that_is_none_is_refused(assistant, toy_repository, name):
    assistant.refused("create_project", project_name=name, source=str(toy_repository.path))


def test_files_of_a_commit_are_listed_and_read(assistant, own_toy):
    listed = json.dumps(assistant.call("list_project_files", project_name=own_toy.name).data)
    assert "run.py" in listed
    assert "first.py" in listed
    assert ".git/" not in listed
    read = assistant.call("read_project_file", project_name=own_toy.name, path="run.py")
    assert read["content"] == toys.PIPELINE


def test_files_of_another_branch_are_read(assistant, own_toy):
    own_toy.repository.commit({"only_there.txt": "on the branch"}, branch="side")
    read = assistant.call(
        "read_project_file", project_name=own_toy.name, path="only_there.txt", branch="side"
    )
    assert read["content"] == "on the branch"
    assistant.refused("read_project_file", project_name=own_toy.name, path="only_there.txt")


def test_a_path_leads_out_of_no_repository(assistant, toy):
    for path in ("../../etc/hostname", "/etc/hostname", ".git/config"):
        assistant.refused("read_project_file", project_name=toy.name, path=path)


def test_a_project_that_is_not_there_is_refused(assistant):
    error = assistant.refused("run", scope="project", mode="sync", project_name="nobody")
    assert "nobody" in error.message


def test_hooks_and_settings_of_a_repository_do_nothing(assistant, tmp_path):
    trace = tmp_path / "trace"
    repository = Repository(tmp_path / "hostile")
    repository.commit({"run.py": "result = {'ran': True}\n", ".gitattributes": "* filter=bad\n"})
    for hook in ("post-checkout", "post-upload", "reference-transaction", "pre-receive"):
        path = repository.path / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {hook} >> {trace}\n")
        path.chmod(0o755)
    for name in (
        "core.fsmonitor",
        "filter.bad.smudge",
        "filter.bad.clean",
        "uploadpack.packObjectsHook",
    ):
        repository.git("config", name, f"sh -c 'echo {name} >> {trace}'")
    name = fresh("hostile")
    assistant.call("create_project", project_name=name, source=str(repository.path))
    answer = assistant.call("run", scope="project", mode="sync", project_name=name)
    assert answer["status"] == "success"
    assert not trace.exists(), trace.read_text()
