"""What each source of receipts makes of a growing economy: a line for each, by least squares.

Changes of the law make single years jump by more than any economy; they are drawn in before the
fit, so that a tax reform does not pass for a property of growth.
"""

import os
import sys
from dataclasses import asdict

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.figures import by_year, line, rounded, winsorised
from plan.places import upstream, write_table

DRAWN_IN = 0.05  # of the years at either end

prices = upstream("prices")
gdp_growth = by_year(prices["gdp_growth"])
fits = {}
for source, series in prices["real_growth"].items():
    series = by_year(series)
    years = sorted(series)
    fits[source] = line(
        [gdp_growth[year] for year in years],
        winsorised([series[year] for year in years], DRAWN_IN),
    )

write_table(
    "elasticities",
    ["source", "slope", "slope_error", "intercept", "explained", "durbin_watson"],
    [
        [
            source,
            f"{fit.slope:.3f}",
            f"{fit.slope_error:.3f}",
            f"{fit.intercept:.4f}",
            f"{fit.explained:.3f}",
            f"{fit.durbin_watson:.2f}",
        ]
        for source, fit in fits.items()
    ],
)
for source, fit in fits.items():
    print(f"{source:12} {fit.slope:6.2f} ± {fit.slope_error:.2f}  R² {fit.explained:.2f}")

result = {"lines": {source: rounded(asdict(fit), digits=6) for source, fit in fits.items()}}
