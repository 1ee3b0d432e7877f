"""A small project with a model for each thing that the contract says of a run."""

PIPELINE = '''\
"""Two models, the second of which reads the first."""

PIPELINE = ["first", "second"]
'''

FIRST = '''\
"""Takes a parameter and hands it on."""

import json
import os

path = "/inputs/parameters.json"
given = json.load(open(path)) if os.path.exists(path) else {}
result = {"value": given.get("value", 1), "given": given}
print("the first has run")
'''

SECOND = '''\
"""Reads what came before it, and leaves files."""

import json
import os

before = json.load(open("/upstream/first/outputs.json"))
result = {"doubled": before["value"] * 2, "label": "second"}
out = os.environ["SANDBOX_OUTPUT_PATH"]
with open(os.path.join(out, "figures.json"), "w") as file:
    json.dump({"doubled": result["doubled"], "list": [1, 2.5, None, True]}, file)
with open(os.path.join(out, "table.csv"), "w") as file:
    file.write("name,value\\ndoubled,%d\\n" % result["doubled"])
print("the second has run")
'''

PLACES = '''\
"""Tells what is there and what may be written."""

import os


def may_write(directory):
    try:
        with open(os.path.join(directory, "tried"), "w") as file:
            file.write("x")
    except OSError:
        return False
    os.remove(os.path.join(directory, "tried"))
    return True


def reaches_out():
    import socket

    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1).close()
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


names = ("SANDBOX_REPO_PATH", "SANDBOX_OUTPUT_PATH", "SANDBOX_DATA_PATH",
         "SANDBOX_UPSTREAM_PATH", "BT_RUN_ID", "CELLBLOCK_RUN_ID")
result = {
    "writable": {place: may_write(place) for place in ("/repo", "/data", "/outputs", "/tmp")},
    "variables": {name: os.environ.get(name) for name in names},
    "has_git": os.path.exists("/repo/.git"),
    "has_parameters": os.path.exists("/inputs/parameters.json"),
    "parameters_are_writable": os.access("/inputs/parameters.json", os.W_OK),
    "files": sorted(os.listdir("/repo")),
    "data": sorted(
        os.path.relpath(os.path.join(folder, name), "/data")
        for folder, _, found in os.walk("/data") for name in found
    ),
    "reaches_out": reaches_out(),
}
'''

LOUD = '''\
"""Says more than is told inline."""

import sys

print("o" * 9999)
print("e" * 9999, file=sys.stderr)
result = {"said": 10000}
'''

LEGACY = '''\
"""Names its result as of old."""

outputs = {"old": 7}
'''

PLAIN = '''\
"""Has no result."""

print("nothing to hand on")
'''

RAISES = '''\
"""Fails."""

raise ValueError("the books do not balance")
'''

EXITS = '''\
"""Ends with a status of its own."""

import sys

sys.exit(7)
'''

SLOW = '''\
"""Does not end soon."""

import time

print("it has begun", flush=True)
time.sleep(300)
result = {}
'''

MANY = '''\
"""Leaves a large file, a nested one, one that is not JSON though it says so, and a link."""

import os

out = "/outputs"
with open(out + "/large.csv", "w") as file:
    file.write("n\\n")
    for n in range(200_000):
        file.write("%d\\n" % n)
os.makedirs(out + "/deep/er")
with open(out + "/deep/er/note.txt", "w") as file:
    file.write("deep")
with open(out + "/broken.json", "w") as file:
    file.write("{not json")
os.symlink("/etc/passwd", out + "/link.txt")
result = {"left": 4}
'''

CLOCK = '''\
"""Never twice the same."""

import os

result = {"noise": os.urandom(8).hex()}
'''

MODELS = {
    "first": FIRST,
    "second": SECOND,
    "places": PLACES,
    "loud": LOUD,
    "legacy": LEGACY,
    "plain": PLAIN,
    "raises": RAISES,
    "exits": EXITS,
    "slow": SLOW,
    "many": MANY,
    "clock": CLOCK,
}

FILES = {"run.py": PIPELINE} | {f"model/{name}.py": text for name, text in MODELS.items()}
