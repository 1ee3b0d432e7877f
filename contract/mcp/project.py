"""Projects as tests hold them."""

from dataclasses import dataclass
from itertools import count

from assistant import Answer, Assistant
from repository import Repository

_numbers = count(1)


def fresh(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}{next(_numbers)}"


@dataclass
class Project:
    """A registered project and where its repository is."""

    assistant: Assistant
    name: str
    repository: Repository

    def run(self, model: str | None = None, **more) -> Answer:
        return self.assistant.call("run", **self.wanted(model, **more))

    def refused(self, model: str | None = None, **more):
        return self.assistant.refused("run", **self.wanted(model, **more))

    def wanted(self, model: str | None = None, **more) -> dict:
        """The arguments of a run of the project, or of one model of it."""
        which = {"scope": "model", "model_name": model} if model else {"scope": "project"}
        return {"mode": "sync", "project_name": self.name} | which | more


def register(assistant: Assistant, repository: Repository, prefix: str, **more) -> Project:
    name = fresh(prefix)
    assistant.call("create_project", project_name=name, source=str(repository.path), **more)
    return Project(assistant, name, repository)
