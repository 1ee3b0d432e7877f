"""Runs a project's models inside a sandbox, and packs what came of it.

Started as `driver.py project` or `driver.py model NAME`, and by itself once for each
model. What it writes is read on the host as written by the models: nothing here is
trusted, and a model that spoils it spoils its own run.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime
import decimal
import enum
import io
import json
import math
import os
import pathlib
import stat
import subprocess
import sys
import tarfile
import time
import traceback
import types
from typing import Any, Iterator, Optional

REPO = os.environ.get("SANDBOX_REPO_PATH", "/repo")
OUTPUTS = os.environ.get("SANDBOX_OUTPUT_PATH", "/outputs")
UPSTREAM = os.environ.get("SANDBOX_UPSTREAM_PATH", "/upstream")
PARCEL = os.environ.get("CELLBLOCK_PARCEL", "/workspace/.cellblock")

# The longest name of a model, and the most models of one pipeline.
NAME_CHARACTERS_MAX = 128
MODELS_MAX = 100
# One result as JSON, its nesting and its parts: what a person or an assistant reads.
RESULT_BYTES_MAX = 8 << 20
DEPTH_MAX = 64
PARTS_MAX = 1_000_000
# What is carried out: the host takes no more.
FILES_MAX = 200
FILE_BYTES_MAX = 10 << 20
FILES_BYTES_MAX = 64 << 20
ENTRIES_MAX = 20_000
LEVELS_MAX = 32
LEFT_OUT_MAX = 50
# Exit status of a project that cannot be run.
UNFIT = 2


class Unfit(Exception):
    """The project is not one that can be run."""


# --- a result as JSON ---


class Plain:
    """Makes JSON of what models compute."""

    def __init__(self) -> None:
        self.parts = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        self.parts += 1
        if depth > DEPTH_MAX:
            raise ValueError(f"it is nested deeper than {DEPTH_MAX} levels")
        if self.parts > PARTS_MAX:
            raise ValueError(f"it has more than {PARTS_MAX} parts")
        if value is None or isinstance(value, (bool, str)):
            return str(value) if isinstance(value, str) else value
        if isinstance(value, enum.Enum):
            return self.of(value.value, depth + 1)
        if isinstance(value, int):
            return int(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        if isinstance(value, dict):
            return {self.key(key): self.of(part, depth + 1) for key, part in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(part, depth + 1) for part in value]
        if isinstance(value, (set, frozenset)):
            return [self.of(part, depth + 1) for part in sorted(value, key=repr)]
        return self.other(value, depth)

    def other(self, value: Any, depth: int) -> Any:
        package = type(value).__module__.split(".")[0]
        name = type(value).__name__
        if name in ("NaTType", "NAType"):
            return None
        if isinstance(value, decimal.Decimal):
            return self.decimal(value)
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, datetime.timedelta):
            return value.total_seconds()
        if isinstance(value, pathlib.PurePath):
            return str(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = dataclasses.fields(value)
            return {field.name: self.of(getattr(value, field.name), depth + 1) for field in fields}
        if package == "pandas" and name == "DataFrame":
            return self.of(value.to_dict("records"), depth + 1)
        if package == "pandas" and name == "Series":
            return self.of(value.to_dict(), depth + 1)
        if package in ("numpy", "pandas") and name in ("datetime64", "timedelta64"):
            return str(value)
        if package in ("numpy", "pandas", "polars") and hasattr(value, "tolist"):
            return self.of(value.tolist(), depth + 1)
        if package in ("numpy", "pandas"):
            return str(value)
        raise TypeError(f"{type(value).__module__}.{name} cannot be written as JSON")

    @staticmethod
    def decimal(value: decimal.Decimal) -> Any:
        if not value.is_finite():
            return None
        is_whole = value == value.to_integral_value() and abs(value) < 10**18
        return int(value) if is_whole else float(value)

    @staticmethod
    def key(key: Any) -> str:
        if isinstance(key, (datetime.datetime, datetime.date)):
            return key.isoformat()
        return str(key)


def as_json(value: Any) -> bytes:
    """The value as JSON."""
    text = json.dumps(Plain().of(value), allow_nan=False, ensure_ascii=True)
    if len(text) > RESULT_BYTES_MAX:
        raise ValueError(f"it is longer than {RESULT_BYTES_MAX} bytes as JSON")
    return text.encode("ascii")


# --- one model, in a process of its own ---


def run_file(path: str, result_path: str, pipeline_path: Optional[str]) -> int:
    """Runs a file as a program and keeps its result."""
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    sys.argv = [path]
    sys.path[0:1] = [REPO, os.path.join(REPO, "model")]
    os.chdir(REPO)
    status = execute(path, module)
    if status == 0:
        keep(module, path, result_path)
        if pipeline_path is not None and "PIPELINE" in vars(module):
            write(pipeline_path, as_json(vars(module)["PIPELINE"]))
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def execute(path: str, module: types.ModuleType) -> int:
    """Runs a file's code; gives its exit status."""
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, vars(module))
    except SystemExit as end:
        return status_of(end.code)
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        return 1
    return 0


def status_of(code: Any) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def keep(module: types.ModuleType, path: str, result_path: str) -> None:
    """Writes a model's `result`, or `outputs` as it used to be called."""
    found = [vars(module).get(name) for name in ("result", "outputs")]
    result = next((value for value in found if isinstance(value, dict)), None)
    if result is None:
        return
    try:
        write(result_path, as_json(result))
    except Exception as error:
        say(f"the result of {os.path.basename(path)} is not kept: {error}")


def write(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)


def say(text: str) -> None:
    print(f"cellblock: {text}", file=sys.stderr, flush=True)


# --- which models, in which order ---


def written_pipeline(path: str) -> Optional[list[str]]:
    """The list `PIPELINE` of a file if it is written out there."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (SyntaxError, ValueError, RecursionError):
        return None
    found = None
    for statement in tree.body:
        targets: list[Any] = []
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == "PIPELINE" for target in targets):
            if found is not None or isinstance(statement, ast.AugAssign):
                return None
            found = statement.value
    try:
        names = ast.literal_eval(found) if found is not None else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return checked(names) if isinstance(names, (list, tuple)) else None


def checked(names: Any) -> list[str]:
    """The names of a pipeline, if they are some."""
    if not isinstance(names, (list, tuple)):
        raise Unfit("PIPELINE in run.py is not a list")
    if len(names) > MODELS_MAX:
        raise Unfit(f"PIPELINE has {len(names)} models; the most is {MODELS_MAX}")
    for name in names:
        is_name = isinstance(name, str) and name.isascii() and name.isidentifier()
        if not is_name or len(name) > NAME_CHARACTERS_MAX:
            raise Unfit(f"PIPELINE has {str(name)[:80]!r}, which is not a model's name")
    if len(set(names)) < len(names):
        raise Unfit("PIPELINE has a model twice")
    return list(names)


class Driver:
    """Runs what was asked for, and keeps account."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.results: list[tuple[str, str]] = []
        self.pipeline: Optional[list[str]] = None

    def project(self) -> int:
        entry = os.path.join(REPO, "run.py")
        if not os.path.isfile(entry):
            raise Unfit("the project has no run.py")
        self.pipeline = written_pipeline(entry)
        if self.pipeline is None:
            found = os.path.join(PARCEL, "pipeline.json")
            status = self.step("run", entry, os.path.join(PARCEL, "run.json"), found)
            if status != 0 or not os.path.exists(found):
                return status
            self.pipeline = checked(json.loads(read(found, RESULT_BYTES_MAX) or b"null"))
        for name in self.pipeline:
            path = self.path_of(name)
            status = self.step(name, path, os.path.join(UPSTREAM, name, "outputs.json"))
            if status != 0:
                return status
        return 0

    def model(self, name: str) -> int:
        return self.step(name, self.path_of(name), os.path.join(PARCEL, f"{name}.json"))

    @staticmethod
    def path_of(name: str) -> str:
        path = os.path.join(REPO, "model", f"{name}.py")
        if not os.path.isfile(path):
            raise Unfit(f"the project has no model/{name}.py")
        return path

    def step(self, name: str, path: str, result: str, pipeline: Optional[str] = None) -> int:
        command = [sys.executable, __file__, "file", path, result]
        begun = time.monotonic()
        ended = subprocess.run(command + ([pipeline] if pipeline else []), check=False)
        status = ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
        self.steps.append(
            {"model": name, "exit_code": status, "seconds": round(time.monotonic() - begun, 3)}
        )
        if status == 0 and os.path.exists(result):
            self.results.append((name, result))
        elif status != 0 and self.pipeline is not None:
            say(f"model {name} failed with exit status {status}; later ones were not run")
        return status

    def report(self, left_out: list[str], left_out_count: int) -> bytes:
        report = {
            "version": 1,
            "pipeline": self.pipeline,
            "steps": self.steps,
            "left_out": left_out,
            "left_out_count": left_out_count,
        }
        return json.dumps(report).encode("ascii")


# --- what is carried out ---


def read(path: str, most: int) -> Optional[bytes]:
    """What a regular file holds; nothing else is opened, and no link followed."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            content = file.read(most + 1)
    except OSError:
        return None
    return content if len(content) <= most else None


def walk(top: str) -> Iterator[str]:
    """The files and links below a directory in the order of their names."""
    left, seen = [""], 0
    while left:
        below = left.pop()
        try:
            entries = sorted(os.scandir(os.path.join(top, below)), key=lambda e: e.name)
        except OSError:
            continue
        directories = []
        for entry in entries:
            seen += 1
            if seen > ENTRIES_MAX:
                return
            path = os.path.join(below, entry.name)
            if entry.is_dir(follow_symlinks=False) and path.count("/") < LEVELS_MAX:
                directories.append(path)
            else:
                yield path
        left.extend(reversed(directories))


def is_plain(path: str) -> bool:
    """Whether a name is one that the host takes."""
    try:
        name = path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return len(name) < 1024 and "\\" not in path and path.isprintable()


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def pack(driver: Driver) -> None:
    """Writes the one file that the host takes."""
    os.makedirs(PARCEL, exist_ok=True)
    target = os.path.join(PARCEL, "parcel.tar")
    try:
        pack_into(target, driver, FILES_MAX)
    except OSError as error:
        say(f"there is no room to carry out the files: {error}")
        pack_into(target, driver, 0)


def pack_into(target: str, driver: Driver, files_max: int) -> None:
    left_out: list[str] = []
    count, bytes_left, taken = 0, FILES_BYTES_MAX, set()
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in driver.results:
            content = read(path, RESULT_BYTES_MAX)
            if content is not None:
                add(tar, f"results/{name}.json", content)
        for path in walk(OUTPUTS):
            content = None
            if is_plain(path) and len(taken) < files_max and path.lower() not in taken:
                content = read(os.path.join(OUTPUTS, path), min(FILE_BYTES_MAX, bytes_left))
            if content is None:
                count += 1
                if len(left_out) < LEFT_OUT_MAX:
                    left_out.append(ascii(path)[1:-1][:200])
                continue
            taken.add(path.lower())
            bytes_left -= len(content)
            add(tar, f"outputs/{path}", content)
        add(tar, "report.json", driver.report(left_out, count))


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["file"]:
        rest = arguments[1:] + [None]  # type: ignore[list-item]
        return run_file(rest[0], rest[1], rest[2])
    driver = Driver()
    try:
        status = driver.project() if arguments[0] == "project" else driver.model(arguments[1])
    except Unfit as unfit:
        say(str(unfit))
        status = UNFIT
    pack(driver)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
