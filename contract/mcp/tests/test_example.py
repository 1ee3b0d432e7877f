"""The financial model of the examples, as an assistant would use it."""

import json

import pytest

from project import register
from repository import EXAMPLE, of_example
from waiting import settled

EXPECTED = json.loads((EXAMPLE / "expected.json").read_text())


@pytest.fixture(scope="module")
def loaded(example):
    """The model with its data."""
    for source in ("receipts", "macro"):
        spec = {
            "kind": "file_upload",
            "file_name": f"{source}.csv",
            "content": (EXAMPLE / "data" / f"{source}.csv").read_text(),
        }
        example.assistant.call(
            "ingest_data_source", project_name=example.name, source_name=source, spec=spec
        )
    return example


def test_without_its_data_it_says_what_is_missing(assistant, tmp_path):
    bare = register(assistant, of_example(tmp_path / "r"), "bare-finance")
    answer = bare.run()
    assert answer["status"] == "failed"
    assert "add the data source receipts" in answer["stderr"]


def test_it_comes_to_what_is_expected(loaded):
    answer = loaded.run()
    assert answer["status"] == "success", answer["stderr"]
    assert answer["outputs"]["summary.json"] == EXPECTED
    assert {"plan.csv", "history.csv", "risk.csv", "report.md", "plan.svg"} <= set(
        answer["outputs"]
    )
    assert "beat no change" in answer["stdout"]


def test_async_it_comes_to_the_same(loaded):
    run = loaded.run(mode="async")["run_id"]
    told = settled(loaded.assistant, run)
    assert told["output"]["outputs"]["summary.json"] == EXPECTED


def test_its_outputs_are_fetched_one_by_one(loaded):
    run = loaded.run()["run_id"]
    plan = loaded.assistant.call("get_run_output", run_id=run, output_name="plan.csv")
    assert "fiscal_year,plan,low,high" in json.dumps(plan.data)


def test_other_assumptions_come_to_something_else(loaded):
    answer = loaded.run(parameters={"gdp_growth": 0.0, "last_year": 2014})
    summary = answer["outputs"]["summary.json"]
    assert (summary["gdp_growth"], summary["last_year"]) == (0.0, 2014)
    assert summary["receipts_last_year"] < EXPECTED["receipts_last_year"]


def test_an_assumption_that_is_none_fails_by_its_name(loaded):
    answer = loaded.run(parameters={"gdp_groth": 0.1})
    assert answer["status"] == "failed"
    assert "unknown parameter gdp_groth" in answer["stderr"]


def test_done_again_it_is_the_same(loaded):
    run = loaded.run()["run_id"]
    assert loaded.assistant.call("rerun", run_id=run)["identical"] is True


def test_one_step_alone_has_nothing_to_stand_on(loaded):
    assert loaded.run("history")["status"] == "success"
    alone = loaded.run("summary")
    assert alone["status"] == "failed"
    assert "run the project, not one model" in alone["stderr"]
