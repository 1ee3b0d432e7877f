"""What may be assumed differently from run to run, and what is assumed if nothing is said."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

from plan.places import INPUTS


@dataclass(frozen=True)
class Assumptions:
    # The last year of the plan.
    last_year: int = 2020
    # Yearly growth of real GDP and of prices; None: the mean of the past `memory_years`.
    gdp_growth: float | None = None
    inflation: float | None = None
    memory_years: int = 20
    # The year in which the shocks of the scenarios begin.
    shock_year: int = 2012
    # How many futures are drawn, from which seed.
    paths: int = 2000
    seed: int = 1962


BOUNDS = {
    "last_year": (2010, 2040),
    "gdp_growth": (-0.2, 0.2),
    "inflation": (-0.2, 0.5),
    "memory_years": (5, 46),
    "shock_year": (2010, 2040),
    "paths": (100, 20_000),
    "seed": (0, 2**31),
}


def assumptions():
    """The parameters of the run, checked."""
    path = INPUTS / "parameters.json"
    given = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    known = {field.name for field in fields(Assumptions)}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"unknown parameter {name}; there are {', '.join(sorted(known))}")
        _check(name, value)
    return Assumptions(**given)


def _check(name, value):
    default = getattr(Assumptions, name)
    if value is None and default is None:
        return
    kinds = (int,) if isinstance(default, int) else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise ValueError(f"{name} must be a number, not {value!r}")
    low, high = BOUNDS[name]
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value}")
