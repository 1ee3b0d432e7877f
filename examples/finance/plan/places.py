"""Where a run finds and leaves things."""

import csv
import json
import os
from pathlib import Path

DATA = Path(os.environ.get("SANDBOX_DATA_PATH", "/data"))
INPUTS = Path(os.environ.get("SANDBOX_INPUTS_PATH", "/inputs"))
OUTPUTS = Path(os.environ.get("SANDBOX_OUTPUT_PATH", "/outputs"))
UPSTREAM = Path(os.environ.get("SANDBOX_UPSTREAM_PATH", "/upstream"))


def table(name):
    """The rows of a table of the data snapshot, each a dict of texts."""
    for path in sorted(DATA.rglob(f"{name}.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    for path in sorted(DATA.rglob(f"{name}.parquet")):
        return _from_parquet(path)
    raise FileNotFoundError(f"{DATA} has no {name}.csv: add the data source {name}")


def _from_parquet(path):
    import pandas

    frame = pandas.read_parquet(path)
    return [
        {str(key): str(value) for key, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def upstream(model):
    """The result of a model that ran before."""
    path = UPSTREAM / model / "outputs.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: {model} has to run first, so run the project, not one model"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def write_table(name, header, rows):
    """Leaves a table as an output."""
    with (OUTPUTS / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_json(name, value):
    """Leaves a JSON document as an output."""
    text = json.dumps(value, indent=1, sort_keys=True)
    (OUTPUTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def write_text(name, text):
    """Leaves a text as an output."""
    (OUTPUTS / name).write_text(text, encoding="utf-8")
