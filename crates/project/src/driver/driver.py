"""Runs a project's models inside a sandbox, and packs what came of it.

Started as `driver.py project` or `driver.py model NAME`, and by itself once for each
model. What it writes is read on the host as written by the models: nothing here is
trusted, and a model that spoils it spoils its own run.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import datetime
import decimal
import enum
import errno
import io
import json
import math
import os
import pathlib
import signal
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
# The longest reason why a result is not kept.
REASON_CHARACTERS_MAX = 300
# Room that is held for us while models run, who may fill all that there is: for the file
# that is carried out, and for a result, which needs a name and a directory, too.
RESERVE = "reserve"
RESERVE_BYTES = 1 << 20
SPARE_BYTES = 1 << 19
SPARES = ("spare.0", "spare.1")
# How many times as much there has to be.
RESERVES_MIN = 8
# Exit status of a project that cannot be run.
UNFIT = 2


class Unfit(Exception):
    """The project is not one that can be run."""


class Excess(ValueError):
    """A result is more than is kept."""


# --- a result as JSON ---


class Plain:
    """Makes JSON of what models compute."""

    def __init__(self) -> None:
        self.parts = 0

    def of(self, value: Any, depth: int = 0) -> Any:
        self.parts += 1
        if depth > DEPTH_MAX:
            raise Excess(f"it is nested deeper than {DEPTH_MAX} levels")
        if self.parts > PARTS_MAX:
            raise Excess(f"it has more than {PARTS_MAX} parts")
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.text(str(value))
        if isinstance(value, enum.Enum):
            return self.of(value.value, depth + 1)
        if isinstance(value, int):
            return self.whole(int(value))
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
    def text(value: str) -> str:
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError("it has text with half a character, a lone surrogate") from None
        return value

    @staticmethod
    def whole(value: int) -> int:
        try:
            float(value)
        except OverflowError:
            raise ValueError("it has a number beyond those that readers of JSON take") from None
        return value

    @staticmethod
    def decimal(value: decimal.Decimal) -> Any:
        if not value.is_finite():
            return None
        is_whole = value == value.to_integral_value() and abs(value) < 10**18
        return int(value) if is_whole else float(value)

    def key(self, key: Any) -> str:
        if isinstance(key, (datetime.datetime, datetime.date)):
            return key.isoformat()
        return self.text(str(key))


def as_json(value: Any) -> bytes:
    """The value as JSON."""
    text = json.dumps(Plain().of(value), allow_nan=False, ensure_ascii=True)
    if len(text) > RESULT_BYTES_MAX:
        raise Excess(f"it is longer than {RESULT_BYTES_MAX} bytes as JSON")
    return text.encode("ascii")


# --- one model, in a process of its own ---


def run_file(path: str, result_path: str, note_path: str, pipeline_path: Optional[str]) -> int:
    """Runs a file as a program and keeps its result, or a note why not."""
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    sys.argv = [path]
    sys.path[0:1] = [REPO, os.path.join(REPO, "model")]
    os.chdir(REPO)
    status = execute(path, module)
    if status == 0:
        keep(module, path, (result_path, note_path))
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


def keep(module: types.ModuleType, path: str, places: tuple[str, str]) -> None:
    """Writes a model's `result`, or `outputs` as it used to be called."""
    found = [vars(module).get(name) for name in ("result", "outputs")]
    result = next((value for value in found if isinstance(value, dict)), None)
    (result_path, note_path), code = places, "unfit"
    try:
        if result is not None:
            return write(result_path, as_json(result))
        if not is_data(found[0]):
            return None
        reason = f"it is a {type(found[0]).__name__}, not a dict"
    except Excess as error:
        code, reason = "too_large", str(error)
    except OSError as error:
        code, reason = "too_large", f"it cannot be written: {error.strerror}"
    except Exception as error:
        reason = str(error)
    text = f"the result of {os.path.basename(path)} is not kept: {reason}"
    say(text)
    note = {"code": code, "message": text[:REASON_CHARACTERS_MAX]}
    with contextlib.suppress(OSError):
        write(note_path, json.dumps(note).encode("ascii"))


def is_data(value: Any) -> bool:
    """Whether a variable holds something that may be meant as a result."""
    return not (value is None or callable(value) or isinstance(value, types.ModuleType))


def write(path: str, content: bytes) -> None:
    """Writes a file, into the room that was held for it if there is no other."""
    try:
        write_once(path, content)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        give_room()
        write_once(path, content)


def write_once(path: str, content: bytes) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError:
        # A part of it would be taken for all.
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise


def hold_room() -> None:
    """Holds room for what is written once a model has filled all that there is. Where there
    is little, it is the model's."""
    with contextlib.suppress(OSError):
        os.makedirs(PARCEL, exist_ok=True)
        found = os.statvfs(PARCEL)
        if found.f_bavail * found.f_frsize < RESERVES_MIN * RESERVE_BYTES:
            return
    for name, size in [(RESERVE, RESERVE_BYTES), *((name, SPARE_BYTES) for name in SPARES)]:
        with contextlib.suppress(OSError):
            with opened_anew(os.path.join(PARCEL, name)) as file:
                os.posix_fallocate(file.fileno(), 0, size)


def give_room() -> None:
    for name in SPARES:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(PARCEL, name))


def opened_anew(path: str) -> io.BufferedRandom:
    """A file of ours that is written from its beginning; what it holds is not given up."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    return open(os.open(path, flags, 0o644), "r+b")


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


class LeftOut:
    """What is not carried out: some names, and how many there are for each reason."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.reasons: dict[str, int] = {}

    def add(self, path: str, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1
        if len(self.names) < LEFT_OUT_MAX:
            self.names.append(ascii(path)[1:-1][:200])


class Driver:
    """Runs what was asked for, and keeps account."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.results: list[tuple[str, str]] = []
        self.pipeline: Optional[list[str]] = None
        self.notes: list[dict[str, str]] = []
        # The signal that ended the last model, which is to end us, too: how a run ended is
        # what the host kernel says, and nothing that is written here.
        self.signal: Optional[int] = None

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
        note = os.path.join(PARCEL, f"{name}.note")
        command = [sys.executable, __file__, "file", path, result, note]
        hold_room()
        begun = time.monotonic()
        ended = subprocess.run(command + ([pipeline] if pipeline else []), check=False)
        status = ended.returncode if ended.returncode >= 0 else 128 - ended.returncode
        self.steps.append(
            {"model": name, "exit_code": status, "seconds": round(time.monotonic() - begun, 3)}
        )
        self.signal = -ended.returncode if ended.returncode < 0 else None
        self.take_note(note)
        if status == 0 and os.path.exists(result):
            self.results.append((name, result))
        elif status != 0 and self.pipeline is not None:
            say(f"model {name} failed with exit status {status}; later ones were not run")
        return status

    def take_note(self, path: str) -> None:
        """What a model's own process says of its result."""
        with contextlib.suppress(ValueError, RecursionError):
            note = json.loads(read(path, 4 * REASON_CHARACTERS_MAX + 100) or b"null")
            if isinstance(note, dict):
                parts = {key: str(note.get(key)) for key in ("code", "message")}
                # What is no character would make the report unreadable.
                plain = {key: text.encode("utf-8", "replace") for key, text in parts.items()}
                self.notes.append({key: text.decode("utf-8") for key, text in plain.items()})

    def report(self, files: list[str], left_out: LeftOut) -> bytes:
        report = {
            "version": 2,
            "pipeline": self.pipeline,
            "steps": self.steps,
            "notes": self.notes,
            "files": files,
            "left_out": left_out.names,
            "reasons": left_out.reasons,
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


def content_of(path: str, bytes_left: int) -> tuple[Optional[bytes], str]:
    """What a regular file holds, or why it is left out."""
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(path, flags), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return None, "kind"
            if found.st_size > FILE_BYTES_MAX:
                return None, "file_bytes"
            # It may grow while it is read.
            content = file.read(min(FILE_BYTES_MAX, bytes_left) + 1)
    except OSError as error:
        return None, "kind" if error.errno in (errno.ELOOP, errno.ENXIO) else "unreadable"
    if len(content) > FILE_BYTES_MAX:
        return None, "file_bytes"
    return (content, "") if len(content) <= bytes_left else (None, "bytes")


def walk(top: str) -> Iterator[tuple[str, str]]:
    """The files and links below a directory in the order of their names. With them, what
    cannot be looked into, and why not."""
    left, seen = [""], 0
    while left:
        below = left.pop()
        try:
            entries = sorted(os.scandir(os.path.join(top, below)), key=lambda e: e.name)
        except OSError:
            yield below or ".", "unreadable"
            continue
        directories = []
        for entry in entries:
            seen += 1
            path = os.path.join(below, entry.name)
            if seen > ENTRIES_MAX:
                yield path, "entries"
                return
            if not entry.is_dir(follow_symlinks=False):
                yield path, ""
            elif path.count("/") < LEVELS_MAX:
                directories.append(path)
            else:
                yield path, "depth"
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
    """Writes the one file that the host takes. Where that cannot be done there is none, and
    the host takes what lies there."""
    target = os.path.join(PARCEL, "parcel.tar")
    give_room()
    try:
        os.makedirs(PARCEL, exist_ok=True)
        with contextlib.suppress(OSError):
            os.replace(os.path.join(PARCEL, RESERVE), target)
        with opened_anew(target) as file:
            pack_into(file, driver)
            file.truncate()
    except Exception:
        with contextlib.suppress(OSError):
            os.unlink(target)


def pack_into(file: io.BufferedRandom, driver: Driver) -> None:
    files: list[str] = []
    left_out, bytes_left = LeftOut(), FILES_BYTES_MAX
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in driver.results:
            content = read(path, RESULT_BYTES_MAX)
            if content is not None:
                add(tar, f"results/{name}.json", content)
        for path, reason in walk(OUTPUTS):
            content = None
            if not reason and not is_plain(path):
                reason = "name"
            if not reason and len(files) >= FILES_MAX:
                reason = "count"
            if not reason:
                content, reason = content_of(os.path.join(OUTPUTS, path), bytes_left)
            if content is None:
                left_out.add(path, reason)
                continue
            # Names may differ in ways that not every reader of archives tells apart.
            add(tar, f"outputs/{len(files)}", content)
            files.append(path)
            bytes_left -= len(content)
        add(tar, "report.json", driver.report(files, left_out))


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["file"]:
        rest = arguments[1:] + [None]  # type: ignore[list-item]
        return run_file(rest[0], rest[1], rest[2], rest[3])
    driver = Driver()
    try:
        status = driver.project() if arguments[0] == "project" else driver.model(arguments[1])
    except Unfit as unfit:
        say(str(unfit))
        status = UNFIT
    pack(driver)
    if driver.signal is not None:
        end_by(driver.signal)
    return status


def end_by(number: int) -> None:
    """Ends as a model did that a signal ended."""
    sys.stdout.flush()
    sys.stderr.flush()
    # Some cannot be handled at all.
    with contextlib.suppress(OSError, ValueError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
