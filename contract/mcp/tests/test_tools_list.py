"""Which tools there are, in which order, and what is said of them."""

import pytest
from jsonschema import Draft202012Validator

DEFAULT = {
    "run",
    "get_run",
    "get_run_output",
    "list_runs",
    "cancel_run",
    "execute_code",
    "run_command",
    "read_file",
    "write_file",
    "list_files",
    "list_environments",
}
MORE = {
    "edit_file",
    "delete_file",
    "close_session",
    "list_sessions",
    "create_project",
    "list_projects",
    "list_project_files",
    "read_project_file",
    "ingest_data_source",
    "list_data_sources",
    "list_snapshots",
    "delete_snapshot",
    "compare_runs",
    "rerun",
}
MINIMAL = {"execute_code", "run_command", "read_file", "write_file"}
BRIDGE = {
    "run",
    "get_run",
    "get_run_output",
    "list_runs",
    "cancel_run",
    "create_project",
    "list_projects",
    "ingest_data_source",
    "list_data_sources",
    "list_snapshots",
    "delete_snapshot",
    "compare_runs",
}
READS = {
    "get_run",
    "get_run_output",
    "list_runs",
    "list_environments",
    "list_sessions",
    "read_file",
    "list_files",
    "list_projects",
    "list_project_files",
    "read_project_file",
    "list_data_sources",
    "list_snapshots",
    "compare_runs",
}
REMOVES = {"cancel_run", "delete_file", "close_session", "delete_snapshot"}
RUNS_CODE = {"run", "rerun", "execute_code", "run_command"}


def names(assistant):
    return [tool.name for tool in assistant.list_tools()]


def test_the_default_is_a_small_set(connect):
    assert set(names(connect(profile=None))) == DEFAULT


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("default", DEFAULT), ("minimal", MINIMAL), ("full", DEFAULT | MORE)],
)
def test_a_profile_chooses_the_tools(connect, profile, expected):
    assert set(names(connect(profile))) == expected


def test_the_bridge_profile_has_the_names_of_the_contract_and_no_sessions(connect):
    found = set(names(connect("bridge")))
    assert found >= BRIDGE
    assert not found & {"execute_code", "run_command", "read_file", "write_file"}


def test_a_tool_outside_the_profile_cannot_be_called(connect):
    assistant = connect("minimal")
    with pytest.raises(Exception, match="(?i)tool"):
        result = assistant.raw("list_projects", {})
        assert result.is_error
        raise Exception(str(result))


def test_the_order_stays(connect, assistant):
    assert names(assistant) == names(assistant) == names(connect())


def test_names_are_there_once(assistant):
    found = names(assistant)
    assert len(found) == len(set(found))


def test_every_tool_says_what_it_does(assistant):
    for tool in assistant.list_tools():
        assert len(tool.description or "") >= 20, tool.name
        assert tool.title or (tool.annotations and tool.annotations.title), tool.name


def test_schemas_are_valid_and_their_arguments_are_described(assistant):
    for tool in assistant.list_tools():
        for schema in (tool.input_schema, tool.output_schema):
            assert schema is not None, tool.name
            Draft202012Validator.check_schema(schema)
            assert schema["type"] == "object", tool.name
        for argument, schema in tool.input_schema.get("properties", {}).items():
            said = schema.get("description") or "$ref" in str(schema)
            assert said, f"{tool.name}: {argument}"


def test_annotations_are_true(assistant):
    for tool in assistant.list_tools():
        hints = tool.annotations
        assert hints is not None, tool.name
        assert hints.read_only_hint is (tool.name in READS), tool.name
        if tool.name in REMOVES | RUNS_CODE:
            assert hints.destructive_hint is True, tool.name
        if tool.name in READS:
            assert hints.destructive_hint is not True, tool.name
        if tool.name == "write_file":
            assert hints.idempotent_hint is True
        if tool.name in RUNS_CODE:
            assert hints.idempotent_hint is not True, tool.name


def test_what_runs_without_a_network_is_no_open_world(assistant):
    for tool in assistant.list_tools():
        if tool.name in RUNS_CODE | READS:
            assert tool.annotations.open_world_hint is False, tool.name


def test_arguments_of_the_contract(assistant):
    wanted = {
        "run": {
            "scope",
            "mode",
            "project_name",
            "model_name",
            "branch",
            "commit_sha",
            "parameters",
        },
        "get_run": {"run_id"},
        "get_run_output": {"run_id", "output_name"},
        "execute_code": {"code", "language", "session_id", "timeout_seconds", "wait_seconds"},
        "run_command": {"command", "session_id", "timeout_seconds"},
        "read_file": {"session_id", "path", "offset", "limit"},
        "write_file": {"session_id", "path", "content"},
        "list_files": {"session_id", "path"},
        "create_project": {"project_name", "source", "description", "environment"},
        "ingest_data_source": {"project_name", "source_name", "spec"},
    }
    for name, arguments in wanted.items():
        assert assistant.arguments_of(name) >= arguments, name
    required = assistant.tools["run"].input_schema["required"]
    assert set(required) == {"scope", "mode", "project_name"}
