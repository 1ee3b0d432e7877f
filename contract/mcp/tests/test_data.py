"""Data of projects: uploaded, kept as snapshots, told with each run."""

import base64
import json

import pytest


def ingest(project, source: str, text: str | bytes, file_name: str | None = None):
    spec = {"kind": "file_upload", "file_name": file_name or f"{source}.csv"}
    if isinstance(text, bytes):
        spec["content_base64"] = base64.b64encode(text).decode()
    else:
        spec["content"] = text
    return project.assistant.call(
        "ingest_data_source", project_name=project.name, source_name=source, spec=spec
    )


def snapshots(project) -> list[dict]:
    return project.assistant.call("list_snapshots", project_name=project.name)["snapshots"]


def snapshot_ref(entry: dict) -> str:
    return entry.get("data_snapshot_ref") or entry.get("snapshot_id") or entry["id"]


def test_an_upload_is_a_source_and_its_data_is_there(assistant, own_toy):
    ingest(own_toy, "sales", "month,value\n1,10\n2,20\n")
    listed = assistant.call("list_data_sources", project_name=own_toy.name)
    assert "sales" in json.dumps(listed.data)
    answer = own_toy.run("places")
    assert any("sales.csv" in path for path in answer["outputs"]["data"])
    assert answer["data_snapshot_ref"]
    assert own_toy.run("places")["data_snapshot_ref"] == answer["data_snapshot_ref"]


def test_bytes_arrive_as_they_were(own_toy):
    content = b"PAR1" + bytes(range(256)) * 4 + b"PAR1"
    ingest(own_toy, "raw", content, file_name="raw.parquet")
    own_toy.repository.commit(
        {
            "model/digest.py": "import hashlib, os\n"
            "found = [os.path.join(d, n) for d, _, names in os.walk('/data') for n in names]\n"
            "result = {'digests': [hashlib.sha256(open(p, 'rb').read()).hexdigest()"
            " for p in found]}\n"
        }
    )
    import hashlib

    digests = own_toy.run("digest")["outputs"]["digests"]
    assert hashlib.sha256(content).hexdigest() in digests


def test_new_data_is_a_new_snapshot_and_the_old_stays(own_toy):
    ingest(own_toy, "rates", "a,b\n1,2\n")
    first = own_toy.run("places")["data_snapshot_ref"]
    ingest(own_toy, "rates", "a,b\n3,4\n")
    second = own_toy.run("places")["data_snapshot_ref"]
    assert first != second
    assert {first, second} <= {snapshot_ref(entry) for entry in snapshots(own_toy)}


def test_the_same_data_is_the_same_snapshot(own_toy):
    ingest(own_toy, "rates", "a,b\n1,2\n")
    first = own_toy.run("places")["data_snapshot_ref"]
    ingest(own_toy, "rates", "a,b\n1,2\n")
    assert own_toy.run("places")["data_snapshot_ref"] == first


def test_a_snapshot_that_a_run_refers_to_is_not_deleted(assistant, own_toy):
    ingest(own_toy, "rates", "a,b\n1,2\n")
    used = own_toy.run("places")["data_snapshot_ref"]
    argument = next(n for n in assistant.arguments_of("delete_snapshot") if "snapshot" in n)
    error = assistant.refused(
        "delete_snapshot",
        **({"project_name": own_toy.name} & arguments(assistant, "delete_snapshot")),
        **{argument: used},
    )
    assert "run" in error.message
    assert used in {snapshot_ref(entry) for entry in snapshots(own_toy)}


class arguments(dict):
    """Those of the given arguments that a tool takes: `given & arguments(…)`."""

    def __init__(self, assistant, tool: str):
        super().__init__()
        self.known = assistant.arguments_of(tool)

    def __rand__(self, given: dict) -> dict:
        return {name: value for name, value in given.items() if name in self.known}


def test_a_snapshot_that_nothing_refers_to_is_deleted(assistant, own_toy):
    ingest(own_toy, "rates", "a,b\n1,2\n")
    ingest(own_toy, "rates", "a,b\n3,4\n")
    used = own_toy.run("places")["data_snapshot_ref"]
    unused = [ref for ref in map(snapshot_ref, snapshots(own_toy)) if ref != used]
    argument = next(n for n in assistant.arguments_of("delete_snapshot") if "snapshot" in n)
    for ref in unused:
        assistant.call(
            "delete_snapshot",
            **({"project_name": own_toy.name} & arguments(assistant, "delete_snapshot")),
            **{argument: ref},
        )
    assert {snapshot_ref(entry) for entry in snapshots(own_toy)} == {used}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"file_name": "program.exe"}, "file_name"),
        ({"file_name": "../../etc/cron.csv"}, "file_name"),
        ({"kind": "telepathy"}, "kind"),
        ({"content": None, "content_base64": "not base64!"}, "content_base64"),
        ({"content_base64": "QQ=="}, "content"),
    ],
)
def test_what_is_no_upload_is_refused_by_name(assistant, toy, change, named):
    spec = {"kind": "file_upload", "file_name": "a.csv", "content": "a\n1\n"} | change
    spec = {name: value for name, value in spec.items() if value is not None}
    error = assistant.refused(
        "ingest_data_source", project_name=toy.name, source_name="odd", spec=spec
    )
    assert named in error.message


@pytest.mark.parametrize("name", ["", "a/b", "../x", "x" * 300])
def test_a_source_has_a_name(assistant, toy, name):
    spec = {"kind": "file_upload", "file_name": "a.csv", "content": "a\n1\n"}
    assistant.refused("ingest_data_source", project_name=toy.name, source_name=name, spec=spec)
