"""The same projects, data and runs over our own routes, without an assistant between."""

import json
import time

import httpx2 as httpx
import pytest

from project import fresh

FINAL = {"success", "failed", "timed_out", "cancelled", "lost"}


class Api:
    """A client of `/v1`, that knows one project."""

    def __init__(self, url: str, project: str):
        self.http = httpx.Client(base_url=f"{url}/v1", timeout=90, trust_env=False)
        self.project = project

    def ask(self, method: str, path: str, status: int = 200, **more):
        answer = self.http.request(method, path, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, status: int, **more) -> dict:
        error = self.ask(method, path, status, **more)["error"]
        assert error["message"] and error["code"], error
        return error

    def run(self, model: str | None = None, status: int = 200, **more) -> dict:
        which = {"scope": "model", "model": model} if model else {"scope": "project"}
        path = f"/projects/{self.project}/runs"
        return self.ask("POST", path, status, json=which | more)

    def settled(self, run_id: str) -> dict:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            record = self.ask("GET", f"/records/{run_id}", params={"wait_ms": 5000})
            if record["status"] in FINAL:
                return record
        raise AssertionError(f"still {record['status']}")

    def until(self, run_id: str, status: str) -> None:
        end = time.monotonic() + 60
        while self.ask("GET", f"/records/{run_id}")["status"] != status:
            assert time.monotonic() < end, f"it is not {status}"
            time.sleep(0.1)

    def upload(self, text: str, source: str = "rates.csv") -> dict:
        path = f"/projects/{self.project}/sources/{source}"
        return self.ask("PUT", path, 201, content=text.encode())

    def snapshot(self) -> str:
        return self.ask("POST", f"/projects/{self.project}/snapshots", 201)["snapshot_id"]


@pytest.fixture
def api(http_server, toy_repository):
    made = Api(http_server.url, fresh("v1toy"))
    wanted = {"name": made.project, "repository": str(toy_repository.path)}
    assert made.ask("POST", "/projects", 201, json=wanted)["name"] == made.project
    yield made
    made.http.close()


def test_a_project_is_listed_shown_and_removed(api, toy_repository):
    listed = api.ask("GET", "/projects", params={"limit": 500})["projects"]
    assert api.project in {project["name"] for project in listed}
    again = {"name": api.project, "repository": str(toy_repository.path)}
    api.refused("POST", "/projects", 409, json=again)
    files = api.ask("GET", f"/projects/{api.project}/files")
    assert "run.py" in json.dumps(files)
    api.ask("DELETE", f"/projects/{api.project}", 204)
    api.refused("GET", f"/projects/{api.project}", 404)


def test_a_run_that_is_waited_for_tells_all_of_it(api, toy_repository):
    told = api.run(parameters={"value": 21})
    record, outputs = told["record"], told["outputs"]
    assert record["status"] == "success"
    assert record["commit_sha"] == toy_repository.git("rev-parse", "main")
    assert record["exit_code"] == 0
    assert "the second has run" in record["stdout"]["head"]
    assert outputs["figures.json"]["json"]["doubled"] == 42
    assert record["enforcement"]["controls"]["syscall-filter"]["level"] == "full"
    kept = api.ask("GET", f"/records/{record['run_id'][:12]}")
    assert {**kept, "artifacts": None} == {**record, "artifacts": None}
    path = f"/records/{record['run_id']}/outputs/content"
    content = api.http.get(path, params={"name": "table.csv"})
    assert content.text == "name,value\ndoubled,42\n"
    api.refused("GET", path, 404, params={"name": "nothing.csv"})


@pytest.mark.parametrize(("model", "exit_code"), [("exits", 7), ("raises", 1)])
def test_code_that_fails_is_an_outcome(api, model, exit_code):
    record = api.run(model)["record"]
    assert (record["status"], record["exit_code"]) == ("failed", exit_code)


def test_a_model_that_is_not_there_fails_and_says_so(api):
    record = api.run("no_such_model")["record"]
    assert record["status"] == "failed"
    assert "model/no_such_model.py" in record["stderr"]["head"]


def test_what_cannot_be_run_is_an_error_and_no_run(api):
    path = f"/projects/{api.project}/runs"
    api.refused("POST", path, 422, json={"scope": "model"})
    api.refused("POST", path, 404, json={"scope": "project", "snapshot": "0" * 64})
    api.refused("POST", path, 422, json={"scope": "galaxy"})
    assert api.ask("GET", "/records", params={"project": api.project})["records"] == []


def test_a_run_in_the_background_is_followed_and_taken_back(api):
    record = api.run("slow", 202, mode="async")["record"]
    run_id = record["run_id"]
    api.until(run_id, "running")
    events = {"accept": "application/x-ndjson"}
    with api.http.stream("GET", f"/records/{run_id}/events", headers=events) as stream:
        lines = (json.loads(line) for line in stream.iter_lines() if line.strip())
        assert "it has begun" in json.dumps(next(lines))
        assert api.ask("POST", f"/records/{run_id}/cancel")["status"] == "cancelled"
        last = list(lines)[-1]
    assert last["type"] == "run.completed"
    assert api.settled(run_id)["status"] == "cancelled"


def test_runs_are_listed_newest_first_page_by_page(api):
    runs = [api.run("first", parameters={"value": n})["record"]["run_id"] for n in range(3)]
    failed = api.run("exits")["record"]["run_id"]
    of_project = {"project": api.project}
    found, cursor = [], None
    while True:
        page = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = api.ask("GET", "/records", params=of_project | page)
        found += [record["run_id"] for record in answer["records"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert found == [failed, *reversed(runs)]
    answer = api.ask("GET", "/records", params=of_project | {"status": "failed"})
    assert [record["run_id"] for record in answer["records"]] == [failed]
    until = {"until": api.ask("GET", f"/records/{runs[1]}")["queued_at"]}
    answer = api.ask("GET", "/records", params=of_project | until)
    assert [record["run_id"] for record in answer["records"]] == [runs[0]]


def test_runs_are_compared_and_repeated(api):
    one, two = (api.run("first", parameters={"value": n})["record"]["run_id"] for n in (1, 3))
    compared = api.ask("GET", f"/records/{one}/compare", params={"with": two})
    assert compared["identical"] is False
    assert (compared["base_run_id"], compared["scenario_run_id"]) == (one, two)
    assert compared["changes"]
    again = api.ask("POST", f"/records/{one}/rerun", params={"wait_ms": 60000})
    assert again["identical"] is True
    assert again["record"]["rerun_of"] == one
    noisy = api.run("clock")["record"]["run_id"]
    assert api.ask("POST", f"/records/{noisy}/rerun")["identical"] is False


def test_data_is_kept_as_it_was_while_a_run_refers_to_it(api):
    snapshots = f"/projects/{api.project}/snapshots"
    api.upload("a,b\n1,2\n")
    first = api.snapshot()
    assert api.snapshot() == first
    ran = api.run("places")
    assert ran["record"]["snapshot"] == first
    assert any("rates.csv" in path for path in ran["record"]["result"]["data"])
    api.upload("a,b\n3,4\n")
    second = api.snapshot()
    assert api.run("places", snapshot=first)["record"]["snapshot"] == first
    assert [taken["snapshot_id"] for taken in api.ask("GET", snapshots)["snapshots"]][0] == second
    api.refused("DELETE", f"{snapshots}/{first}", 409)
    api.ask("DELETE", f"{snapshots}/{second}", 204)
    api.refused("GET", f"{snapshots}/{second}", 404)


def test_a_creation_that_is_sent_again_is_one(api):
    key = {"idempotency-key": fresh("once")}
    path = f"/projects/{api.project}/runs"
    wanted = {"scope": "model", "model": "first"}
    one, two = (api.ask("POST", path, json=wanted, headers=key) for _ in range(2))
    assert one["record"]["run_id"] == two["record"]["run_id"]
    assert len(api.ask("GET", "/records", params={"project": api.project})["records"]) == 1
