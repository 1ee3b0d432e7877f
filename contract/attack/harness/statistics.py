"""Percentiles, and a test whether two samples differ in their means."""

import math
import statistics


def percentile(sample: list[float], share: float) -> float:
    ordered = sorted(sample)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def cropped(sample: list[float], share: float) -> list[float]:
    """Without the slowest, which tell of the machine and not of the code."""
    return sorted(sample)[: max(2, int(len(sample) * share))]


def welch_t(a: list[float], b: list[float]) -> float:
    """Welch's t of two samples of different variance."""
    variance = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    if variance == 0:
        return 0.0
    return (statistics.fmean(a) - statistics.fmean(b)) / math.sqrt(variance)
