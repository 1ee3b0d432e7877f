"""Runs that are not waited for, and what is kept of all."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from assistant import at_the_same_time, over_http
from repository import Repository
from waiting import listed, project_argument, settled, until_begun, until_running


def test_an_async_run_is_queued_and_ends_by_itself(assistant, own_toy):
    answer = own_toy.run(mode="async")
    assert set(answer.data) >= {
        "run_id",
        "run_number",
        "status",
        "project_name",
        "model_name",
        "commit_sha",
        "message",
        "warning",
    }
    assert answer["status"] == "pending"
    assert answer["run_number"] == 1
    assert answer["project_name"] == own_toy.name
    assert answer["model_name"] is None
    assert answer["commit_sha"] == own_toy.repository.git("rev-parse", "HEAD")
    told = settled(assistant, answer["run_id"])
    assert told["status"] == "success"
    assert told["output"]["outputs"]["figures.json"]["doubled"] == 2


def test_an_async_answer_comes_before_the_run_ends(own_toy):
    began = time.monotonic()
    run = own_toy.run("slow", mode="async")["run_id"]
    assert time.monotonic() - began < 30
    own_toy.assistant.call("cancel_run", run_id=run)


def test_get_run_tells_what_the_contract_says(assistant, own_toy):
    run = own_toy.run("loud")["run_id"]
    told = assistant.call("get_run", run_id=run).data
    assert set(told) >= {
        "run_id",
        "run_number",
        "project_name",
        "status",
        "commit_sha",
        "started_at",
        "finished_at",
        "error_message",
        "output",
        "truncated",
    }
    assert told["run_id"] == run
    assert told["run_number"] == 1
    assert told["project_name"] == own_toy.name
    assert told["error_message"] is None
    started, finished = (datetime.fromisoformat(told[key]) for key in ("started_at", "finished_at"))
    assert told["started_at"].endswith("+00:00")
    assert timedelta(0) < finished - started < timedelta(minutes=5)
    assert abs(datetime.now(UTC) - finished) < timedelta(minutes=5)
    output = told["output"]
    assert set(output) >= {"status", "exit_code", "stdout", "stderr", "outputs"}
    assert (output["status"], output["exit_code"]) == ("success", 0)
    assert output["outputs"]["said"] == 10000
    assert told["truncated"] is True


def test_a_failed_run_says_why(assistant, toy):
    run = toy.run("raises")["run_id"]
    told = assistant.call("get_run", run_id=run)
    assert told["status"] == "failed"
    assert "the books do not balance" in told["error_message"] + told["output"]["stderr"]


def test_runs_are_numbered_within_their_project(own_toy):
    numbers = [own_toy.run("plain", mode="async")["run_number"] for _ in range(3)]
    assert numbers == [1, 2, 3]


def test_a_run_is_found_by_the_beginning_of_its_id(assistant, own_toy):
    runs = [own_toy.run("plain")["run_id"] for _ in range(3)]
    # The first digits are the time, which others share.
    for run in runs:
        assert assistant.call("get_run", run_id=run[:-4])["run_id"] == run


def test_a_beginning_that_many_share_is_refused(assistant, own_toy):
    runs = [own_toy.run("plain", mode="async")["run_id"] for _ in range(17)]
    # Of 17 ids in hexadecimal digits two begin alike.
    beginnings = [run[0] for run in runs]
    shared = next(letter for letter in beginnings if beginnings.count(letter) > 1)
    pair = [run for run in runs if run[0] == shared][:2]
    prefix = os.path.commonprefix(pair)
    error = assistant.refused("get_run", run_id=prefix)
    assert "more" in (error.message + error.hint).lower() or "several" in error.message.lower()


@pytest.mark.parametrize("run_id", ["ffffffff-ffff-ffff-ffff-ffffffffffff", "zzzz", "", "%", "_"])
def test_a_run_that_is_not_there_is_refused(assistant, toy, run_id):
    toy.run("plain")
    assistant.refused("get_run", run_id=run_id)


def test_runs_are_listed_newest_first(own_toy):
    runs = [own_toy.run("plain")["run_id"] for _ in range(3)]
    assert [run["run_id"] for run in listed(own_toy)] == runs[::-1]


def test_runs_are_listed_by_status(own_toy):
    good = own_toy.run("plain")["run_id"]
    bad = own_toy.run("raises")["run_id"]
    assert [run["run_id"] for run in listed(own_toy, status="success")] == [good]
    assert [run["run_id"] for run in listed(own_toy, status="failed")] == [bad]
    own_toy.assistant.refused("list_runs", status="odd")


def test_runs_are_listed_by_pages(own_toy):
    assistant = own_toy.assistant
    runs = [own_toy.run("plain")["run_id"] for _ in range(5)]
    found, cursor, pages = [], None, 0
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = assistant.call("list_runs", **project_argument(own_toy), limit=2, **more)
        assert len(page["runs"]) <= 2
        found += [run["run_id"] for run in page["runs"]]
        pages += 1
        cursor = page.data.get("next_cursor")
        if not cursor:
            break
        assert pages < 10
    assert found == runs[::-1]
    assert pages == 3


def test_runs_are_listed_by_time(own_toy):
    first = own_toy.run("plain")["run_id"]
    time.sleep(1.1)
    between = datetime.now(UTC).isoformat(timespec="milliseconds")
    time.sleep(1.1)
    second = own_toy.run("plain")["run_id"]
    assert [run["run_id"] for run in listed(own_toy, since=between)] == [second]
    assert [run["run_id"] for run in listed(own_toy, until=between)] == [first]


def test_runs_of_projects_are_listed_apart(own_toy, toy):
    run = toy.run("plain")["run_id"]
    assert listed(own_toy) == []
    assert run in [entry["run_id"] for entry in listed(toy)]


def test_a_running_run_is_cancelled(assistant, own_toy):
    run = own_toy.run("slow", mode="async")["run_id"]
    until_begun(assistant, run)
    assistant.call("cancel_run", run_id=run)
    told = settled(assistant, run, seconds=30)
    assert told["status"] == "cancelled"
    assert "it has begun" in told["output"]["stdout"]


def test_an_ended_run_is_not_cancelled(assistant, own_toy):
    run = own_toy.run("plain")["run_id"]
    result = assistant.raw("cancel_run", {"run_id": run})
    assert result.is_error or result.structured_content["status"] == "success"
    assert assistant.call("get_run", run_id=run)["status"] == "success"


def test_a_waiting_call_that_is_taken_back_cancels_its_run(assistant, own_toy):
    call = assistant.begin("run", **own_toy.wanted("slow"))
    end = time.monotonic() + 30
    while not (runs := listed(own_toy)) and time.monotonic() < end:
        time.sleep(0.2)
    (entry,) = runs
    until_running(assistant, entry["run_id"])
    call.cancel()
    assert settled(assistant, entry["run_id"], seconds=30)["status"] == "cancelled"


def test_runs_beside_each_other_all_end(assistant, own_toy):
    calls = [
        assistant.begin("run", **own_toy.wanted("first", parameters={"value": n})) for n in range(8)
    ]
    results = at_the_same_time(calls)
    assert [result.structured_content["outputs"]["value"] for result in results] == list(range(8))
    assert len(listed(own_toy, status="success")) == 8


def test_a_run_is_done_again_and_compared(assistant, own_toy):
    run = own_toy.run(parameters={"value": 4})["run_id"]
    again = assistant.call("rerun", run_id=run)
    assert again["identical"] is True
    assert again.data.get("run_id", run) != run or "record" in again.data


def test_a_run_of_chance_is_done_again_and_said_to_differ(assistant, own_toy):
    run = own_toy.run("clock")["run_id"]
    assert assistant.call("rerun", run_id=run)["identical"] is False


def test_two_runs_are_compared(assistant, own_toy):
    arguments = sorted(name for name in assistant.arguments_of("compare_runs") if "run" in name)
    runs = [own_toy.run("first", parameters={"value": value})["run_id"] for value in (100, 125)]
    answer = assistant.call("compare_runs", **dict(zip(arguments, runs)))
    (entry,) = [
        entry
        for entry in answer["diff"]
        if entry["metric"].endswith("value") and "given" not in entry["metric"]
    ]
    assert (entry["base_value"], entry["scenario_value"]) == (100, 125)
    assert entry["absolute_delta"] == 25
    assert entry["pct_delta"] == pytest.approx(25)
    assert entry["significant"] is True


def test_a_run_is_not_compared_with_one_that_is_not_there(assistant, toy):
    arguments = sorted(name for name in assistant.arguments_of("compare_runs") if "run" in name)
    run = toy.run("first")["run_id"]
    absent = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    assistant.refused("compare_runs", **dict(zip(arguments, (run, absent))))


@pytest.mark.slow
def test_a_run_over_its_time_is_ended(own_server, tmp_path):
    repository = Repository(tmp_path / "slow")
    repository.commit({"run.py": "while True: pass\n"})
    # The hard cap of the contract.
    server = own_server()
    with over_http(f"{server.url}/mcp?tools=full") as assistant:
        assistant.call("create_project", project_name="slow", source=str(repository.path))
        run = assistant.call("run", scope="project", mode="async", project_name="slow")["run_id"]
        told = settled(assistant, run, seconds=400)
        assert told["status"] == "timed_out"
        duration = datetime.fromisoformat(told["finished_at"]) - datetime.fromisoformat(
            told["started_at"]
        )
        assert timedelta(seconds=290) < duration < timedelta(seconds=330)
