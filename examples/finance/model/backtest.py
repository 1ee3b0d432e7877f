"""How good such lines would have been: fitted to the past of each year, tried on what followed.

The growth of GDP is taken as known, so this is an error of the lines and not of an economist.
"""

import math
import os
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.figures import by_year, line, mean, rounded, winsorised
from plan.places import upstream, write_table

FIRST_ORIGIN = 1982  # twenty years to fit on
HORIZONS = (1, 2, 3)
DRAWN_IN = 0.05

history = upstream("history")
prices = upstream("prices")
gdp_growth = by_year(prices["gdp_growth"])
inflation = by_year(prices["inflation"])
last = history["last_macro_year"]


def misses(source, horizon):
    """Relative errors of the line and of assuming no change, by origin."""
    receipts = by_year(history["receipts"][source])
    real = by_year(prices["real_growth"][source])
    found = []
    for origin in range(FIRST_ORIGIN, last - horizon + 1):
        past = [year for year in sorted(real) if year <= origin]
        fit = line(
            [gdp_growth[year] for year in past],
            winsorised([real[year] for year in past], DRAWN_IN),
        )
        guess = receipts[origin]
        for year in range(origin + 1, origin + horizon + 1):
            guess *= (1 + fit.at(gdp_growth[year])) * (1 + inflation[year])
        truth = receipts[origin + horizon]
        found.append((origin, abs(guess / truth - 1), abs(receipts[origin] / truth - 1)))
    return found


table = []
scores = {}
for source in history["sources"]:
    for horizon in HORIZONS:
        found = misses(source, horizon)
        fitted = mean(miss for _, miss, _ in found)
        naive = mean(miss for _, _, miss in found)
        scores.setdefault(source, {})[horizon] = {
            "error": fitted,
            "error_of_no_change": naive,
            "skill": 1 - fitted / naive,
        }
        table.append([source, horizon, len(found), f"{fitted:.4f}", f"{naive:.4f}"])

write_table("backtest", ["source", "years_ahead", "origins", "error", "error_of_no_change"], table)
better = sum(score["skill"] > 0 for by_horizon in scores.values() for score in by_horizon.values())
tried = len(table)
print(f"the lines beat no change in {better} of {tried} comparisons")

weights = {source: by_year(history["receipts"][source])[last] for source in history["sources"]}
whole = math.fsum(weights.values())
result = rounded(
    {
        "scores": scores,
        "better": better,
        "tried": tried,
        "weighted_error": {
            horizon: math.fsum(
                scores[source][horizon]["error"] * weight / whole
                for source, weight in weights.items()
            )
            for horizon in HORIZONS
        },
    }
)
