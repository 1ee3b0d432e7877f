"""Puts the plan beside what came, and beside what the government itself projected."""

import math
import os
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.chart import draw
from plan.figures import by_year, mean, rounded
from plan.places import upstream, write_json, write_table, write_text

history = upstream("history")
prices = upstream("prices")
elasticity = upstream("elasticity")
backtest = upstream("backtest")
baseline = upstream("baseline")
scenarios = upstream("scenarios")
risk = upstream("risk")

plan = by_year(baseline["total"])
bands = by_year(risk["bands"])
last_actual = history["last_actual_year"]


def summed(groups):
    """The sum of several series by year."""
    years = sorted({int(year) for series in groups.values() for year in series})
    return {y: math.fsum(series.get(str(y), 0) for series in groups.values()) for y in years}


actual = summed(history["receipts"])
official = summed(history["official"])
rows = []
for year in sorted(plan):
    known = actual.get(year)
    theirs = official.get(year)
    beside = known if known is not None else theirs
    rows.append(
        {
            "fiscal_year": year,
            "plan": plan[year],
            "low": bands[year]["p05"],
            "high": bands[year]["p95"],
            "actual": known,
            "official": theirs,
            "off_by": None if beside is None else plan[year] / beside - 1,
        }
    )

known = [row for row in rows if row["actual"] is not None]
inside = sum(row["low"] <= row["actual"] <= row["high"] for row in known)
last = rows[-1]
most_elastic = max(elasticity["lines"], key=lambda s: elasticity["lines"][s]["slope"])
worst = min(scenarios["scenarios"], key=lambda name: scenarios["scenarios"][name]["cumulated_gap"])

result = rounded(
    {
        "first_year": rows[0]["fiscal_year"],
        "last_year": last["fiscal_year"],
        "receipts_last_year": last["plan"],
        "receipts_low": last["low"],
        "receipts_high": last["high"],
        "official_last_year": last["official"],
        "last_year_off_by": last["off_by"],
        "mean_error_on_actuals": mean(abs(row["off_by"]) for row in known) if known else None,
        "actuals_inside_band": inside,
        "actuals": len(known),
        "gdp_growth": baseline["gdp_growth"],
        "inflation": baseline["inflation"],
        "mean_share_of_gdp": prices["share_of_gdp"]["mean"],
        "most_elastic_source": most_elastic,
        "its_elasticity": elasticity["lines"][most_elastic]["slope"],
        "backtest_error_one_year": backtest["weighted_error"]["1"],
        "backtest_better": backtest["better"],
        "worst_scenario": worst,
        "worst_scenario_gap": scenarios["scenarios"][worst]["cumulated_gap"],
        "chance_below_plan": risk["last_year"]["chance_below_plan"],
    }
)


def cell(value, form):
    return "" if value is None else format(value, form)


write_json("summary", result)
write_table(
    "plan",
    list(rows[0]),
    [
        [row["fiscal_year"]]
        + [cell(row[key], ".1f") for key in ("plan", "low", "high", "actual", "official")]
        + [cell(row["off_by"], ".4f")]
        for row in rows
    ],
)
write_text("plan.svg", draw(rows, actual))
lines = [
    "# Federal receipts, billions of dollars",
    "",
    "| year | plan | 5–95 % | actual or official | off by |",
    "|---|--:|--:|--:|--:|",
]
for row in rows:
    beside = row["actual"] if row["actual"] is not None else row["official"]
    lines.append(
        f"| {row['fiscal_year']} | {row['plan']:,.0f} | {row['low']:,.0f}–{row['high']:,.0f} "
        f"| {cell(beside, ',.0f')} | {cell(row['off_by'], '+.1%')} |"
    )
write_text("report.md", "\n".join(lines) + "\n")
print("\n".join(lines))
