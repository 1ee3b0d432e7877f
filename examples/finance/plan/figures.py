"""Arithmetic whose result is the same on every machine."""

import math
from dataclasses import dataclass

DIGITS = 4


def mean(values):
    """The mean; exact sums keep it the same whatever the version of Python."""
    values = list(values)
    return math.fsum(values) / len(values)


def deviation(values):
    """The standard deviation of a sample."""
    values = list(values)
    middle = mean(values)
    return math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))


def growth(series):
    """The yearly growth of a series by year, from its second year on."""
    return {year: series[year] / series[year - 1] - 1 for year in sorted(series)[1:]}


def quantile(ordered, share):
    """A quantile of ordered values, between two of them by proportion."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def winsorised(values, share):
    """The values with those beyond the outermost shares drawn in to them."""
    ordered = sorted(values)
    low, high = quantile(ordered, share), quantile(ordered, 1 - share)
    return [min(max(value, low), high) for value in values]


def rounded(value, digits=DIGITS):
    """The value with every number in it rounded, and negative zero put right."""
    if isinstance(value, dict):
        return {str(key): rounded(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(item, digits) for item in value]
    if isinstance(value, float):
        return round(value, digits) + 0.0
    return value


def by_year(series):
    """A series by year that came as JSON, whose keys are texts."""
    return {int(year): value for year, value in series.items()}


@dataclass(frozen=True)
class Line:
    """A line through points by least squares."""

    intercept: float
    slope: float
    slope_error: float
    explained: float  # share of the variance
    residual: float  # standard deviation
    durbin_watson: float

    def at(self, x):
        return self.intercept + self.slope * x


def line(xs, ys):
    """Fits a line; needs three points and an x that varies."""
    xs, ys = list(xs), list(ys)
    middle_x, middle_y = mean(xs), mean(ys)
    spread = math.fsum((x - middle_x) ** 2 for x in xs)
    slope = math.fsum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys)) / spread
    intercept = middle_y - slope * middle_x
    left = [y - intercept - slope * x for x, y in zip(xs, ys)]
    squares = math.fsum(value**2 for value in left)
    total = math.fsum((y - middle_y) ** 2 for y in ys)
    variance = squares / (len(xs) - 2)
    steps = math.fsum((later - sooner) ** 2 for sooner, later in zip(left, left[1:]))
    return Line(
        intercept=intercept,
        slope=slope,
        slope_error=math.sqrt(variance / spread),
        explained=1 - squares / total,
        residual=math.sqrt(variance),
        durbin_watson=steps / squares,
    )
