"""Receipts along a path of the economy."""

import math


def project(start, lines, gdp_growth, inflation):
    """Each source's receipts for each year of a path.

    `start` is what each source brought in the year before the path, `lines` has the intercept
    and slope of its real growth on that of GDP; both growths are by year.
    """
    path = {source: {} for source in start}
    level = dict(start)
    for year in sorted(gdp_growth):
        for source, fitted in lines.items():
            real = fitted["intercept"] + fitted["slope"] * gdp_growth[year]
            level[source] *= (1 + real) * (1 + inflation[year])
            path[source][year] = level[source]
    return path


def totals(path):
    """The sum of all sources by year."""
    years = sorted(next(iter(path.values())))
    return {year: math.fsum(series[year] for series in path.values()) for year in years}
