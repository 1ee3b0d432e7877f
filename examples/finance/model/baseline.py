"""The plan: receipts from the last year whose economy is known to the last year of the plan."""

import os
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.assumptions import assumptions
from plan.figures import by_year, mean, rounded
from plan.places import upstream, write_table
from plan.projection import project, totals

assumed = assumptions()
history = upstream("history")
prices = upstream("prices")
lines = upstream("elasticity")["lines"]
origin = history["last_macro_year"]


def usual(series):
    """The mean of the years that are remembered."""
    series = by_year(series)
    return mean(series[year] for year in sorted(series)[-assumed.memory_years :])


gdp_growth = assumed.gdp_growth if assumed.gdp_growth is not None else usual(prices["gdp_growth"])
inflation = assumed.inflation if assumed.inflation is not None else usual(prices["inflation"])
years = range(origin + 1, assumed.last_year + 1)
start = {s: by_year(history["receipts"][s])[origin] for s in history["sources"]}
path = project(
    start, lines, {year: gdp_growth for year in years}, {year: inflation for year in years}
)
total = totals(path)
write_table(
    "baseline",
    ["fiscal_year", *path, "total"],
    [
        [year, *(f"{series[year]:.1f}" for series in path.values()), f"{total[year]:.1f}"]
        for year in years
    ],
)
print(f"GDP {gdp_growth:+.2%}, prices {inflation:+.2%} a year from {origin} on")
print(f"receipts in {assumed.last_year}: {total[assumed.last_year]:,.0f} billion dollars")

result = rounded(
    {
        "origin": origin,
        "last_year": assumed.last_year,
        "gdp_growth": gdp_growth,
        "inflation": inflation,
        "start": start,
        "receipts": path,
        "total": total,
    },
    digits=6,
)
