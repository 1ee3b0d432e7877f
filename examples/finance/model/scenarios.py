"""The plan under three shocks that begin in one year and fade."""

import math
import os
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.assumptions import assumptions
from plan.figures import by_year, rounded
from plan.places import upstream, write_table
from plan.projection import project, totals

# What is added to the growth of GDP and to inflation in the first, second, … year of the shock.
SHOCKS = {
    "recession": {"gdp": [-0.045, -0.015, 0.01, 0.01], "prices": [-0.01, -0.01]},
    "upswing": {"gdp": [0.015, 0.015, 0.01], "prices": [0.0, 0.005, 0.005]},
    "stagflation": {"gdp": [-0.025, -0.02, -0.01], "prices": [0.04, 0.05, 0.03, 0.02]},
}

assumed = assumptions()
baseline = upstream("baseline")
lines = upstream("elasticity")["lines"]
plan = by_year(baseline["total"])
years = sorted(plan)


def shocked(usual, shock):
    """A constant growth with a shock upon it."""
    after = {year: year - assumed.shock_year for year in years}
    return {
        year: usual + (shock[after[year]] if 0 <= after[year] < len(shock) else 0.0)
        for year in years
    }


def left_of(source, receipts):
    """What a shock leaves of a source in the last year, as a share of the plan's."""
    return receipts / baseline["receipts"][source][str(years[-1])]


found = {}
for name, shock in SHOCKS.items():
    path = project(
        baseline["start"],
        lines,
        shocked(baseline["gdp_growth"], shock["gdp"]),
        shocked(baseline["inflation"], shock["prices"]),
    )
    total = totals(path)
    gap = {year: total[year] - plan[year] for year in years}
    deepest = max(years, key=lambda year: abs(gap[year] / plan[year]))
    found[name] = {
        "total": total,
        "last_year_gap": gap[years[-1]],
        "largest_gap": {"year": deepest, "share": gap[deepest] / plan[deepest]},
        "cumulated_gap": math.fsum(gap.values()),
        "hardest_hit": min(path, key=lambda source: left_of(source, path[source][years[-1]])),
    }
    print(f"{name:12} {found[name]['cumulated_gap']:+10.0f} billion dollars over the plan")

write_table(
    "scenarios",
    ["fiscal_year", "baseline", *found],
    [[y, f"{plan[y]:.1f}", *(f"{case['total'][y]:.1f}" for case in found.values())] for y in years],
)
result = rounded({"shock_year": assumed.shock_year, "scenarios": found})
