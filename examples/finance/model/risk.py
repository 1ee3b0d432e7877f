"""How sure the plan is: many futures, drawn from the past.

Each year of a future is a year of the past: its growth, its inflation and what the lines missed in
it are taken together, so that what goes together stays together.
"""

import math
import os
import random
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.assumptions import assumptions
from plan.figures import by_year, deviation, mean, quantile, rounded
from plan.places import upstream, write_table

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)

assumed = assumptions()
prices = upstream("prices")
baseline = upstream("baseline")
lines = upstream("elasticity")["lines"]
gdp_growth = by_year(prices["gdp_growth"])
inflation = by_year(prices["inflation"])
real = {source: by_year(series) for source, series in prices["real_growth"].items()}
past = sorted(gdp_growth)
years = sorted(by_year(baseline["total"]))
# The past's surprises are laid around what the plan takes for usual.
around_gdp = baseline["gdp_growth"] - mean(gdp_growth.values())
around_prices = baseline["inflation"] - mean(inflation.values())


def factors(year):
    """By how much each source grows in a future year that is like this year of the past."""
    price = 1 + inflation[year] + around_prices
    grown = {}
    for source, fitted in lines.items():
        missed = real[source][year] - fitted["intercept"] - fitted["slope"] * gdp_growth[year]
        expected = fitted["intercept"] + fitted["slope"] * (gdp_growth[year] + around_gdp)
        grown[source] = max(1 + expected + missed, 0.1) * price
    return grown


like = [factors(year) for year in past]
draw = random.Random(assumed.seed).random
outcomes = {year: [] for year in years}
for _ in range(assumed.paths):
    level = dict(baseline["start"])
    for year in years:
        # The one function of `random` whose sequence is promised to stay.
        grown = like[int(draw() * len(like))]
        for source in level:
            level[source] *= grown[source]
        outcomes[year].append(math.fsum(level.values()))

bands = {}
for year in years:
    ordered = sorted(outcomes[year])
    bands[year] = {f"p{round(share * 100):02}": quantile(ordered, share) for share in SHARES}

write_table(
    "risk",
    ["fiscal_year", *bands[years[0]]],
    [[year, *(f"{value:.1f}" for value in bands[year].values())] for year in years],
)
last = outcomes[years[-1]]
plan = by_year(baseline["total"])[years[-1]]
low, high = (bands[years[-1]][name] for name in ("p05", "p95"))
print(f"{assumed.paths} futures; {years[-1]}: {low:,.0f} to {high:,.0f}")

result = rounded(
    {
        "paths": assumed.paths,
        "seed": assumed.seed,
        "bands": bands,
        "last_year": {
            "mean": mean(last),
            "deviation": deviation(last),
            "chance_below_plan": sum(value < plan for value in last) / len(last),
        },
    },
    digits=3,
)
