"""Reads both tables: receipts by source and fiscal year, and the economy by fiscal year."""

import os
import sys

sys.path.insert(0, os.environ.get("SANDBOX_REPO_PATH", "/repo"))

from plan.figures import mean, rounded
from plan.places import table, write_table

BILLION = 1_000_000  # the table is in thousands of dollars
LAST_ACTUAL = 2014  # the budget for 2016 estimates 2015 and projects what follows
SOURCES = {
    "Individual Income Taxes": "individual",
    "Corporation Income Taxes": "corporation",
    "Social Insurance Taxes and Contributions": "payroll",
    "Excise Taxes": "excise",
    "Estate and Gift Taxes": "estate",
    "Customs Duties": "customs",
    "Misc. Governmental Receipts": "other",
}
PROPOSALS = "Legislative Proposals"  # of the budget, so in its projections only


def receipts():
    """Billions of dollars by source and year; the transition quarter of 1976 is left out."""
    sums = {}
    for row in table("receipts"):
        name = row["Source category name"]
        source = "proposals" if name == PROPOSALS else SOURCES[name]
        series = sums.setdefault(source, {})
        for column, text in row.items():
            if column.isdigit():
                series[int(column)] = series.get(int(column), 0) + int(text)
    return {source: {year: n / BILLION for year, n in s.items()} for source, s in sums.items()}


def fiscal_year(year, quarter):
    """The fiscal year of a quarter: until 1976 it began in July, since then in October."""
    if (year, quarter) == (1976, 3):
        return None
    begins = 3 if year < 1976 else 4
    return year + 1 if quarter >= begins else year


def economy():
    """The means of the quarters of each fiscal year that has all four."""
    quarters = {}
    for row in table("macro"):
        year = fiscal_year(int(float(row["year"])), int(float(row["quarter"])))
        quarters.setdefault(year, []).append(row)
    columns = {"gdp": "realgdp", "prices": "cpi", "unemployment": "unemp", "bill_rate": "tbilrate"}
    return {
        year: {name: mean(float(row[column]) for row in rows) for name, column in columns.items()}
        for year, rows in quarters.items()
        if year is not None and len(rows) == 4
    }


collected = receipts()
macro = economy()
sources = list(SOURCES.values())
years = [year for year in sorted(collected[sources[0]]) if year <= LAST_ACTUAL]
write_table(
    "history",
    ["fiscal_year", *sources],
    [[year, *(f"{collected[source][year]:.3f}" for source in sources)] for year in years],
)
print(f"receipts {years[0]}-{years[-1]}, economy {min(macro)}-{max(macro)}")

result = rounded(
    {
        "sources": sources,
        "last_actual_year": LAST_ACTUAL,
        "last_macro_year": max(macro),
        "receipts": {s: {y: collected[s][y] for y in years} for s in sources},
        "official": {
            source: {year: value for year, value in series.items() if year > LAST_ACTUAL}
            for source, series in collected.items()
        },
        "macro": macro,
    }
)
