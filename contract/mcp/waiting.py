"""Waits for runs, and looks at those of a project."""

import time

FINAL = ("success", "failed", "timed_out", "cancelled")


def settled(assistant, run_id: str, seconds: float = 60) -> dict:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told = assistant.call("get_run", run_id=run_id).data
        if told["status"] in FINAL:
            return told
        time.sleep(0.2)
    raise AssertionError(f"still {told['status']} after {seconds} s")


def until_running(assistant, run_id: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        status = assistant.call("get_run", run_id=run_id)["status"]
        if status == "running":
            return
        assert status == "pending", status
        time.sleep(0.1)
    raise AssertionError("it never began")


def until_begun(assistant, run_id: str) -> None:
    """Waits until a run has written something, which is told while it goes on."""
    until_running(assistant, run_id)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        told = assistant.call("get_run", run_id=run_id)
        assert told["status"] == "running", told.data
        if told["output"]["stdout"]:
            return
        time.sleep(0.1)
    raise AssertionError("it never wrote anything")


def project_argument(project) -> dict[str, str]:
    """The argument of `list_runs` that names the project, which had two names."""
    known = project.assistant.arguments_of("list_runs")
    return {"project_name" if "project_name" in known else "project": project.name}


def listed(project, **filters) -> list[dict]:
    of_project = project_argument(project)
    return project.assistant.call("list_runs", **of_project, **filters)["runs"]
