"""Tries a change without a sandbox: python local.py [parameters.json [outputs]]"""

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODEL = """
import json, os, runpy, sys
name = sys.argv[1]
repository = os.environ["SANDBOX_REPO_PATH"]
left = runpy.run_path(os.path.join(repository, "model", name + ".py"))
target = os.path.join(os.environ["SANDBOX_UPSTREAM_PATH"], name)
os.makedirs(target)
with open(os.path.join(target, "outputs.json"), "w") as file:
    json.dump(left["result"], file)
"""


def pipeline():
    """The names in PIPELINE."""
    for statement in ast.parse((HERE / "run.py").read_text()).body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id == "PIPELINE":
            return ast.literal_eval(statement.value)
    raise ValueError("run.py has no PIPELINE")


def run(parameters=None, outputs=None):
    """Runs every model in order, and gives the result of the last."""
    with tempfile.TemporaryDirectory() as scratch:
        places = {name: Path(scratch, name) for name in ("inputs", "outputs", "upstream")}
        for place in places.values():
            place.mkdir()
        if parameters is not None:
            (places["inputs"] / "parameters.json").write_text(json.dumps(parameters))
        variables = os.environ | {
            "SANDBOX_REPO_PATH": str(HERE),
            "SANDBOX_DATA_PATH": str(HERE / "data"),
            "SANDBOX_INPUTS_PATH": str(places["inputs"]),
            "SANDBOX_OUTPUT_PATH": str(places["outputs"]),
            "SANDBOX_UPSTREAM_PATH": str(places["upstream"]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for model in pipeline():
            subprocess.run([sys.executable, "-c", MODEL, model], env=variables, check=True)
        if outputs:
            shutil.copytree(places["outputs"], outputs, dirs_exist_ok=True)
        return json.loads((places["upstream"] / pipeline()[-1] / "outputs.json").read_text())


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text()) if len(sys.argv) > 1 else None
    print(json.dumps(run(given, *sys.argv[2:3]), indent=1, sort_keys=True))
