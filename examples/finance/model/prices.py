"""Takes inflation out: receipts in dollars of one year, their mix and their share of GDP."""

import math
import os
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.figures import by_year, growth, mean, rounded
from plan.places import upstream, write_table

BASE_YEAR = 2005  # the year whose dollars the table's GDP is in

history = upstream("history")
macro = by_year(history["macro"])
years = [year for year in sorted(macro) if year >= 1962]
index = {year: macro[year]["prices"] / macro[BASE_YEAR]["prices"] for year in years}
real = {
    source: {year: by_year(series)[year] / index[year] for year in years}
    for source, series in history["receipts"].items()
}
total = {year: math.fsum(series[year] for series in real.values()) for year in years}
share_of_gdp = {year: total[year] / macro[year]["gdp"] for year in years}
mix = {
    source: {year: series[year] / total[year] for year in (years[0], 1985, years[-1])}
    for source, series in real.items()
}
write_table(
    "real_receipts",
    ["fiscal_year", "price_index", *real, "total", "share_of_gdp"],
    [
        [
            year,
            f"{index[year]:.4f}",
            *(f"{series[year]:.2f}" for series in real.values()),
            f"{total[year]:.2f}",
            f"{share_of_gdp[year]:.4f}",
        ]
        for year in years
    ],
)
peak = max(share_of_gdp, key=share_of_gdp.get)
trough = min(share_of_gdp, key=share_of_gdp.get)
print(f"share of GDP: highest {share_of_gdp[peak]:.1%} in {peak}, lowest in {trough}")

result = rounded(
    {
        "base_year": BASE_YEAR,
        "real_growth": {source: growth(series) for source, series in real.items()},
        "gdp_growth": growth({year: macro[year]["gdp"] for year in years}),
        "inflation": growth(index),
        "share_of_gdp": {
            "mean": mean(share_of_gdp.values()),
            "highest": {"year": peak, "share": share_of_gdp[peak]},
            "lowest": {"year": trough, "share": share_of_gdp[trough]},
        },
        "mix": mix,
    },
    digits=6,
)
