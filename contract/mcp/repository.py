"""Git repositories for projects to be made of."""

import os
import shutil
import subprocess
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "finance"
# Nothing of who runs the tests, and nothing of when.
GIT_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
}


class Repository:
    """A repository with a branch `main`."""

    def __init__(self, path: Path):
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch", "main")

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.path,
            env=os.environ | GIT_ENVIRONMENT,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, files: dict[str, str], branch: str | None = None) -> str:
        """Commits files, on a branch that is made if it is not there, and gives the commit."""
        if branch is not None:
            known = self.git("branch", "--list", branch)
            self.git("switch", "--quiet", *([] if known else ["-c"]), branch)
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a state")
        commit = self.git("rev-parse", "HEAD")
        if branch is not None:
            self.git("switch", "--quiet", "main")
        return commit

    def bare(self, path: Path) -> Path:
        """A bare copy of it."""
        subprocess.run(
            ["git", "clone", "--quiet", "--bare", str(self.path), str(path)],
            env=os.environ | GIT_ENVIRONMENT,
            check=True,
        )
        return path


def of_example(path: Path) -> Repository:
    """The financial model, without its data: that comes in snapshots."""
    repository = Repository(path)
    shutil.copytree(
        EXAMPLE,
        path,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("data", "__pycache__", "expected.json"),
    )
    repository.commit({})
    return repository
