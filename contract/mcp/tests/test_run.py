"""A run that is waited for, row by row of the contract."""

import json

import pytest

from assistant import INLINE_BYTES_MAX

FIELDS = {
    "run_id",
    "project",
    "branch",
    "commit_sha",
    "status",
    "exit_code",
    "stdout",
    "stderr",
    "stdout_truncated",
    "stderr_truncated",
    "outputs",
    "duration_seconds",
    "data_snapshot_ref",
    "error",
}


def test_a_run_of_a_project_tells_all_of_it(toy):
    answer = toy.run()
    assert set(answer.data) >= FIELDS
    assert answer["project"] == toy.name
    assert answer["branch"] == "main"
    assert answer["commit_sha"] == toy.repository.git("rev-parse", "main")
    assert answer["status"] == "success"
    assert answer["exit_code"] == 0
    assert "the first has run" in answer["stdout"]
    assert "the second has run" in answer["stdout"]
    assert answer["stdout_truncated"] is False
    assert answer["stderr_truncated"] is False
    assert answer["duration_seconds"] > 0
    assert answer["data_snapshot_ref"] is None
    assert answer["error"] is None


def test_models_of_a_pipeline_hand_on_their_results(toy):
    outputs = toy.run(parameters={"value": 21})["outputs"]
    assert outputs["figures.json"] == {"doubled": 42, "list": [1, 2.5, None, True]}
    assert "table.csv" in outputs
    assert 42 in json_numbers(outputs)


def json_numbers(value) -> list:
    if isinstance(value, dict):
        return [number for item in value.values() for number in json_numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in json_numbers(item)]
    return [value]


def test_a_model_alone_is_run_and_its_result_told_by_key(toy):
    answer = toy.run("first", parameters={"value": 3})
    assert answer["status"] == "success"
    assert answer["outputs"]["value"] == 3
    assert "the second has run" not in answer["stdout"]


def test_a_result_may_be_named_as_of_old(toy):
    assert toy.run("legacy")["outputs"]["old"] == 7


def test_a_model_without_a_result_runs(toy):
    answer = toy.run("plain")
    assert answer["status"] == "success"
    assert answer["outputs"] == {}


def test_without_parameters_there_is_no_file_of_them(toy):
    assert toy.run("places")["outputs"]["has_parameters"] is False


@pytest.mark.parametrize("parameters", [{}, {"a": [1, {"b": None}], "ü": "漢字"}])
def test_parameters_arrive_as_they_were_given(toy, parameters):
    outputs = toy.run("first", parameters=parameters)["outputs"]
    assert outputs["given"] == parameters


def test_too_many_parameters_are_refused(toy):
    error = toy.refused("first", parameters={"text": "x" * 70_000})
    assert "parameters" in error.message


def test_places_are_what_the_contract_says(toy):
    answer = toy.run("places", parameters={})
    outputs = answer["outputs"]
    assert outputs["writable"] == {"/repo": False, "/data": False, "/outputs": True, "/tmp": True}
    variables = outputs["variables"]
    assert variables["SANDBOX_REPO_PATH"] == "/repo"
    assert variables["SANDBOX_OUTPUT_PATH"] == "/outputs"
    assert variables["SANDBOX_DATA_PATH"] == "/data"
    assert variables["BT_RUN_ID"] == variables["CELLBLOCK_RUN_ID"] == answer["run_id"]
    assert outputs["has_parameters"] is True
    assert outputs["parameters_are_writable"] is False
    assert outputs["has_git"] is False
    assert "run.py" in outputs["files"]
    assert outputs["reaches_out"] is False


def test_streams_are_told_up_to_their_cap_and_said_to_be_cut(toy):
    answer = toy.run("loud")
    for stream, letter in (("stdout", "o"), ("stderr", "e")):
        text = answer[stream]
        assert 0 < len(text.encode()) <= INLINE_BYTES_MAX
        assert set(text) <= {letter, "\n"}
        assert answer[f"{stream}_truncated"] is True
    assert answer["status"] == "success"


def test_a_model_that_raises_has_failed_and_that_is_no_error_of_the_tool(toy):
    answer = toy.run("raises")
    assert answer["status"] == "failed"
    assert answer["exit_code"] not in (0, None)
    assert "the books do not balance" in answer["stderr"]
    assert answer["error"]


def test_an_exit_status_is_told(toy):
    answer = toy.run("exits")
    assert (answer["status"], answer["exit_code"]) == ("failed", 7)


def test_a_failed_model_ends_the_pipeline(assistant, own_toy):
    own_toy.repository.commit({"run.py": 'PIPELINE = ["first", "raises", "second"]\n'})
    answer = own_toy.run()
    assert answer["status"] == "failed"
    assert "the first has run" in answer["stdout"]
    assert "the second has run" not in answer["stdout"]


def test_a_pipeline_that_names_no_model_fails_by_its_name(own_toy):
    own_toy.repository.commit({"run.py": 'PIPELINE = ["first", "absent"]\n'})
    answer = own_toy.run()
    assert answer["status"] == "failed"
    assert "absent" in json.dumps(answer.data)


def test_run_py_without_a_pipeline_is_run_itself(own_toy):
    own_toy.repository.commit({"run.py": "print('alone')\nresult = {'n': 5}\n"})
    answer = own_toy.run()
    assert answer["status"] == "success"
    assert "alone" in answer["stdout"]
    assert answer["outputs"]["n"] == 5


def test_a_branch_is_run_at_its_head(own_toy):
    first = own_toy.repository.commit({"model/plain.py": "result = {'on': 'side'}\n"}, "side")
    answer = own_toy.run("plain", branch="side")
    assert (answer["branch"], answer["commit_sha"]) == ("side", first)
    assert answer["outputs"] == {"on": "side"}
    second = own_toy.repository.commit({"model/plain.py": "result = {'on': 'new'}\n"}, "side")
    answer = own_toy.run("plain", branch="side")
    assert answer["commit_sha"] == second
    assert answer["outputs"] == {"on": "new"}


def test_a_commit_is_run_whatever_the_head(own_toy):
    old = own_toy.repository.git("rev-parse", "HEAD")
    own_toy.repository.commit({"model/plain.py": "result = {'on': 'new'}\n"})
    answer = own_toy.run("plain", commit_sha=old)
    assert answer["commit_sha"] == old
    assert answer["outputs"] == {}


def test_what_is_no_branch_and_no_commit_is_refused(toy):
    assert "nowhere" in toy.refused(branch="nowhere").message
    toy.refused(commit_sha="0" * 40)
    toy.refused(commit_sha="not a commit")
    toy.refused(branch="--upload-pack=id")


@pytest.mark.parametrize("name", ["absent", "../run", "a-b", "", "x" * 129])
def test_what_is_no_model_is_refused(toy, name):
    wanted = toy.wanted() | {"scope": "model", "model_name": name}
    result = toy.assistant.raw("run", wanted)
    assert result.is_error or result.structured_content["status"] == "failed"


def test_a_model_has_to_be_named(toy):
    wanted = toy.wanted() | {"scope": "model"}
    assert "model_name" in toy.assistant.refused("run", **wanted).message


@pytest.mark.parametrize("change", [{"scope": "world"}, {"mode": "later"}, {"parameters": [1]}])
def test_what_the_contract_does_not_know_is_refused_by_name(toy, change):
    (name,) = change
    assert name in toy.assistant.refused("run", **(toy.wanted() | change)).message


def test_outputs_are_collected_safely(toy):
    answer = toy.run("many")
    assert answer["status"] == "success"
    told = json.dumps(answer.data)
    assert "root:" not in told, "a link out of the outputs was followed"
    assert len(told) < 200_000, "a large file was told inline"
    run = answer["run_id"]
    whole = toy.assistant.call("get_run_output", run_id=run, output_name="large.csv")
    assert "199999" in json.dumps(whole.data)
    deep = toy.assistant.call("get_run_output", run_id=run, output_name="deep/er/note.txt")
    assert "deep" in json.dumps(deep.data)
    broken = toy.assistant.call("get_run_output", run_id=run, output_name="broken.json")
    assert "{not json" in json.dumps(broken.data)
    for link in answer.links:
        assert toy.assistant.read(str(link.uri)).contents


def test_an_output_that_is_not_there_is_refused(toy):
    run = toy.run("first")["run_id"]
    error = toy.assistant.refused("get_run_output", run_id=run, output_name="none.csv")
    assert "none.csv" in error.message


def test_a_run_leaves_nothing_for_the_next(own_toy):
    own_toy.repository.commit(
        {
            "model/leaves.py": "import os\nresult = {'found': sorted(os.listdir('/outputs'))"
            " + sorted(os.listdir('/tmp'))}\nopen('/outputs/a', 'w').write('x')\n"
            "open('/tmp/b', 'w').write('x')\n"
        }
    )
    for _ in range(2):
        assert own_toy.run("leaves")["outputs"]["found"] == []
